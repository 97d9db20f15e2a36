// FixedLength: cuts every `length` characters.
#include "tokenize/split.h"

namespace orrery::steps {

namespace {

struct FixedLength : PreTokenizer {
  int64_t length = 5;

  void pre_tokenize(Pieces& pieces) const override {
    pieces.split([&](std::string_view text, auto emit) {
      size_t begin = 0;
      int64_t count = 0;
      for (size_t at = 0; at < text.size();) {
        at += decode_utf8(text, at).size;
        if (++count < length) continue;
        emit(begin, at);
        begin = at;
        count = 0;
      }
      emit(begin, text.size());
    });
  }
};

}  // namespace

const StepKind& fixed_length() {
  static const StepKind kind = {
      .type = "FixedLength", .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
        auto step = std::make_unique<FixedLength>();
        step->length = count_field(config, "length", 5);
        if (step->length == 0) bad_field(config, "length", "at least 1");
        return step;
      }};
  return kind;
}

}  // namespace orrery::steps
