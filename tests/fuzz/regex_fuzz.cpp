// An expression, then a zero byte, then a text: whatever is read as an expression must run over the text within its bound,
// and its matches must come from left to right without overlapping.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"
#include "check.h"
#include "tokenize/rank_file.h"
#include "tokenize/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string expression = orrery::repair_utf8(input.substr(0, zero)).text;
  const std::string text = orrery::repair_utf8(zero == std::string_view::npos ? std::string_view() : input.substr(zero + 1, 1024)).text;
  orrery::oniguruma_expression(expression);
  for (const orrery::RegexDialect dialect : {orrery::RegexDialect::ruby, orrery::RegexDialect::rust}) {
    try {
      const orrery::Regex regex(expression, dialect);
      size_t last = 0;
      for (const auto& [begin, end] : regex.matches(text)) {
        FUZZ_CHECK(last <= begin && begin <= end && end <= text.size());
        last = end;
      }
    } catch (const orrery::Error&) {   // no expression known here, or a search that takes too long
    }
  }
  return 0;
}
