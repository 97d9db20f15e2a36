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
//
// Products of bf16 (panels of pairs): a is rounded to bf16 as b is, and the chain visits p = 1, 0, 3, 2, … An odd k ends with
// a pair whose second is 0. The product of two bf16 is a float, so that every class gives the same bits, but for numbers
// below 2^-126, which AVX-512 BF16 takes for 0.
//
// Products of blocks (panels of whole numbers): a row of a is rounded too, 32 p at a time, to whole numbers of the largest's
// 127th part. Each block's sum of products is exact; then
//   c[i, j] = fma(sum, scale_a[i, block] * scale_b[block, j], c[i, j])      block after block, the fma fused in every class
// so that all classes give the same bits. A block of a with a NaN or an infinity makes its row NaN, and one below 2^-120 counts as
// zeros. k is a multiple of 32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/block_format.h"
#include "base/dtype.h"

namespace orrery {

constexpr int64_t kPanel = 32;

// What panels hold. All but `own` are for T = float.
enum class PanelFormat : uint8_t {
  own,        // [k][kPanel] of T
  bf16, f16,  // [k][kPanel], widened in the product: the bits of the same weights widened first
  bf16_pairs, // [ceil(k/2)][kPanel][2], p and p + 1 side by side, for products of bf16
  q8,         // [k/32]{scale[kPanel] as f16, q[8][kPanel][4]}: (q - 128) scale, p = 4 of [8] + of [4]
  q4          // [k/32]{scale[kPanel] as f16, q[4][kPanel][4]}: (q - 8) scale, p in the low half of a byte and p + 16 in the high
};
constexpr int64_t kBlockValues = 32;   // of q8 and q4
constexpr bool is_blocks(PanelFormat format) { return format == PanelFormat::q8 || format == PanelFormat::q4; }

// Bytes of a panel of inner size k, and of the panels of n columns. `own` is the size of T.
constexpr int64_t panel_bytes(PanelFormat format, int64_t k, int64_t own = sizeof(float)) {
  switch (format) {
    case PanelFormat::own: return kPanel * k * own;
    case PanelFormat::bf16: case PanelFormat::f16: return kPanel * k * 2;
    case PanelFormat::bf16_pairs: return kPanel * ((k + 1) / 2) * 4;
    case PanelFormat::q8: return k / kBlockValues * kPanel * (2 + kBlockValues);
    case PanelFormat::q4: return k / kBlockValues * kPanel * (2 + kBlockValues / 2);
  }
  return 0;
}
constexpr double bytes_per_value(PanelFormat format) { return double(panel_bytes(format, kBlockValues)) / double(kPanel * kBlockValues); }
constexpr int64_t packed_bytes(PanelFormat format, int64_t n, int64_t k, int64_t own = sizeof(float)) {
  return (n + kPanel - 1) / kPanel * panel_bytes(format, k, own);
}
// Elements that n columns of inner size k take when packed as T.
constexpr int64_t packed_size(int64_t n, int64_t k) { return packed_bytes(PanelFormat::own, n, k, 1); }

// Packs columns [0, n) of b, where b[p, j] = source[p * k_stride + j * n_stride], into panels[ceil(n/kPanel)].
// `from` is T's own dtype, or bf16/f16 for T = float. Panels of bf16 or f16 are made from the same dtype, those of pairs from
// any. To pack part of a matrix on a thread, offset source by whole panels of columns and panels alike.
template <class T>
using pack_panels_fn = void(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
                            void* panels, PanelFormat to);

// The panels that hold just what blocks of this format say; none where there are no such.
constexpr bool has_panels(BlockFormat format) { return format == BlockFormat::q8_0 || format == BlockFormat::q5_0 || format == BlockFormat::q4_0; }
constexpr PanelFormat panels_of(BlockFormat format) { return format == BlockFormat::q4_0 ? PanelFormat::q4 : PanelFormat::q8; }

// Packs rows of W [n, k] in blocks, b[p, j] = W[j, p], into panels_of(from). Rows follow each other; k is a multiple of 32.
template <class T>
using pack_blocks_fn = void(const std::byte* rows, BlockFormat from, int64_t k, int64_t n, std::byte* panels);

// Bytes of scratch that matmul needs, whatever the sizes (64-byte aligned).
constexpr int64_t kMatmulScratchBytes = int64_t(1) << 20;

template <class T>
struct Matmul {
  const T* a = nullptr;
  int64_t a_row_stride = 0, a_k_stride = 1;  // a[i, p] = a[i * a_row_stride + p * a_k_stride]; one of them is 1
  const void* panels = nullptr;              // packed b, first panel of the columns wanted
  PanelFormat format = PanelFormat::own;
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
