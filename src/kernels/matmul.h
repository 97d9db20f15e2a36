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
// Products of bf16 (panels of pairs): a is rounded to bf16 as b is, numbers below 2^-126 to zeros, and the chain visits p = 1, 0, 3, 2, … An odd k ends with
// a pair whose second is 0. Each multiply-add is fused, and numbers below 2^-126 are zeros, of operands and of sums, so that every
// class gives the same bits; which instructions do it is measured where there is a choice. The class amx sums in another order,
// whatever m: 32 p at a time from p = 0 on, even p and odd p each in a chain from 0, then c += even + odd; k ends as if filled up
// with zeros (reference_matmul_in_tiles; sums of some 2^-126 may be zeros or not).
//
// Products of floats with weights of bf16, where they are split (bf16_split; of the class amx alone): a is the sum of three numbers of bf16, its
// thirds: a0 the nearest to a, a1 to a - a0, a2 = a - a0 - a1, which is exact but for what is below 2^-126. 32 p at a time the sums of products
// are those of bf16 in that class, of a1, then of a2, then of a0: what is below 2^-126 is zero, k ends as if filled up with zeros. A row of a with
// an infinity, or a number that is one as bf16, is NaN, and a column of b with an infinity NaN or that infinity. A sum that is zero may have either sign.
//
// Products of blocks (panels of whole numbers): a row of a is rounded too, as many p at a time as a block of the format has (32, or 256 of
// the k-formats), to whole numbers of the largest's 127th part: so does llama.cpp. The sum of products of each 32 is exact; then
//   c[i, j] = fma(sum, scale_a[i, block] * scale_b[block, j], c[i, j])      block after block, the fma fused in every class
// and where blocks have a minimum beside the scale
//   c[i, j] = fma(total_a[i, block] * scale_a[i, block], min_b[block, j], c[i, j])      total_a: the sum of the whole numbers
// The eight blocks of a group of the k-formats have whole numbers for scales and minimums, which are summed up first; in q6_k each half of
// a block has a scale of its own and a sum of its own, the first half's added first:
//   t = fma(sum, scale_b[block, j], t) from 0 on, u = sum of total_a[i, block] * min_b[block, j], exact
//   c[i, j] = fma(fma(u, -min_b[group, j], t * scale_b[group, j]), scale_a[i, group], c[i, j]), or fma(t * scale_b[group, j], …) without minimums
// so that all classes give the same bits. Numbers of a that are rounded together make their row NaN if one is a NaN or an infinity, and
// count as zeros below 2^-120. k is a multiple of the format's values: 32, or 256 of the k-formats.
//
// Products of int8 (panels of whole numbers with one scale for a column): a row of a is rounded whole, to whole numbers of its largest's
// 127th part. The sum over all p is exact; then
//   c[i, j] = fma(sum, scale_a[i] * scale_b[j], start(i, j))      once, the fma fused in every class
// so that all classes give the same bits. A row of a, or a column of b, with a NaN or an infinity makes that row or column of c NaN, and one
// below 2^-120 counts as zeros. k is at most kInt8Depth.
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
  q8, q4, q5_0, q4_1, q5_1, q4_k, q5_k, q6_k,   // blocks of whole numbers: BlockLayout
  int8,       // scale[kPanel] as float, then bytes [int8_depth(k) / 4][kPanel][4], four p in a row: whole numbers + 128; beyond k 128
  bf16_split  // as bf16_pairs, of weights of bf16, for products of floats, where Kernels::splits_floats
};
constexpr PanelFormat kLastPanelFormat = PanelFormat::bf16_split;   // files of panels tell formats by number
constexpr int64_t kBlockValues = 32;

// 32 numbers of a row of a, rounded.
struct RowBlock {
  float scale;               // of all blocks that are rounded together; NaN where a number is not finite, and the others are 0 then
  union {
    float total;             // outside of groups: scale times the sum of the whole numbers
    int32_t totals;          // in them: of even blocks that sum in the lower 16 bits, the next block's in the upper ones
    int32_t sizes;           // of a row's second block in them: the sum of sizes of whole numbers, of the block of the row that has the largest; of other odd ones 0
  };
  int32_t start[2];          // -offset times that of the whole numbers, which a sum over stored numbers begins with: for each part
  int8_t q[kBlockValues];
};
constexpr bool is_blocks(PanelFormat format) { return format >= PanelFormat::q8 && format <= PanelFormat::q6_k; }

// Rows of a, rounded for panels of int8: 16 together, so that 64 p of them are a tile of 16 times 64 bytes. Behind it
// numbers[int8_depth(k) / 64][16][64]; beyond k they are 0, and rows that are not there are anything.
constexpr int64_t kInt8Rows = 16, kInt8Step = 64;
struct Int8Head {
  float scale[kInt8Rows];      // NaN where a number of the row is not finite; the others are 0 then
  int32_t start[kInt8Rows];    // -128 times the sum of the row's whole numbers, which a sum over stored numbers begins with
};
constexpr int64_t int8_depth(int64_t k) { return (k + kInt8Step - 1) / kInt8Step * kInt8Step; }
constexpr int64_t int8_group_bytes(int64_t k) { return int64_t(sizeof(Int8Head)) + kInt8Rows * int8_depth(k); }

constexpr bool has_pairs(PanelFormat format) { return format == PanelFormat::bf16_pairs || format == PanelFormat::bf16_split; }
// Does a product with such panels round the rows of a to whole numbers?
constexpr bool rounds_rows(PanelFormat format) { return is_blocks(format) || format == PanelFormat::int8; }
// The bytes that m rows of a take, rounded for such panels: of blocks, int8 or pairs.
constexpr int64_t rounded_bytes(PanelFormat format, int64_t m, int64_t k) {
  if (format == PanelFormat::bf16_pairs) return m * ((k + 1) / 2) * 4;
  if (format == PanelFormat::int8) return (m + kInt8Rows - 1) / kInt8Rows * int8_group_bytes(k);
  return m * (k / kBlockValues) * int64_t(sizeof(RowBlock));
}

// A panel of blocks is groups of `together` blocks of kBlockValues p:
//   scale[kPanel] as f16; min[kPanel] as f16 (mins); then for each block
//     scale[parts][kPanel] as i8, min[kPanel] as u8 (together > 1), which those of the group are multiplied with
//     numbers, four p in a row: as bytes q[8][kPanel][4], p = 4 of [8] + of [4]; with fewer bits
//       low[4][kPanel][4]: four bits of p in the low half of a byte and of p + 16 in the high
//       high[1][kPanel][4] (5 bits: of byte p % 4, bit p / 4), or high[2][kPanel][4] (6 bits: of [p / 16] and byte p % 4, two bits from 2 (p / 4 % 4) on)
// They say (q - offset) scale + min, or in the k-formats (q - offset) scale - min.
struct BlockLayout {
  int bits = 8, offset = 0;
  bool mins = false;
  int parts = 1, together = 1;   // scales in a block; blocks in a group
  constexpr int64_t head_bytes() const { return kPanel * (mins ? 4 : 2); }
  constexpr int64_t scale_bytes() const { return together > 1 ? kPanel * (parts + mins) : 0; }
  constexpr int64_t block_bytes() const { return scale_bytes() + kPanel * kBlockValues * bits / 8; }
  constexpr int64_t group_bytes() const { return head_bytes() + together * block_bytes(); }
};
constexpr int kMostTogether = 8;
constexpr BlockLayout layout_of(PanelFormat format) {
  switch (format) {
    case PanelFormat::q4: return {.bits = 4, .offset = 8};
    case PanelFormat::q5_0: return {.bits = 5, .offset = 16};
    case PanelFormat::q4_1: return {.bits = 4, .mins = true};
    case PanelFormat::q5_1: return {.bits = 5, .mins = true};
    case PanelFormat::q4_k: return {.bits = 4, .mins = true, .together = kMostTogether};
    case PanelFormat::q5_k: return {.bits = 5, .mins = true, .together = kMostTogether};
    case PanelFormat::q6_k: return {.bits = 6, .offset = 32, .parts = 2, .together = kMostTogether};
    default: return {.bits = 8, .offset = 128};   // q8
  }
}

// Bytes of a panel of inner size k, and of the panels of n columns. `own` is the size of T.
constexpr int64_t panel_bytes(PanelFormat format, int64_t k, int64_t own = sizeof(float)) {
  switch (format) {
    case PanelFormat::own: return kPanel * k * own;
    case PanelFormat::bf16: case PanelFormat::f16: return kPanel * k * 2;
    case PanelFormat::bf16_pairs: case PanelFormat::bf16_split: return kPanel * ((k + 1) / 2) * 4;
    case PanelFormat::int8: return kPanel * (4 + int8_depth(k));
    default: return k / (kBlockValues * layout_of(format).together) * layout_of(format).group_bytes();
  }
}
constexpr double bytes_per_value(PanelFormat format) { return double(panel_bytes(format, 256)) / double(kPanel * 256); }
constexpr int64_t packed_bytes(PanelFormat format, int64_t n, int64_t k, int64_t own = sizeof(float)) {
  return (n + kPanel - 1) / kPanel * panel_bytes(format, k, own);
}
// Elements that n columns of inner size k take when packed as T.
constexpr int64_t packed_size(int64_t n, int64_t k) { return packed_bytes(PanelFormat::own, n, k, 1); }

// Packs columns [0, n) of b, where b[p, j] = source[p * k_stride + j * n_stride], into panels[ceil(n/kPanel)].
// `from` is T's own dtype, or bf16/f16 for T = float. Panels of bf16 or f16 are made from the same dtype, those of pairs and of int8
// from any. To pack part of a matrix on a thread, offset source by whole panels of columns and panels alike.
template <class T>
using pack_panels_fn = void(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
                            void* panels, PanelFormat to);

// The panels that hold just what blocks of this format say.
constexpr PanelFormat panels_of(BlockFormat format) {
  switch (format) {
    case BlockFormat::q4_0: return PanelFormat::q4;
    case BlockFormat::q5_0: return PanelFormat::q5_0;
    case BlockFormat::q4_1: return PanelFormat::q4_1;
    case BlockFormat::q5_1: return PanelFormat::q5_1;
    case BlockFormat::q4_k: return PanelFormat::q4_k;
    case BlockFormat::q5_k: return PanelFormat::q5_k;
    case BlockFormat::q6_k: return PanelFormat::q6_k;
    case BlockFormat::q8_0: break;
  }
  return PanelFormat::q8;
}

// Packs rows of W [n, k] in blocks, b[p, j] = W[j, p], into panels_of(from): the same numbers and scales in another order. rows[j]
// is where row j begins.
template <class T>
using pack_blocks_fn = void(const std::byte* const* rows, BlockFormat from, int64_t k, int64_t n, std::byte* panels);

// Rounds rows of a, a[i, p] = a[i * row_stride + p * k_stride], as products with panels of `format` read them: rounded_bytes of
// RowBlock[m][k / kBlockValues], of int8 groups of kInt8Rows rows (64-byte aligned), or for pairs of bf16[m][2 ceil(k/2)], an odd k's last a zero.
template <class T>
using round_rows_fn = void(const T* a, int64_t row_stride, int64_t k_stride, int64_t m, int64_t k, PanelFormat format, void* out);

// Bytes of scratch that matmul needs, whatever the sizes (64-byte aligned). Of floats and pairs, and where rows are rounded already, the first half
// of it, which a core's second cache holds.
constexpr int64_t kMatmulScratchBytes = int64_t(2) << 20;
// Rows of int8 are rounded whole, 16 of them at least; their sums would fit in 32 bits up to 2^31 / 127^2.
constexpr int64_t kInt8Depth = 57344;
static_assert(int8_group_bytes(kInt8Depth) <= kMatmulScratchBytes / 2 * 15 / 16 && kInt8Depth < (int64_t(1) << 31) / (127 * 127));

// Products of pairs with the same rows, one after the other in the same scratch, may pack them once, whatever the columns. A wish, which is heard
// where keeps_rows says so: the scratch has room for no more.
enum class Packing : uint8_t {
  own,    // packed for this product alone
  keep,   // packed, and left in the scratch
  kept    // the product before this one kept them: of the same a or rounded rows, m, k and format
};
constexpr int64_t kKeptNumbers = 768 * 308;   // floats of half the scratch, but for what a kernel has beside them
constexpr bool keeps_rows(int64_t m, int64_t k) { return m <= 256 && (m + 31) / 32 * 32 * ((k + 31) / 32 * 32) <= kKeptNumbers; }

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
  const void* rounded = nullptr;             // the rows of a as round_rows makes them, and `a` is not read; null: matmul rounds them
  Packing packing = Packing::own;
  void* scratch = nullptr;                   // kMatmulScratchBytes, private to the call
};

template <class T>
using matmul_fn = void(const Matmul<T>& product);

// Of pairs, rounded or split, as the class amx sums them: its reference.
void reference_matmul_in_tiles(const Matmul<float>& product);

}  // namespace orrery
