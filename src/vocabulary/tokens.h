// The tokens of a vocabulary one by one: those that no text gives, those that look untrained, special ones that stand in texts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tokenize/tokenizer.h"

namespace orrery {

struct Reach {
  int64_t tokens = 0, fragments = 0;   // ordinary tokens looked at; those that are parts of characters, which are not judged
  std::vector<int32_t> unreachable;    // no text of the token alone or beside a few neighbours gives it
};
Reach unreachable_tokens(const Tokenizer& tokenizer);

// Rows of an embedding that are far shorter than the others: tokens that training hardly met (Land and Bartolo 2024
// compare with rows known to be unused; the length alone finds the same ones where weight decay has shrunk them).
struct UnderTrained {
  double median_norm = 0, limit = 0;
  std::vector<std::pair<double, int32_t>> suspects;   // length and id, the shortest first
};
UnderTrained under_trained_tokens(const Tokenizer& tokenizer, std::span<const float> rows, int64_t width);

// Special tokens whose names stand in the texts, where they would become control tokens.
struct Collision {
  std::string token;
  int64_t texts = 0;
};
std::vector<Collision> special_collisions(const Tokenizer& tokenizer, const std::vector<std::string>& texts);

}  // namespace orrery
