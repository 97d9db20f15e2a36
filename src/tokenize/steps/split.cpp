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
    split_pieces(pieces, behavior_, invert_, [&](std::string_view text, auto match) { pattern_.find(text, match); });
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
