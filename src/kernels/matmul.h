// Matrix products over packed panels.
//
//   c[i, j] = start(i, j) + sum over p = 0 .. k-1, in that order, of a[i, p] * b[p, j]
//   start   = c[i, j] if accumulate, else bias[j] if bias, else 0
//
// One chain of multiply-adds per element, in the order of p, starting from `start`: the whole contract about bits.
// Blocking over p stores the partial sum and goes on from it. AVX2 and AVX-512 use fused multiply-add (so they agree
// to the bit), the reference a product and a sum. A row of `a` gives the same bits whatever m, its neighbours and n are.
//
// b is packed in panels of kPanel columns: panels[panel][p][column], the last panel padded with zeros. All three
// products of training are this one, with other strides:
//   forward   y  [m, n] = x  [m, k] W^T       a = x,     b[p, j] = W[j, p]
//   backward  dx [m, k] = dy [m, n] W         a = dy,    b[p, j] = W[p, j]
//   weights   dW [n, k] += dy^T x             a = dy^T (row_stride 1, k_stride = width of dy),  b = x
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace orrery {

constexpr int64_t kPanel = 32;

// Elements that n columns of inner size k take when packed.
constexpr int64_t packed_size(int64_t n, int64_t k) { return (n + kPanel - 1) / kPanel * kPanel * k; }

// Packs columns [0, n) of b, where b[p, j] = source[p * k_stride + j * n_stride], into panels[ceil(n/kPanel)][k][kPanel].
// `from` is T's own dtype, or bf16/f16 for T = float. `to` is T's own dtype, or (when from == to) bf16/f16: a 16-bit
// weight stays 16-bit in its panels and is widened in the product, which gives the same bits as widening it first.
// To pack part of a matrix on a thread, offset source by whole panels of columns and panels alike.
template <class T>
using pack_panels_fn = void(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
                            void* panels, DType to);

// Bytes of scratch that matmul needs, whatever the sizes (64-byte aligned).
constexpr int64_t kMatmulScratchBytes = int64_t(1) << 20;

template <class T>
struct Matmul {
  const T* a = nullptr;
  int64_t a_row_stride = 0, a_k_stride = 1;  // a[i, p] = a[i * a_row_stride + p * a_k_stride]; one of them is 1
  const void* panels = nullptr;              // packed b, first panel of the columns wanted
  DType panel_dtype = DType::f32;            // T's own dtype, or bf16/f16 for T = float
  T* c = nullptr;
  int64_t c_stride = 0;                      // elements between rows of c
  int64_t m = 0, n = 0, k = 0;               // n need not be a multiple of kPanel; columns beyond n are not touched
  const T* bias = nullptr;                   // [n], may be null
  bool accumulate = false;                   // bias must be null then
  void* scratch = nullptr;                   // kMatmulScratchBytes, private to the call
};

template <class T>
using matmul_fn = void(const Matmul<T>& product);

}  // namespace orrery
