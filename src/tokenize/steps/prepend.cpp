// Prepend: puts a string in front of each text that is not empty. The text's first character lends it its offsets.
#include "tokenize/step.h"

namespace orrery::steps {

namespace {
struct Prepend : Normalizer {
  std::string prefix;
  void normalize(AlignedText& text) const override { text.prepend(prefix); }
};
}  // namespace

const StepKind& prepend() {
  static const StepKind kind = {.type = "Prepend", .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> {
                                  auto step = std::make_unique<Prepend>();
                                  step->prefix = text_field(config, "prepend");
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
