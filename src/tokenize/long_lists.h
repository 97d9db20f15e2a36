// The vocabulary and the merges of a tokenizer.json, read straight off its text: they are nearly all of it, and become
// neither JSON values nor strings of their own.
//
//   std::string rest;
//   if (take_long_lists(text, /*vocab_only=*/false, model, rest)) parse(rest);   // the same file with empty lists
//
// Only of what is as it should be. Whatever is not makes this give up, and the file is read as a whole by a reader that
// says where it is wrong; so nothing here has to.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenize/model.h"

namespace orrery {

// False where the text has to be read as a whole; `model` then holds parts of lists. `vocab_only`: the text is a vocab.json.
bool take_long_lists(std::string_view text, bool vocab_only, ModelConfig& model, std::string& rest);

// "left right", as merges were written before tokens could hold a space.
std::optional<MergeList::Entry> split_merge(std::string_view line);

// A decimal number as the reference reads it: its digits as far as 64 bits hold them, rounded to a double, then scaled by a
// power of ten and rounded again. Which of two equal paths through a text wins can hang on that last bit.
double score_of(std::string_view text);

}  // namespace orrery
