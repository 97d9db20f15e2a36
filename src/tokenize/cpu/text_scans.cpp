// The scans of texts as they are built for this instruction set (text_scans.h).
#include "tokenize/text_scans.h"

#include "base/cpu/bytes.h"

namespace orrery::cpu::ORRERY_ISA {

WordScan words_gpt2, words_llama3, words_qwen2, words_cl100k, words_o200k;

#if defined(ORRERY_ISA_avx512)
extern const WordLookups word_lookups;
constexpr const WordLookups* kLookups = &word_lookups;
#else
constexpr const WordLookups* kLookups = nullptr;
#endif

namespace {

PartMasks part_masks(const char* bytes, bool lines) {
  PartMasks m;
  each_of_64(bytes, [&](Bytes b, int at) {
    Lanes space = b == ' ';
    if (lines) space = space | (b == '\n') | (b == '\r') | (b == '\t');
    m.space |= bits(space) << at;
    m.small |= bits(within(b, 'a', 26)) << at;
    m.capital |= bits(within(b, 'A', 26)) << at;
    m.high |= bits(beyond_ascii(b)) << at;
  });
  return m;
}

}  // namespace

extern const TextScans text_scans;
const TextScans text_scans = {words_gpt2, words_llama3, words_qwen2, words_cl100k, words_o200k, part_masks, kLookups};

}  // namespace orrery::cpu::ORRERY_ISA
