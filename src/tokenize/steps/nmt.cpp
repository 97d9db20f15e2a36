// Nmt: drops some control characters and turns invisible and odd spaces into plain ones, as sentencepiece's nmt rules do.
#include "base/utf8.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

bool is_dropped(char32_t c) {
  return (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}
bool becomes_space(char32_t c) {
  return c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == kReplacement;
}

struct Nmt : Normalizer {
  void normalize(AlignedText& text) const override {
    TextEdit edit(text);
    for (size_t at = 0; at < text.text.size();) {
      const CodePoint c = decode_utf8(text.text, at);
      if (becomes_space(c.value))
        edit.put(U' ', at);
      else if (!is_dropped(c.value))
        edit.keep(at, at + c.size);
      at += c.size;
    }
    edit.commit();
  }
};

}  // namespace

const StepKind& nmt() {
  static const StepKind kind = {
      .type = "Nmt", .normalizer = [](const Json&) -> std::unique_ptr<Normalizer> { return std::make_unique<Nmt>(); }};
  return kind;
}

}  // namespace orrery::steps
