// Lowercase: each character by itself (no final sigma).
#include "tokenize/step.h"

namespace orrery::steps {

namespace {
struct Lowercase : Normalizer {
  bool is_local() const override { return true; }
  void normalize(AlignedText& text) const override { text.lowercase(); }
};
}  // namespace

const StepKind& lowercase() {
  static const StepKind kind = {
      .type = "Lowercase",
      .normalizer = [](const Json&) -> std::unique_ptr<Normalizer> { return std::make_unique<Lowercase>(); }};
  return kind;
}

}  // namespace orrery::steps
