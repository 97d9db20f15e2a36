// Split: cuts at the matches of a pattern; `behavior` says what becomes of the matches, `invert` swaps them with the rest.
#include "tokenize/split.h"

#include "tokenize/steps/pattern.h"

namespace orrery::steps {

namespace {

class Split : public PreTokenizer {
 public:
  explicit Split(const Json& config)
      : pattern_(config), behavior_(behavior_field(config, "behavior")), invert_(flag_field(config, "invert")) {}

  Words words() const override {
    return {.scan = behavior_ == SplitBehavior::isolated && !invert_ ? pattern_.words() : nullptr};
  }

  void pre_tokenize(Pieces& pieces) const override {
    if (pieces.bytes()) return split_bytes(pieces);
    split_pieces(pieces, behavior_, invert_, [&](std::string_view text, auto match) { pattern_.find(text, match); });
  }

  // The matches of the spelled text, as places of the bytes.
  void split_bytes(Pieces& pieces) const {
    AlignedText spelled{.text = {}, .origin = {}, .tracked = false};
    std::vector<size_t> byte_at;
    const auto find = [&](std::string_view bytes, auto match) {
      if (!pattern_.may_match_spelled(bytes)) return;
      spelled.text = bytes;
      bytes_to_chars(spelled);
      byte_at.assign(1, 0);
      for (size_t at = 1; at <= spelled.text.size(); at++) byte_at.push_back(byte_at.back() + (at == spelled.text.size() || (static_cast<unsigned char>(spelled.text[at]) & 0xC0) != 0x80));
      pattern_.find(spelled.text, [&](size_t begin, size_t end) { match(byte_at[begin], byte_at[end]); });
    };
    split_pieces(pieces, behavior_, invert_, find, true);
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

const StepKind& split() {
  static const StepKind kind = {.type = "Split",
                                .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
                                  return std::make_unique<Split>(config);
                                }};
  return kind;
}

}  // namespace orrery::steps
