// Strip. As a normalizer: removes white space at the text's ends. As a decoder: removes up to `start` leading and `stop`
// trailing characters equal to `content` from each token.
#include "base/utf8.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

struct StripSpace : Normalizer {
  bool left = true, right = true;

  void normalize(AlignedText& text) const override {
    size_t begin = 0, end = text.text.size();
    if (left)
      while (begin < end) {
        const CodePoint c = decode_utf8(text.text, begin);
        if (!is(c.value, kWhitespace)) break;
        begin += c.size;
      }
    if (right)
      while (end > begin) {
        const size_t last = previous_utf8(text.text, end);
        if (!is(decode_utf8(text.text, last).value, kWhitespace)) break;
        end = last;
      }
    if (begin > 0 || end < text.text.size()) text.keep_only(begin, end);
  }
};

struct StripTokens : Decoder {
  std::string content;
  int64_t start = 0, stop = 0;

  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      size_t begin = 0, end = token.size();
      for (int64_t i = 0; i < start && token.compare(begin, content.size(), content) == 0; i++) begin += content.size();
      for (int64_t i = 0; i < stop && end - begin >= content.size(); i++) {
        if (token.compare(end - content.size(), content.size(), content) != 0) break;
        end -= content.size();
      }
      token = token.substr(begin, end - begin);
    }
  }
};

}  // namespace

const StepKind& strip() {
  static const StepKind kind = {.type = "Strip",
                                .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> {
                                  auto step = std::make_unique<StripSpace>();
                                  step->left = flag_field(config, "strip_left");
                                  step->right = flag_field(config, "strip_right");
                                  return step;
                                },
                                .decoder = [](const Json& config) -> std::unique_ptr<Decoder> {
                                  auto step = std::make_unique<StripTokens>();
                                  step->content = to_utf8(char_field(config, "content"));
                                  step->start = count_field(config, "start");
                                  step->stop = count_field(config, "stop");
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
