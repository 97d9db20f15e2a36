#include "tokenize/steps/pattern.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/scanners.h"

namespace orrery::steps {

namespace {

struct KnownExpression {
  std::string_view expression;
  WordScanner words;
};

constexpr KnownExpression kKnown[] = {{kGpt2Pattern, words_gpt2}, {kLlama3Pattern, words_llama3}, {kQwen2Pattern, words_qwen2}, {kCl100kOniguruma, words_cl100k}, {kO200kPattern, words_o200k}};

}  // namespace

Pattern::Pattern(const Json& config) {
  const auto pattern = config.find("pattern");
  const bool is_one = pattern != config.end() && pattern->is_object() && pattern->size() == 1 && pattern->front().is_string();
  if (is_one && pattern->contains("String")) {
    text_ = pattern->front().get<std::string>();
    return;
  }
  if (!is_one || !pattern->contains("Regex")) bad_field(config, "pattern", "{\"String\": text} or {\"Regex\": expression}");
  const std::string expression = pattern->front().get<std::string>();
  for (const KnownExpression& known : kKnown)
    if (known.expression == expression) words_ = known.words;
  is_clip_ = expression == kClipPattern;
  if (!words_ && !is_clip_) regex_.emplace(expression);
}

bool Pattern::may_match_spelled(std::string_view bytes) const {
  if (!regex_) return true;
  return std::any_of(bytes.begin(), bytes.end(), [&](char byte) {
    const char32_t c = byte_to_char(static_cast<unsigned char>(byte));
    return regex_->may_begin(static_cast<unsigned char>(c < 0x80 ? c : 0xC0 | c >> 6));
  });
}

}  // namespace orrery::steps
