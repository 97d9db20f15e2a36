// Precompiled: sentencepiece's character map, as Hugging Face applies it. Each grapheme cluster below six bytes is looked
// up by the shortest mapped string that begins it, and replaced as a whole; other clusters character by character.
#include <algorithm>

#include "base/base64.h"
#include "base/properties.h"
#include "base/utf8.h"
#include "tokenize/charsmap.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

constexpr size_t kLongestCluster = 5;   // bytes

struct Precompiled : Normalizer {
  bool is_local() const override { return true; }
  Charsmap map;

  void normalize(AlignedText& text) const override {
    std::vector<Change> changes;
    changes.reserve(text.text.size());
    bool changed = false;
    const auto replaced = [&](std::string_view part) {
      const auto match = map.shortest(part);
      if (!match) return false;
      changed = true;
      replace(changes, part, match->replacement);
      return true;
    };
    const std::string_view all = text.text;
    for (size_t at = 0; at < all.size();) {
      const size_t end = grapheme_end(all, at);
      if (end - at <= kLongestCluster && replaced(all.substr(at, end - at))) {
        at = end;
        continue;
      }
      while (at < end) {
        const CodePoint c = decode_utf8(all, at);
        if (!replaced(all.substr(at, c.size))) changes.push_back({c.value, 0});
        at += c.size;
      }
    }
    if (changed) text.change(changes);
  }

  // One for one as far as it goes; the last characters are new, or the last one swallows what is left over.
  static void replace(std::vector<Change>& changes, std::string_view part, std::string_view with) {
    const auto old_count = static_cast<int32_t>(count_code_points(part));
    int32_t count = 0;
    for (size_t at = 0; at < with.size(); count++) {
      const CodePoint c = decode_utf8(with, at);
      changes.push_back({c.value, count < old_count ? 0 : 1});
      at += c.size;
    }
    if (count < old_count && !changes.empty()) changes.back().change += count - old_count;
  }
};

}  // namespace

const StepKind& precompiled() {
  static const StepKind kind = {.type = "Precompiled", .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> {
                                  const auto blob = decode_base64(text_field(config, "precompiled_charsmap"));
                                  if (!blob) bad_field(config, "precompiled_charsmap", "base64");
                                  auto step = std::make_unique<Precompiled>();
                                  step->map = Charsmap(*blob);
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
