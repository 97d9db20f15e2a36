// Tokens of a cache's block (contract: kernels/cache_block.h): some tokens and elements are rounded at a time, and keys turned from there.
#include "kernels/cache_block.h"

#include <algorithm>

#include "kernels/cpu/rows.h"
#include "kernels/cpu/transpose.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kTokens = kTransposed;

// One head's part: of the tokens, rows `stride` apart, and of the block.
template <class Element>
struct Part {
  const float* from;
  int64_t stride;
  Element* block;
};

void narrow_row(const float* x, int64_t count, Bf16* to) {
  for (int64_t i = 0; i < count; i += Floats::kLanes) store_bf16(round_to_bf16(Floats::load(x + i, count - i)), to + i, count - i);
}
void narrow_row(const float* x, int64_t count, F16* to) {
  for (int64_t i = 0; i < count; i += Floats::kLanes) store_f16(Floats::load(x + i, count - i), to + i, count - i);
}
void narrow_row(const float* x, int64_t count, float* to) {
  each_vector(count, [&](int64_t i, auto lanes) { store(to + i, load(x + i, lanes), lanes); });
}

template <class Element>
void fill_keys(const BlockTokens<float>& t, const Part<Element>& keys) {
  if constexpr (sizeof(Element) == sizeof(float)) return transpose(keys.from, keys.stride, t.count, t.head_dim, keys.block + t.first, t.block_size);
  Element narrow[kTokens * kScaledElements];
  for (int64_t i = 0; i < t.count; i += kTokens)
    for (int64_t x = 0; x < t.head_dim; x += kScaledElements) {
      const int64_t tokens = std::min(kTokens, t.count - i), elements = std::min(kScaledElements, t.head_dim - x);
      for (int64_t r = 0; r < tokens; ++r) narrow_row(keys.from + (i + r) * keys.stride + x, elements, narrow + r * kScaledElements);
      transpose(narrow, kScaledElements, tokens, elements, keys.block + x * t.block_size + t.first + i, t.block_size);
    }
}

template <class Element>
void fill(const BlockTokens<float>& t) {
  const int64_t stride = t.heads * t.head_dim, part = t.block_size * t.head_dim;
  for (int64_t head = 0; head < t.heads; ++head) {
    fill_keys(t, Part<Element>{t.k + head * t.head_dim, stride, static_cast<Element*>(t.keys) + head * part});
    Element* values = static_cast<Element*>(t.values) + head * part + t.first * t.head_dim;
    for (int64_t i = 0; i < t.count; ++i) narrow_row(t.v + head * t.head_dim + i * stride, t.head_dim, values + i * t.head_dim);
  }
}

// Elements as q8_0 encodes them, of which `count` are there: halves are rounded away from 0.
struct Scaled {
  int8_t numbers[kScaledElements];
  F16 scale;
};
void scale_elements(const float* x, int64_t count, Scaled& out) {
  Floats largest = Floats::zero(), all = Floats::zero();
  for (int64_t i = 0; i < kScaledElements; i += Floats::kLanes) {
    const Floats one = Floats::load(x + i, count - i);
    largest = max(abs(one), largest);
    all = fma(one, Floats::zero(), all);   // NaN where one is not finite
  }
  const bool finite = !any(is_nan(all));
  const float scale = max_of(largest) / 127;
  const Floats inverse = Floats::broadcast(scale != 0 ? 1 / scale : 0), zero = Floats::zero();
  for (int64_t i = 0; i < kScaledElements; i += Floats::kLanes) {
    const Floats scaled = Floats::load(x + i, count - i) * inverse;
    const Floats halves = min(max(abs(scaled) + abs(scaled), zero), Floats::broadcast(254));   // 0 of what an endless inverse makes of zeros
    const Floats near = floor((floor(halves) + Floats::broadcast(1)) * Floats::broadcast(0.5f));
    store_bytes(finite ? nearest(select(less(scaled, zero), -near, near)) : Ints::zero(), out.numbers + i);
  }
  if (finite) store_f16(Floats::broadcast(scale), &out.scale, 1);
  else out.scale.bits = 0x7e00;
}

void fill_scaled(const BlockTokens<float>& t) {
  const int64_t stride = t.heads * t.head_dim, scales = t.block_size * t.head_dim, groups = scales_of_head(t.head_dim);
  for (int64_t head = 0; head < t.heads; ++head) {
    auto* keys = static_cast<int8_t*>(t.keys) + head * t.head_bytes();
    auto* values = static_cast<int8_t*>(t.values) + head * t.head_bytes();
    const auto scale_at = [&](int8_t* part, int64_t index, F16 scale) { __builtin_memcpy(part + scales + 2 * index, &scale, sizeof scale); };
    for (int64_t i = 0; i < t.count; i += kTokens)
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t tokens = std::min(kTokens, t.count - i), x = group * kScaledElements, elements = std::min(kScaledElements, t.head_dim - x);
        Scaled some[kTokens];
        for (int64_t r = 0; r < tokens; ++r) {
          const int64_t inside = t.first + i + r, at = (i + r) * stride + head * t.head_dim + x;
          scale_elements(t.v + at, elements, some[r]);
          for (int64_t e = 0; e < elements; ++e) values[inside * t.head_dim + x + e] = some[r].numbers[e];
          scale_at(values, inside * groups + group, some[r].scale);
          scale_elements(t.k + at, elements, some[r]);
          scale_at(keys, group * t.block_size + inside, some[r].scale);
        }
        for (int64_t e = 0; e < elements; ++e)
          for (int64_t r = 0; r < tokens; ++r) keys[(x + e) * t.block_size + t.first + i + r] = some[r].numbers[e];
      }
  }
}

}  // namespace

fill_block_fn<float> fill_block;

void fill_block(const BlockTokens<float>& t) {
  switch (t.dtype) {
    case DType::i8: return fill_scaled(t);
    case DType::bf16: return fill<Bf16>(t);
    case DType::f16: return fill<F16>(t);
    default: return fill<float>(t);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
