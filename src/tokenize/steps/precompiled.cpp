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

  explicit Precompiled(std::string_view blob) : map(blob) {}

  void normalize(AlignedText& text) const override {
    if (!text.tracked) return normalize_text(text);
    std::vector<Change> changes;
    changes.reserve(text.text.size());
    bool changed = false;
    const auto keep = [&](std::string_view part) {
      for (size_t at = 0; at < part.size();) {
        const CodePoint c = decode_valid_utf8(part, at);
        changes.push_back({c.value, 0});
        at += c.size;
      }
    };
    each_part(text.text, keep, [&](std::string_view part, std::string_view with) {
      changed = true;
      replace(changes, part, with);
    });
    if (changed) text.change(changes);
  }

  void normalize_text(AlignedText& text) const {
    std::string made;
    size_t kept = 0;   // bytes that are not in `made` yet begin here
    const char* const all = text.text.data();
    each_part(text.text, [](std::string_view) {}, [&](std::string_view part, std::string_view with) {
      const auto begin = static_cast<size_t>(part.data() - all);
      made.append(text.text, kept, begin - kept).append(with);
      kept = begin + part.size();
    });
    if (kept == 0) return;
    made.append(text.text, kept);
    text.text.swap(made);
    check_growth(text.text.size(), text.limit);
  }

  // keep(part) and change(part, with), from left to right. Only characters that begin a mapped string are looked at, so it is only there
  // that it matters where a cluster begins.
  template <class Keep, class Swap>
  void each_part(std::string_view all, Keep keep, Swap change) const {
    const auto replaced = [&](std::string_view part) {
      const auto match = map.shortest(part);
      if (match) change(part, match->replacement);
      return match.has_value();
    };
    size_t cluster = 0, end = 0;   // the last that was looked at
    for (size_t at = 0; at < all.size();) {
      const size_t begun = map.next_begun(all, at);
      if (at < begun) keep(all.substr(at, begun - at));
      if (begun == all.size()) return;
      at = begun;
      while (end <= at) {
        cluster = begins_grapheme(all, at) ? at : end;
        end = grapheme_end(all, cluster);
      }
      if (cluster == at && end - at <= kLongestCluster && replaced(all.substr(at, end - at))) {
        at = end;
        continue;
      }
      const std::string_view one = all.substr(at, decode_valid_utf8(all, at).size);
      if (!replaced(one)) keep(one);
      at += one.size();
    }
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
                                  return std::make_unique<Precompiled>(*blob);
                                }};
  return kind;
}

}  // namespace orrery::steps
