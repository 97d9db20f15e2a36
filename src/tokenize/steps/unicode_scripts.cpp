// UnicodeScripts: cuts where the script changes. Characters of any script stay with what is before them; at the start,
// where nothing is, they are dropped.
#include "base/properties.h"
#include "tokenize/split.h"

namespace orrery::steps {

namespace {

struct UnicodeScripts : PreTokenizer {
  void pre_tokenize(Pieces& pieces) const override {
    pieces.split([](std::string_view text, auto emit) {
      size_t begin = 0;
      uint8_t script = 0;
      for (size_t at = 0; at < text.size();) {
        const CodePoint c = decode_utf8(text, at);
        const uint8_t next = old_script_of(c.value);
        if (next != 0 && next != script) {
          if (script != 0) emit(begin, at);
          begin = at;
          script = next;
        }
        at += c.size;
      }
      if (script != 0) emit(begin, text.size());
    });
  }
};

}  // namespace

const StepKind& unicode_scripts() {
  static const StepKind kind = {.type = "UnicodeScripts", .pre_tokenizer = [](const Json&) -> std::unique_ptr<PreTokenizer> {
                                  return std::make_unique<UnicodeScripts>();
                                }};
  return kind;
}

}  // namespace orrery::steps
