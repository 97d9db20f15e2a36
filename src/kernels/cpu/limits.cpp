// Peaks and reads at this instruction set's width (contract: kernels/limits.h).
#include "kernels/limits.h"

#include <numeric>

#include "kernels/cpu/vec.h"

namespace orrery::cpu::ORRERY_ISA {

peak_fma_fn<float> peak_fma;
peak_bf16_fn<float> peak_bf16;
peak_int8_fn<float> peak_int8;
read_bytes_fn<float> read_bytes;

namespace {

// Twelve chains: two multiply-adds a cycle, four or five cycles each.
constexpr int kChains = 12;

template <class Lanes>
[[gnu::always_inline]] inline void keep(Lanes& lanes) {
#ifdef ORRERY_ISA_neon
  asm volatile("" : "+w"(lanes.r));
#else
  asm volatile("" : "+x"(lanes.r));
#endif
}

// Every loop over chains is unrolled, so that they stay in registers; `keep` makes the compiler think the sums are wanted.
template <class Lanes, class Step>
[[gnu::always_inline]] inline void run_chains(int64_t rounds, Lanes first, Step&& step) {
  Lanes sums[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) sums[c] = first;
  for (int64_t i = 0; i < rounds; ++i)
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      sums[c] = step(sums[c]);
      keep(sums[c]);
    }
}

}  // namespace

double peak_fma(int64_t rounds) {
  const Floats most = Floats::broadcast(0.999f), little = Floats::broadcast(0.001f);
  run_chains(rounds, little, [&](Floats sum) { return fma(sum, most, little); });
  return 2.0 * kChains * double(Floats::kLanes) * double(rounds);
}

// Several streams side by side, which memory serves faster than one.
uint32_t read_bytes(const void* data, int64_t count) {
  constexpr int64_t kVector = Ints::kLanes * 4, kStep = 4 * kVector;
  constexpr int kStreams = 4;
  const char* at = static_cast<const char*>(data);
  Ints sums[kStreams] = {Ints::zero(), Ints::zero(), Ints::zero(), Ints::zero()};   // they wrap
  const int64_t stream = count / (kStreams * kStep) * kStep;
  for (int64_t i = 0; i < stream; i += kStep)
#pragma GCC unroll 4
    for (int s = 0; s < kStreams; ++s)
#pragma GCC unroll 4
      for (int64_t v = 0; v < kStep; v += kVector) sums[s] = add(sums[s], Ints::load(at + s * stream + i + v));
  for (int64_t i = kStreams * stream; i < count; i += kVector) sums[0] = add(sums[0], Ints::load(at + i));
  uint32_t lanes[Ints::kLanes];   // without a sign, what wraps is defined
  store(add(add(sums[0], sums[1]), add(sums[2], sums[3])), lanes);
  return std::accumulate(lanes, lanes + Ints::kLanes, uint32_t(0));
}

#ifdef ORRERY_ISA_avx512

double peak_int8(int64_t rounds) {
  if (!__builtin_cpu_supports("avx512vnni")) return 0;
  const Ints bytes = Ints::broadcast(0x03030303);
  run_chains(rounds, bytes, [&](Ints sum) { return dot_bytes<true>(sum, bytes, bytes); });
  return 8.0 * kChains * double(Ints::kLanes) * double(rounds);
}

double peak_bf16(int64_t rounds) {
  if (!__builtin_cpu_supports("avx512bf16")) return 0;
  const Floats pairs = Floats::broadcast(0.5f);
  run_chains(rounds, pairs, [&](Floats sum) { return dot_pairs<true>(pairs, pairs, sum); });
  return 4.0 * kChains * double(Floats::kLanes) * double(rounds);
}

#elif defined(ORRERY_ISA_neon)

double peak_int8(int64_t) { return 0; }
double peak_bf16(int64_t) { return 0; }

#else

double peak_int8(int64_t rounds) {
  Ints bytes = Ints::broadcast(0x03030303);
  const __m256i ones = _mm256_set1_epi16(1);
  run_chains(rounds, bytes, [&](Ints sum) {
    keep(bytes);   // a product each
    return Ints{_mm256_add_epi32(sum.r, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes.r, bytes.r), ones))};
  });
  return 8.0 * kChains * double(Ints::kLanes) * double(rounds);
}

double peak_bf16(int64_t) { return 0; }

#endif

}  // namespace orrery::cpu::ORRERY_ISA
