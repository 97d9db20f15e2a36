// Whitespace: the matches of \w+|[^\w\s]+ : runs of word characters and runs of other visible ones.
#include "tokenize/split.h"

namespace orrery::steps {

namespace {

struct Whitespace : PreTokenizer {
  SafeCuts safe_cuts() const override { return SafeCuts::white_space; }
  bool is_local() const override { return true; }
  bool drops_white_space() const override { return true; }
  void pre_tokenize(Pieces& pieces) const override {
    pieces.split([](std::string_view text, auto emit) {
      size_t begin = 0;
      uint32_t open = kWhitespace;   // the kind of the run that began at `begin`; 0 is "other"
      for (size_t at = 0; at < text.size();) {
        const CodePoint c = decode_utf8(text, at);
        const uint32_t kind = unicode_classes(c.value) & (kWhitespace | kWord);
        if (kind != open) {
          if (open != kWhitespace) emit(begin, at);
          begin = at;
          open = kind;
        }
        at += c.size;
      }
      if (open != kWhitespace) emit(begin, text.size());
    });
  }
};

}  // namespace

const StepKind& whitespace() {
  static const StepKind kind = {.type = "Whitespace", .pre_tokenizer = [](const Json&) -> std::unique_ptr<PreTokenizer> {
                                  return std::make_unique<Whitespace>();
                                }};
  return kind;
}

}  // namespace orrery::steps
