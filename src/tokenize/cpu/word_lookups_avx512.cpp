// The loops over words of word_lookups.h in registers of 64 bytes: a line of memory, or eight words.
#include <immintrin.h>

#include <array>

#include "tokenize/word_lookups.h"

namespace orrery::cpu::avx512 {

namespace {

constexpr size_t kLine = 64, kEight = 8;
constexpr unsigned kLongest = WordKey::kLongest;
constexpr uint32_t kCount = 28;     // bits of an id's number before the count

// Of each size, in the last byte of a key.
struct Sizes {
  alignas(64) std::array<std::array<uint64_t, 2>, kLongest + 1> keys{};
};
constexpr Sizes kSizes = [] {
  Sizes all;
  for (uint64_t size = 0; size <= kLongest; ++size) all.keys[size][1] = size << 56;
  return all;
}();

__m128i key_of(const char* text, uint32_t begin, uint32_t size) {
  const __m128i word = _mm_maskz_loadu_epi8(static_cast<__mmask16>(_bzhi_u32(0xFFFF, size)), text + begin);   // what is masked is not read
  return _mm_or_si128(word, _mm_load_si128(reinterpret_cast<const __m128i*>(kSizes.keys[size].data())));
}
__m512i four(__m128i a, __m128i b, __m128i c, __m128i d) {
  return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1)), _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1), 1);
}

uint32_t ask(const char* text, const uint32_t* bounds, size_t count, const void* lines, int bits, WordKey* keys, size_t* places) {
  const __m512i evens = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), odds = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
  const __m512i second = _mm512_set1_epi64(static_cast<int64_t>(WordKey::kSecond)), both = _mm512_set1_epi64(static_cast<int64_t>(WordKey::kBoth));
  uint32_t long_ones = 0;
  for (size_t i = 0; i < count; i += kEight) {
    const auto there = static_cast<__mmask8>(_bzhi_u32(0xFF, static_cast<uint32_t>(count - i)));
    const __m256i begin = _mm256_maskz_loadu_epi32(there, bounds + i), size = _mm256_sub_epi32(_mm256_maskz_loadu_epi32(there, bounds + i + 1), begin);
    const __m256i longest = _mm256_set1_epi32(kLongest);
    const __mmask8 is_long = _mm256_cmpgt_epu32_mask(size, longest);
    long_ones |= static_cast<uint32_t>(is_long) << i;

    alignas(32) std::array<uint32_t, kEight> begins, sizes;
    _mm256_store_si256(reinterpret_cast<__m256i*>(begins.data()), begin);
    _mm256_store_si256(reinterpret_cast<__m256i*>(sizes.data()), _mm256_min_epu32(size, longest));
    const auto key = [&](size_t n) { return key_of(text, begins[n], sizes[n]); };
    const __m512i low = four(key(0), key(1), key(2), key(3)), high = four(key(4), key(5), key(6), key(7));
    _mm512_storeu_si512(keys + i, low);
    _mm512_storeu_si512(keys + i + 4, high);

    // WordKey::place
    const __m512i firsts = _mm512_permutex2var_epi64(low, evens, high), seconds = _mm512_permutex2var_epi64(low, odds, high);
    const __m512i hash = _mm512_mullo_epi64(_mm512_xor_si512(firsts, _mm512_mullo_epi64(seconds, second)), both);
    const __m512i place = _mm512_srl_epi64(hash, _mm_cvtsi32_si128(64 - bits));
    _mm512_storeu_si512(places + i, place);
    alignas(64) std::array<uint64_t, kEight> from;
    _mm512_store_si512(from.data(), _mm512_maskz_slli_epi64(static_cast<__mmask8>(~is_long), place, 6));
    for (const uint64_t line : from) _mm_prefetch(static_cast<const char*>(lines) + line, _MM_HINT_T0);
  }
  return long_ones;
}

WordLookups::Copied copy(const void* lines, const WordKey* keys, const size_t* places, size_t i, size_t count, int32_t* out) {
  const __m128i no_count = _mm_setr_epi32(-1, -1, -1, (1 << kCount) - 1);
  for (; i < count; ++i) {
    const char* const at = static_cast<const char*>(lines) + kLine * places[i];
    const __m512i line = _mm512_load_si512(at);
    const auto same = static_cast<uint32_t>(_mm512_cmpeq_epi64_mask(line, _mm512_broadcast_i64x2(_mm_loadu_si128(reinterpret_cast<const __m128i*>(keys + i)))));
    const uint32_t whole = same & same >> 1;   // bit 0: the first word, bit 4: the second
    const bool known = (whole & 0x11) != 0;
    const char* const found = at + (~whole & 1) * (kLine / 2) + sizeof(WordKey);
    uint32_t told;
    __builtin_memcpy(&told, found + 12, sizeof told);
    const uint32_t ids = told >> kCount;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_and_si128(_mm_load_si128(reinterpret_cast<const __m128i*>(found)), no_count));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 4), _mm512_extracti64x4_epi64(line, 1));   // of one that is alone; else they are written over
    if (!known | (ids > WordLookups::kMostInLine)) break;
    out += ids;
  }
  return {i, out};
}

}  // namespace

extern const WordLookups word_lookups;
const WordLookups word_lookups = {ask, copy};

}  // namespace orrery::cpu::avx512
