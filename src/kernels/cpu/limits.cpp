// Peaks and reads at this instruction set's width (contract: kernels/limits.h).
#include "kernels/limits.h"

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

peak_fma_fn<float> peak_fma;
peak_bf16_fn<float> peak_bf16;
peak_int8_fn<float> peak_int8;
read_bytes_fn<float> read_bytes;

namespace {

// Twelve chains: two multiply-adds a cycle, four or five cycles each.
constexpr int kChains = 12;

// Keeps what was computed, so that the loop is not taken for useless.
template <class Register>
void keep(Register (&sums)[kChains]) {
  for (Register& sum : sums) asm volatile("" : "+x"(sum));
}

}  // namespace

double peak_fma(int64_t rounds) {
  Floats sums[kChains];
  for (Floats& sum : sums) sum = Floats::zero();
  const Floats half = Floats::broadcast(0.5f), one = Floats::broadcast(1.0f);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      sums[c] = fma(sums[c], half, one);
      asm volatile("" : "+x"(sums[c].r));
    }
  }
  return 2.0 * kChains * double(Floats::kLanes) * double(rounds);
}

#ifdef ORRERY_ISA_avx512

namespace {

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) double dot_bf16(int64_t rounds) {
  __m512 sums[kChains];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  __m512i pairs = _mm512_set1_epi16(0x3f00);   // 0.5
  asm volatile("" : "+v"(pairs));
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm("vdpbf16ps %1, %1, %0" : "+v"(sums[c]) : "v"(pairs));
    }
  }
  keep(sums);
  return 4.0 * kChains * 16 * double(rounds);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))) double dot_int8(int64_t rounds) {
  __m512i sums[kChains];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  __m512i bytes = _mm512_set1_epi8(3);
  asm volatile("" : "+v"(bytes));
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm("vpdpbusd %1, %1, %0" : "+v"(sums[c]) : "v"(bytes));
    }
  }
  keep(sums);
  return 8.0 * kChains * 16 * double(rounds);
}

}  // namespace

double peak_bf16(int64_t rounds) { return __builtin_cpu_supports("avx512bf16") ? dot_bf16(rounds) : 0; }
double peak_int8(int64_t rounds) { return __builtin_cpu_supports("avx512vnni") ? dot_int8(rounds) : 0; }

uint32_t read_bytes(const void* data, int64_t count) {
  const char* at = static_cast<const char*>(data);
  __m512i sums[4] = {};
  const int64_t whole = count / 256 * 256;
  for (int64_t i = 0; i < whole; i += 256) {
    __builtin_prefetch(at + i + 4096);
    __builtin_prefetch(at + i + 4096 + 128);
#pragma GCC unroll 4
    for (int s = 0; s < 4; ++s) sums[s] = _mm512_add_epi32(sums[s], _mm512_load_si512(at + i + s * 64));
  }
  for (int64_t i = whole; i < count; i += 64) sums[0] = _mm512_add_epi32(sums[0], _mm512_load_si512(at + i));
  const __m512i all = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
  uint32_t parts[16], sum = 0;   // unsigned: the sum wraps
  _mm512_storeu_si512(parts, all);
  for (const uint32_t part : parts) sum += part;
  return sum;
}

#else

double peak_bf16(int64_t) { return 0; }

double peak_int8(int64_t rounds) {
  __m256i sums[kChains];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  __m256i bytes = _mm256_set1_epi8(3);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      asm volatile("" : "+x"(bytes));
      sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, bytes), ones));
    }
  }
  keep(sums);
  return 8.0 * kChains * 8 * double(rounds);
}

uint32_t read_bytes(const void* data, int64_t count) {
  const char* at = static_cast<const char*>(data);
  __m256i sums[2] = {};
  for (int64_t i = 0; i < count; i += 64) {
    __builtin_prefetch(at + i + 4096);
#pragma GCC unroll 2
    for (int s = 0; s < 2; ++s)
      sums[s] = _mm256_add_epi32(sums[s], _mm256_load_si256(reinterpret_cast<const __m256i*>(at + i + s * 32)));
  }
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi32(sums[0], sums[1]));
  uint32_t sum = 0;
  for (const uint32_t lane : lanes) sum += lane;
  return sum;
}

#endif

}  // namespace orrery::cpu::ORRERY_ISA
