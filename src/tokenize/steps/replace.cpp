// Replace: every match of a pattern becomes `content`. As a normalizer on texts, as a decoder on each token.
#include <algorithm>

#include "tokenize/steps/pattern.h"

namespace orrery::steps {

namespace {

class Replace : public Normalizer, public Decoder {
 public:
  explicit Replace(const Json& config) : pattern_(config), content_(text_field(config, "content")) {}

  void normalize(AlignedText& text) const override {
    if (const std::string* what = pattern_.literal()) return text.replace(*what, content_);
    TextEdit edit(text);
    size_t kept = 0;
    bool changed = false, in_front = false;
    const uint32_t first = text.origin.empty() ? 0 : text.origin.front().begin;
    pattern_.find(text.text, [&](size_t begin, size_t end) {
      edit.keep(kept, begin);
      edit.put(content_, end > 0 ? end - 1 : 0);
      kept = end;
      changed = true;
      in_front = in_front || end == 0;
    });
    if (!changed) return;
    edit.keep(kept, text.text.size());
    edit.commit();
    // What stands for nothing at the very front is of no character, in the reference.
    if (in_front && text.tracked) std::fill_n(text.origin.begin(), content_.size(), Span{first, first});
  }

  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = token_bytes(std::move(token));
  }

  std::string token_bytes(std::string token) const override {
    std::string out;
    size_t kept = 0;
    pattern_.find(token, [&](size_t begin, size_t end) {
      out.append(token, kept, begin - kept);
      out += content_;
      kept = end;
    });
    return out.append(token, kept);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

}  // namespace

const StepKind& replace() {
  static const StepKind kind = {
      .type = "Replace",
      .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> { return std::make_unique<Replace>(config); },
      .decoder = [](const Json& config) -> std::unique_ptr<Decoder> { return std::make_unique<Replace>(config); }};
  return kind;
}

}  // namespace orrery::steps
