// Encodings cut to a greatest length, with what was cut off in overlapping windows, and filled up to a common one.
//
//   e = tokenizer.encode(text, {.truncation = Truncation{.max_length = 512, .stride = 64}});   // e.overflow: the rest
//   pad(batch, {.multiple_of = 8, .id = 0, .token = "[PAD]"});
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenize/encoding.h"

namespace orrery {

struct Truncation {
  enum class Strategy { longest_first, only_first, only_second };
  size_t max_length = 512;   // tokens, those of the post-processor too
  size_t stride = 0;         // tokens that a window shares with the one before
  Strategy strategy = Strategy::longest_first;
  bool left = false;         // cuts at the beginning

  // tokenizer.json's "truncation". Throws Error.
  static Truncation from_json(const Json& json);
};

struct Padding {
  std::optional<size_t> length = {};        // fixed; else that of the batch's longest encoding
  std::optional<size_t> multiple_of = {};   // rounds the length up
  bool left = false;
  int32_t id = 0, type_id = 0;
  std::string token = "[PAD]";

  static Padding from_json(const Json& json);   // tokenizer.json's "padding". Throws Error
};

// Of one text or two, before special tokens are added. Throws Error (out_of_range) where the strategy leaves a text nothing
// or the stride leaves no progress.
void truncate(std::vector<Encoding>& sequences, const Truncation& truncation);

void pad(std::span<Encoding> batch, const Padding& padding);

}  // namespace orrery
