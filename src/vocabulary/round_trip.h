// Texts that do not come back from their tokens as they went in, and why.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tokenize/tokenizer.h"

namespace orrery {

struct RoundTripFailure {
  std::string text, decoded;
  std::string cause;   // "unknown tokens", "normalizer", "spaces" (of the pre-tokenizer or decoder), "decoder"
};

// Nothing where decoding gives the text back.
std::optional<RoundTripFailure> round_trip_failure(const Tokenizer& tokenizer, std::string_view text);

}  // namespace orrery
