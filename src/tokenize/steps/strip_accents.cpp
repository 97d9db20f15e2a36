// StripAccents: removes combining marks (Mn, Mc, Me). It does not decompose, so "é" as one character stays.
#include "tokenize/step.h"

namespace orrery::steps {

namespace {
struct StripAccents : Normalizer {
  bool is_local() const override { return true; }
  void normalize(AlignedText& text) const override { text.remove(kCombining); }
};
}  // namespace

const StepKind& strip_accents() {
  static const StepKind kind = {
      .type = "StripAccents",
      .normalizer = [](const Json&) -> std::unique_ptr<Normalizer> { return std::make_unique<StripAccents>(); }};
  return kind;
}

}  // namespace orrery::steps
