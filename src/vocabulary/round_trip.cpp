#include "vocabulary/round_trip.h"

#include <algorithm>

#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

namespace {
// Without spaces, and without the sign that stands for one.
std::string inked(std::string_view text) {
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (!is(c.value, kWhitespace) && c.value != 0x2581) kept += text.substr(at, c.size);
    at += c.size;
  }
  return kept;
}
}  // namespace

std::optional<RoundTripFailure> round_trip_failure(const Tokenizer& tokenizer, std::string_view text) {
  const EncodeOptions options{.add_special = false, .specials_as_text = true};
  const std::vector<int32_t> ids = tokenizer.encode_ids(text, options);
  RoundTripFailure failure{std::string(text), tokenizer.decode(ids), "decoder"};
  if (failure.decoded == text) return std::nullopt;
  const auto unknown = tokenizer.roles().unk;
  if (unknown && std::find(ids.begin(), ids.end(), *unknown) != ids.end()) {
    failure.cause = "unknown tokens";
    return failure;
  }
  const std::string given = inked(text);
  if (inked(failure.decoded) == given)
    failure.cause = "spaces";
  else if (inked(tokenizer.stages(text, options).normalized) != given)
    failure.cause = "normalizer";
  return failure;
}

}  // namespace orrery
