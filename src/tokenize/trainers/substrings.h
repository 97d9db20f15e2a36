// All strings that occur at least twice inside the words of a corpus, with how often: what Unigram begins with.
// The starts of all strings are sorted by what follows them; a string that occurs at several starts is what neighbours in
// that order share, so one walk over it meets every maximal one (Abouelhoda et al. 2004, intervals of longest common prefixes).
#pragma once

#include <functional>
#include <string_view>

#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

// found(text, occurrences), for texts of 2 to `longest` characters. The words must be valid UTF-8, below 4 GiB together.
void repeated_substrings(const WordList& words, int64_t longest, ThreadPool& pool, const std::function<void(std::string_view, int64_t)>& found);

}  // namespace orrery
