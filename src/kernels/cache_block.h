// Keys and values of tokens, written into a block of a paged cache as attention reads them there (KeyValueView, kernels/attention.h): each head's part
// by itself, its keys turned.
//
//   keys[h][x][first + i] = round(k[i, h, x])      values[h][first + i][x] = round(v[i, h, x])
//
// Of T's own dtype as they are; of bf16 and f16 the nearest, ties to even; of i8 the numbers of kScaledElements x at a time as q8_0 encodes them
// (base/block_format.h), the scales behind a head's numbers: keys [scales_of_head][block_size], values [block_size][scales_of_head]. The same
// bits in every class, but for the payload of what is no number.
#pragma once

#include <cstdint>

#include "kernels/attention.h"

namespace orrery {

template <class T>
struct BlockTokens {
  const T* k = nullptr;                 // [count][heads][head_dim]
  const T* v = nullptr;
  int64_t count = 0, heads = 0, head_dim = 0;
  void* keys = nullptr;                 // of the block: [heads][head_dim][block_size], of dtype
  void* values = nullptr;               //               [heads][block_size][head_dim]
  DType dtype = DType::f32;             // T's own, or for T = float bf16, f16, i8
  int64_t block_size = 0, first = 0;    // first + count <= block_size

  // Bytes of a head's part of a block, keys or values.
  [[gnu::always_inline]] int64_t head_bytes() const { return dtype == DType::i8 ? block_size * (head_dim + 2 * scales_of_head(head_dim)) : block_size * head_dim * size_of(dtype); }
};

template <class T>
using fill_block_fn = void(const BlockTokens<T>& tokens);

}  // namespace orrery
