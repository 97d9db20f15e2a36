// NFC, NFD, NFKC, NFKD: Unicode's normal forms.
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

template <NormalForm form>
struct Normal : Normalizer {
  bool is_local() const override { return true; }
  bool leaves(std::string_view text) const override { return is_normal(text, form); }
  void normalize(AlignedText& text) const override { text.normalize(form); }
};

template <NormalForm form>
StepKind normal_form(std::string_view type) {
  return {.type = type,
          .normalizer = [](const Json&) -> std::unique_ptr<Normalizer> { return std::make_unique<Normal<form>>(); }};
}

}  // namespace

const StepKind& nfc() {
  static const StepKind kind = normal_form<NormalForm::nfc>("NFC");
  return kind;
}
const StepKind& nfd() {
  static const StepKind kind = normal_form<NormalForm::nfd>("NFD");
  return kind;
}
const StepKind& nfkc() {
  static const StepKind kind = normal_form<NormalForm::nfkc>("NFKC");
  return kind;
}
const StepKind& nfkd() {
  static const StepKind kind = normal_form<NormalForm::nfkd>("NFKD");
  return kind;
}

}  // namespace orrery::steps
