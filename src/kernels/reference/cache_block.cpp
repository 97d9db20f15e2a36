// Tokens of a cache's block, by the formulas of kernels/cache_block.h.
#include "kernels/cache_block.h"

#include <algorithm>
#include <cstring>

#include "kernels/scaled_block.h"

namespace orrery::reference {

namespace {

template <class T>
void fill_scaled(const BlockTokens<T>& t, const T* k, const T* v, std::byte* keys, std::byte* values, int64_t inside) {
  const int64_t scales = t.block_size * t.head_dim, groups = scales_of_head(t.head_dim);
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t x = group * kScaledElements, count = std::min(kScaledElements, t.head_dim - x);
    const BlockQ8_0 key = scaled_block(k + x, count), value = scaled_block(v + x, count);
    for (int64_t i = 0; i < count; ++i) keys[(x + i) * t.block_size + inside] = std::byte(uint8_t(key.q[i]));
    std::memcpy(values + inside * t.head_dim + x, value.q, size_t(count));
    std::memcpy(keys + scales + 2 * (group * t.block_size + inside), &key.d, 2);
    std::memcpy(values + scales + 2 * (inside * groups + group), &value.d, 2);
  }
}

}  // namespace

template <class T>
void fill_block(const BlockTokens<T>& t) {
  const DType from = sizeof(T) == 8 ? DType::f64 : DType::f32;
  const int64_t item = size_of(t.dtype);
  for (int64_t i = 0; i < t.count; ++i)
    for (int64_t head = 0; head < t.heads; ++head) {
      const T *k = t.k + (i * t.heads + head) * t.head_dim, *v = t.v + (i * t.heads + head) * t.head_dim;
      std::byte* keys = static_cast<std::byte*>(t.keys) + head * t.head_bytes();
      std::byte* values = static_cast<std::byte*>(t.values) + head * t.head_bytes();
      const int64_t inside = t.first + i;
      if (t.dtype == DType::i8) {
        fill_scaled(t, k, v, keys, values, inside);
        continue;
      }
      for (int64_t x = 0; x < t.head_dim; ++x) convert(k + x, from, keys + (x * t.block_size + inside) * item, t.dtype, 1);
      convert(v, from, values + inside * t.head_dim * item, t.dtype, t.head_dim);
    }
}

template void fill_block(const BlockTokens<float>&);
template void fill_block(const BlockTokens<double>&);

}  // namespace orrery::reference
