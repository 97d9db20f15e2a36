#include "tokenize/steps/pattern.h"

#include "tokenize/scanners.h"

namespace orrery::steps {

namespace {

struct RegexScanner {
  std::string_view expression;
  void (*scan)(std::string_view text, Matches& found);
  WordScanner words;
};

// Gathers what a scanner emits.
auto into(Matches& found) {
  return [&found](size_t begin, size_t end) { found.emplace_back(begin, end); };
}

constexpr RegexScanner kScanners[] = {
    {kGpt2Pattern, [](std::string_view text, Matches& found) { scan_gpt2(text, into(found)); }, words_gpt2},
    {kLlama3Pattern, [](std::string_view text, Matches& found) { scan_llama3(text, 3, into(found)); }, words_llama3},
    {kQwen2Pattern, [](std::string_view text, Matches& found) { scan_llama3(text, 1, into(found)); }, words_qwen2},
};

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
  for (const RegexScanner& scanner : kScanners)
    if (scanner.expression == expression) scan_ = scanner.scan, words_ = scanner.words;
  if (!scan_) regex_.emplace(expression);
}

}  // namespace orrery::steps
