#include "tokenize/steps/pattern.h"

#include "tokenize/scanners.h"

namespace orrery::steps {

namespace {

struct KnownExpression {
  std::string_view expression;
  WordScanner words;
};

constexpr KnownExpression kKnown[] = {{kGpt2Pattern, words_gpt2}, {kLlama3Pattern, words_llama3}, {kQwen2Pattern, words_qwen2}, {kCl100kOniguruma, words_cl100k}};

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
  if (!words_) regex_.emplace(expression);
}

}  // namespace orrery::steps
