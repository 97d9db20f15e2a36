// BertNormalizer, in this order:
//   clean_text            control characters and U+FFFD go, white space becomes ' '
//   handle_chinese_chars  CJK ideographs get a space on either side
//   strip_accents         canonical decomposition, then non-spacing marks go; null follows `lowercase`
//   lowercase
#include "base/utf8.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

struct BertNormalizer : Normalizer {
  bool is_local() const override { return true; }
  bool is_local_at_ascii() const override { return true; }
  bool clean_text = true, handle_chinese_chars = true, strip_accents = true, lowercase = true;

  void normalize(AlignedText& text) const override {
    const uint32_t touched = (clean_text ? kBertRemoved | kBertSpace : 0u) | (handle_chinese_chars ? kBertChinese : 0u);
    if (touched != 0) clean(text, touched);
    if (strip_accents && !is_ascii(text.text)) {
      text.normalize(NormalForm::nfd);
      text.remove(kMarkNonspacing);
    }
    if (lowercase) text.lowercase();
  }

  static void clean(AlignedText& text, uint32_t touched) {
    TextEdit edit(text);
    size_t kept = 0;
    bool changed = false;
    for (size_t at = 0; at < text.text.size();) {
      const CodePoint c = decode_valid_utf8(text.text, at);
      const size_t end = at + c.size;
      if (const uint32_t classes = unicode_classes(c.value) & touched; classes != 0) {
        edit.keep(kept, at);
        kept = end;
        changed = true;
        if (!(classes & kBertRemoved)) edit.put(U' ', at);
        if (classes & kBertChinese) {
          edit.keep(at, end);
          edit.put(U' ', at);
        }
      }
      at = end;
    }
    if (!changed) return;
    edit.keep(kept, text.text.size());
    edit.commit();
  }
};

}  // namespace

const StepKind& bert_normalizer() {
  static const StepKind kind = {.type = "BertNormalizer",
                                .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> {
                                  auto step = std::make_unique<BertNormalizer>();
                                  step->clean_text = flag_field(config, "clean_text");
                                  step->handle_chinese_chars = flag_field(config, "handle_chinese_chars");
                                  step->lowercase = flag_field(config, "lowercase");
                                  step->strip_accents = flag_field(config, "strip_accents", step->lowercase);
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
