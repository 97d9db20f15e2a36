// The tokens that a domain's own vocabulary would have, as far as two tokens that there are make them up (arXiv 2509.26124).
//
// The domain's words are learned from their characters on. Its tokens, in the order in which they were learned, are then
// encoded by the vocabulary and the merges appended so far: one that takes exactly two tokens is appended as their merge.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace orrery {

// `model` is that of a tokenizer.json, BPE; words are rows of its tokens, with their occurrences. At most `tokens` merges,
// each of a product that is no token yet.
std::vector<std::pair<std::string, std::string>> append_merges(const Json& model, const std::map<std::vector<std::string>, int64_t>& words, int64_t tokens, int64_t min_frequency);

}  // namespace orrery
