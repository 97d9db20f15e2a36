#include "tokenize/word_scan.h"

#include "base/processor.h"
#include "tokenize/text_scans.h"
#include "tokenize/scanners.h"
#include "tokenize/word_ends.h"

namespace orrery {

const TextScans& TextScans::best() {
  static const TextScans* const chosen = [] {
    const TextScans* found = nullptr;
#define TAKE(set) \
  if (may_use(InstructionSet::set)) found = &cpu::set::text_scans;
    ORRERY_EACH_SET(TAKE)
#undef TAKE
    return found;
  }();
  return *chosen;
}

namespace word_ends {

size_t contraction(std::string_view text, size_t at) { return scan::contraction(text, at); }
size_t contraction_any_case(std::string_view text, size_t at) { return scan::contraction_any_case(text, at); }
size_t gpt2(std::string_view text, size_t at) { return scan::gpt2_end(text, at); }
size_t llama3(std::string_view text, size_t at, int most_digits, bool whole_tail) { return scan::llama3_end(text, at, most_digits, whole_tail); }
size_t o200k(std::string_view text, size_t at) { return scan::o200k_end(text, at); }

}  // namespace word_ends

size_t words_gpt2(std::string_view text, size_t at, uint32_t* ends, size_t most) { return TextScans::best().gpt2(text, at, ends, most); }
size_t words_llama3(std::string_view text, size_t at, uint32_t* ends, size_t most) { return TextScans::best().llama3(text, at, ends, most); }
size_t words_qwen2(std::string_view text, size_t at, uint32_t* ends, size_t most) { return TextScans::best().qwen2(text, at, ends, most); }
size_t words_cl100k(std::string_view text, size_t at, uint32_t* ends, size_t most) { return TextScans::best().cl100k(text, at, ends, most); }
size_t words_o200k(std::string_view text, size_t at, uint32_t* ends, size_t most) { return TextScans::best().o200k(text, at, ends, most); }

}  // namespace orrery
