// Where two tokenizers part: the first text with other pieces, the place, and the first stage that differs.
#include <algorithm>

#include "vocabulary/measure.h"
#include "vocabulary/report.h"

namespace orrery {

Json first_difference(const Tokenizer& one, const Tokenizer& other, const std::vector<std::string>& texts) {
  const EncodeOptions options{.add_special = false, .specials_as_text = true, .unit = OffsetUnit::bytes};
  const Gauge a(one), b(other);
  for (const std::string& text : texts) {
    const SplitText first = a.split(text), second = b.split(text);
    if (first.pieces == second.pieces && first.unknown == second.unknown) continue;
    size_t at = 0, byte = 0;
    while (at < std::min(first.pieces.size(), second.pieces.size()) && first.pieces[at] == second.pieces[at]) byte += first.pieces[at++].size();
    const TokenizerStages left = one.stages(text, options), right = other.stages(text, options);
    const auto spaced = [](std::string normalized) {   // ▁ is a space, and one in front is no difference
      for (size_t i = normalized.find("\xE2\x96\x81"); i != std::string::npos; i = normalized.find("\xE2\x96\x81", i)) normalized.replace(i, 3, " ");
      return normalized.starts_with(' ') ? normalized.substr(1) : normalized;
    };
    std::string cause = "vocabulary";
    if (spaced(left.normalized) != spaced(right.normalized))
      cause = "normalizer";
    else if (left.offsets != right.offsets)
      cause = "pre-tokenizer";
    const auto around = [&](const SplitText& split) {
      Json pieces = Json::array();
      for (size_t i = at > 2 ? at - 2 : 0; i < std::min(split.pieces.size(), at + 6); i++) pieces.push_back(split.pieces[i]);
      return pieces;
    };
    return {{"text", beginning(text)}, {"byte", byte}, {"token", at}, {"cause", cause}, {"pieces", around(first)}, {"other_pieces", around(second)}};
  }
  return nullptr;
}

}  // namespace orrery
