#include "vocabulary/tokens.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/utf8.h"
#include "vocabulary/measure.h"

namespace orrery {

Reach unreachable_tokens(const Tokenizer& tokenizer) {
  constexpr std::string_view kBefore[] = {"", "a", "q", " ", "1", ".", "\n"}, kAfter[] = {"", "x", " "};
  const EncodeOptions options{.add_special = false, .specials_as_text = true};
  Reach reach;
  std::string text;
  for (int32_t id = 0; id < tokenizer.id_limit(); id++) {
    const auto token = tokenizer.token_of(id);
    if (!token || tokenizer.is_special(id) || id == tokenizer.roles().unk || is_byte_token(*token)) continue;
    const std::string bytes = tokenizer.token_bytes(id);
    reach.tokens++;
    if (bytes.empty()) continue;   // a decoder that tells it only among others
    if (!is_valid_utf8(bytes)) {
      reach.fragments++;
      continue;
    }
    bool found = false;
    for (const std::string_view after : kAfter)
      for (const std::string_view before : kBefore) {
        if (found) break;
        text.assign(before).append(bytes).append(after);
        const std::vector<int32_t> ids = tokenizer.encode_ids(text, options);
        found = std::find(ids.begin(), ids.end(), id) != ids.end();
      }
    if (!found) reach.unreachable.push_back(id);
  }
  return reach;
}

UnderTrained under_trained_tokens(const Tokenizer& tokenizer, std::span<const float> rows, int64_t width) {
  UnderTrained found;
  std::vector<std::pair<double, int32_t>> norms;
  const auto count = static_cast<int64_t>(rows.size()) / std::max<int64_t>(width, 1);
  for (int32_t id = 0; id < std::min<int64_t>(tokenizer.id_limit(), count); id++) {
    if (!tokenizer.token_of(id)) continue;
    double sum = 0;
    for (const float x : rows.subspan(static_cast<size_t>(id * width), static_cast<size_t>(width))) sum += static_cast<double>(x) * static_cast<double>(x);
    norms.emplace_back(std::sqrt(sum), id);
  }
  if (norms.empty()) return found;
  std::sort(norms.begin(), norms.end());
  found.median_norm = norms[norms.size() / 2].first;
  std::vector<double> spread;
  for (const auto& norm : norms) spread.push_back(std::abs(norm.first - found.median_norm));
  std::nth_element(spread.begin(), spread.begin() + static_cast<std::ptrdiff_t>(spread.size() / 2), spread.end());
  // Six standard deviations below the middle, a deviation being 1.4826 times the middle distance from it.
  found.limit = std::max(found.median_norm - 6 * 1.4826 * spread[spread.size() / 2], 0.05 * found.median_norm);
  for (const auto& norm : norms) {
    if (norm.first >= found.limit) break;
    found.suspects.push_back(norm);
  }
  return found;
}

std::vector<Collision> special_collisions(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  std::map<int32_t, int64_t> seen;
  for (const std::string& text : texts) {
    std::vector<int32_t> ids = tokenizer.encode_ids(text, {.add_special = false});
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const int32_t id : ids) {
      if (!tokenizer.is_special(id)) continue;
      const std::string name = tokenizer.token_of(id).value_or("");
      if (text.find(name) != std::string::npos) seen[id]++;   // an unknown token is no collision
    }
  }
  std::vector<Collision> collisions;
  for (const auto& [id, count] : seen) collisions.push_back({tokenizer.token_of(id).value_or(""), count});
  return collisions;
}

}  // namespace orrery
