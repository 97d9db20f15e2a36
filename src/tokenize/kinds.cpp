#include "tokenize/kinds.h"

#include "tokenize/scanners.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace orrery {

#if defined(__SSE2__)
namespace {

uint64_t mask_of(__m128i bytes) { return static_cast<uint64_t>(static_cast<uint32_t>(_mm_movemask_epi8(bytes))); }

// 0xFF where from <= byte < from + count.
__m128i in_range(__m128i bytes, char from, int count) {
  const __m128i moved = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(from + 128)));   // signed: from is at -128
  return _mm_cmplt_epi8(moved, _mm_set1_epi8(static_cast<char>(count - 128)));
}

}  // namespace

Kinds kinds_of_64(const char* at) {
  Kinds k;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
    const __m128i lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    const int shift = 16 * i;
    k.high |= mask_of(bytes) << shift;
    k.letter |= mask_of(in_range(lower, 'a', 26)) << shift;
    k.digit |= mask_of(in_range(bytes, '0', 10)) << shift;
    k.space |= mask_of(_mm_or_si128(in_range(bytes, '\t', 5), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(' ')))) << shift;
    k.newline |= mask_of(_mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')))) << shift;
  }
  k.letter &= ~k.high;
  k.other = ~(k.letter | k.digit | k.space | k.high);
  return k;
}
#else
Kinds kinds_of_64(const char* at) {
  Kinds k;
  for (int i = 0; i < 64; ++i) {
    const auto byte = static_cast<unsigned char>(at[i]);
    const uint64_t bit = uint64_t(1) << i;
    if (byte >= 0x80) k.high |= bit;
    else if (const uint32_t kind = scan::kind(byte); kind == kLetter) k.letter |= bit;
    else if (kind == kNumber) k.digit |= bit;
    else if (kind == kWhitespace) k.space |= bit;
    else k.other |= bit;
    if (byte == '\n' || byte == '\r') k.newline |= bit;
  }
  return k;
}
#endif

}  // namespace orrery
