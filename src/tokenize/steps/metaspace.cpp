// Metaspace: spaces become `replacement` (▁), one is put in front of a text that has none, and each ▁ begins a word.
// As a decoder it turns ▁ back into spaces and drops those of the first token, unless nothing was ever prepended.
#include "tokenize/split.h"

namespace orrery::steps {

namespace {

enum class Prepends { always, first, never };

struct Metaspace : PreTokenizer, Decoder {
  std::string replacement;
  Prepends prepends = Prepends::always;   // `first`: only the piece at the start of the original text
  bool splits = true;

  explicit Metaspace(const Json& config) : replacement(to_utf8(char_field(config, "replacement"))) {
    const std::string scheme = text_field(config, "prepend_scheme", "always");
    if (scheme == "first")
      prepends = Prepends::first;
    else if (scheme == "never")
      prepends = Prepends::never;
    else if (scheme != "always")
      bad_field(config, "prepend_scheme", "one of always, first, never");
    // The field of older files: false means never, and contradicts the others.
    if (!flag_field(config, "add_prefix_space", true)) {
      if (config.contains("prepend_scheme") && prepends != Prepends::never)
        bad_field(config, "add_prefix_space", "a value that agrees with prepend_scheme");
      prepends = Prepends::never;
    }
    splits = flag_field(config, "split", true);
  }

  SafeCuts safe_cuts() const override { return splits && is_local() ? SafeCuts::spaces : SafeCuts::none; }
  bool is_local() const override { return prepends != Prepends::first; }
  bool adds_prefix() const override { return prepends != Prepends::never; }
  bool cuts_at_spaces_alone() const override { return splits; }
  bool needs_origins() const override { return prepends == Prepends::first; }

  std::optional<std::string_view> before_whole(std::string_view text) const override {
    if (prepends == Prepends::first || text.find(' ') != std::string_view::npos || text.find(replacement) != std::string_view::npos) return std::nullopt;
    return prepends == Prepends::always ? replacement : std::string_view();
  }

  void pre_tokenize(Pieces& pieces) const override {
    pieces.rewrite([&](AlignedText& text) {
      text.replace(" ", replacement);
      if (text.text.starts_with(replacement)) return;
      if (prepends == Prepends::always || (prepends == Prepends::first && text.origin[0].begin == 0)) text.prepend(replacement);
    });
    if (splits) split_pieces(pieces, SplitBehavior::merged_with_next, false, each_string(replacement));
  }

  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); i++) tokens[i] = spaced(tokens[i], i == 0 && prepends != Prepends::never ? "" : " ");
  }
  std::string token_bytes(std::string token) const override { return spaced(token, " "); }

  std::string spaced(const std::string& token, std::string_view space) const {
    std::string out;
    size_t kept = 0;
    each_string(replacement)(token, [&](size_t begin, size_t end) {
      out.append(token, kept, begin - kept);
      out += space;
      kept = end;
    });
    return out.append(token, kept);
  }
};

}  // namespace

const StepKind& metaspace() {
  static const StepKind kind = {
      .type = "Metaspace",
      .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> { return std::make_unique<Metaspace>(config); },
      .decoder = [](const Json& config) -> std::unique_ptr<Decoder> { return std::make_unique<Metaspace>(config); }};
  return kind;
}

}  // namespace orrery::steps
