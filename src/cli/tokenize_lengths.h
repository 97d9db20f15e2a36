// `orrery tokenize --max-length N --stride N …` and `--padding longest …`: encodings cut to a length and filled up to one, by the names
// that transformers has for that.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "cli/context.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

struct LengthOptions {
  std::string truncation, truncation_side, padding, padding_side, pad_token;
  std::optional<int64_t> max_length, stride, pad_to_multiple_of;
  static constexpr auto about = describe(
      "lengths", "Cutting and filling up",
      option(&LengthOptions::max_length, "max_length", "The most tokens of an encoding, special ones included; the tokenizer's own where not given.", at_least(1)),
      option(&LengthOptions::truncation, "truncation", "Cut what is longer: the longer text of a pair first, or one of them; or as tokenizer.json says.",
             one_of("longest_first", "only_first", "only_second", "do_not_truncate", "file")),
      option(&LengthOptions::stride, "stride", "Tokens that each piece cut off shares with the one before.", at_least(0)),
      option(&LengthOptions::truncation_side, "truncation_side", "Where a text is cut.", one_of("right", "left")),
      option(&LengthOptions::padding, "padding", "Fill up: to the longest encoding, to --max-length; or as tokenizer.json says.", one_of("longest", "max_length", "do_not_pad", "file")),
      option(&LengthOptions::pad_to_multiple_of, "pad_to_multiple_of", "Round the length that is filled up to up.", at_least(1)),
      option(&LengthOptions::padding_side, "padding_side", "Where the padding stands.", one_of("right", "left")),
      option(&LengthOptions::pad_token, "pad_token", "The token to fill up with; the tokenizer's own where not given.", unit("TOKEN")));
};

struct Lengths {
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  // Whether an encoding's length depends on the others'.
  bool of_a_batch() const { return padding && !padding->length; }
};

// Throws Error where the options contradict each other, or leave a length or a token open that the tokenizer does not say either.
Lengths lengths_of(const LengthOptions& options, const Tokenizer& tokenizer);

}  // namespace orrery::cli
