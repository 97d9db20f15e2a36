// Packing b in panels: copying rows of 32 where columns are neighbours in memory, transposing where steps of p are. Either way a panel's
// numbers lie in many places of memory, which are asked for, to L2, some time before they are read.
#include <algorithm>
#include <type_traits>

#include "kernels/cpu/matmul_int8.h"
#include "kernels/cpu/pairs.h"
#include "kernels/cpu/transpose.h"
#include "kernels/matmul.h"

namespace orrery::cpu::ORRERY_ISA {
namespace {

constexpr int64_t kRowsAhead = 32;

void copy_row(const float* from, float* to, int64_t columns) {
  for (int64_t j = 0; j < kPanel; j += Floats::kLanes) Floats::load(from + j, columns - j).store(to + j);
}
template <class From>
void copy_row(const From* from, float* to, int64_t columns) {
  for (int64_t j = 0; j < kPanel; j += Floats::kLanes) widen(from + j, columns - j).store(to + j);
}
template <class From>
void copy_row(const From* from, From* to, int64_t columns) {
  for (int64_t j = 0; j < kPanel; ++j) to[j] = j < columns ? from[j] : From{};
}

template <class From>
float widened(From value) {
  From kept[Floats::kLanes] = {value};
  float wide[Floats::kLanes];
  widen(kept).store(wide);
  return wide[0];
}
template <class To, class From>
To element(From value) {
  if constexpr (sizeof(To) == sizeof(From))
    return value;
  else
    return widened(value);
}

template <class From, class To>
void pack(const From* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, To* panels) {
  for (int64_t j = 0; j < n; j += kPanel, source += kPanel * n_stride, panels += kPanel * k) {
    const int64_t columns = std::min(kPanel, n - j);
    if (n_stride == 1) {
      for (int64_t p = 0; p < k; ++p) {
        ask_for(source + (p + kRowsAhead) * k_stride, kPanel);
        copy_row(source + p * k_stride, panels + p * kPanel, columns);
      }
      continue;
    }
    if (k_stride == 1) {
      transpose(source, n_stride, columns, k, panels, kPanel);
    } else {
      for (int64_t p = 0; p < k; ++p)
        for (int64_t c = 0; c < columns; ++c) panels[p * kPanel + c] = element<To>(source[p * k_stride + c * n_stride]);
    }
    for (int64_t p = 0; p < k; ++p)
      for (int64_t c = columns; c < kPanel; ++c) panels[p * kPanel + c] = To{};
  }
}

// A panel whose columns lie along k: rounded in rows, then turned by pairs.
template <bool kInstruction, class From>
void pack_pairs_turned(const From* source, int64_t n_stride, int64_t k, int64_t columns, float* panel) {
  constexpr int64_t kSteps = 64;
  const int64_t end = (k + 1) / 2;
  alignas(64) Bf16 rows[kPanel * 2 * kSteps];
  for (int64_t s = 0; s < end; s += kSteps) {
    const int64_t steps = std::min(kSteps, end - s), count = std::min(2 * steps, k - 2 * s);
    for (int64_t c = 0; c < kPanel; ++c) {
      Bf16* row = rows + c * 2 * kSteps;
      ask_for(s + kSteps < end ? source + c * n_stride + 2 * (s + kSteps) : source + (c + kPanel) * n_stride, 2 * kSteps);   // of the next panel at last
      if (c < columns) round_row<kInstruction>(source + c * n_stride + 2 * s, count, row);
      else std::fill(row, row + 2 * steps, Bf16{});
    }
    transpose(reinterpret_cast<const float*>(rows), kSteps, kPanel, steps, panel + s * kPanel, kPanel);
  }
}

template <bool kInstruction, class From>
void pack_pairs(const From* source, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, float* panels) {
  const int64_t steps = (k + 1) / 2;
  if (k_stride == 1) {
    for (int64_t j = 0; j < n; j += kPanel) pack_pairs_turned<kInstruction>(source + j * n_stride, n_stride, k, std::min(kPanel, n - j), panels + j * steps);
    return;
  }
  const auto row = [&](int64_t p, int64_t j) {
    if (p >= k) return Floats::zero();
    const From* from = source + p * k_stride + j * n_stride;
    if (n_stride == 1) return widen(from, n - j);
    From kept[Floats::kLanes] = {};
    for (int64_t i = 0; i < Floats::kLanes && j + i < n; ++i) kept[i] = from[i * n_stride];
    return widen(kept);
  };
  constexpr int64_t kSteps = 32;   // over all panels before the next ones: what is side by side in memory is read together
  for (int64_t first = 0; first < steps; first += kSteps)
    for (int64_t j = 0; j < n; j += kPanel)
      for (int64_t s = first; s < std::min(first + kSteps, steps); ++s) {
        if (n_stride == 1)
          for (int64_t i = 0; i < 2; ++i) ask_for(source + (2 * s + i + kRowsAhead) * k_stride + j, kPanel);
        for (int64_t c = 0; c < kPanel; c += Floats::kLanes) operand_pairs<kInstruction>(row(2 * s, j + c), row(2 * s + 1, j + c)).store(panels + j * steps + s * kPanel + c);
      }
}

}  // namespace

pack_panels_fn<float> pack_panels;

void pack_panels(const void* source, DType from, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n, void* panels,
                 PanelFormat to) {
  const auto packed = [&](auto* source_of_type) {
    using From = std::remove_const_t<std::remove_pointer_t<decltype(source_of_type)>>;
    if (to == PanelFormat::int8)
      pack_int8(source_of_type, k_stride, n_stride, k, n, static_cast<std::byte*>(panels));
    else if (has_pairs(to))
      with_bf16_rounding([&](auto instruction) { pack_pairs<instruction()>(source_of_type, k_stride, n_stride, k, n, static_cast<float*>(panels)); });
    else if (to == PanelFormat::own)
      pack(source_of_type, k_stride, n_stride, k, n, static_cast<float*>(panels));
    else if constexpr (sizeof(From) == 2)
      pack(source_of_type, k_stride, n_stride, k, n, static_cast<From*>(panels));
  };
  switch (from) {
    case DType::bf16: return packed(static_cast<const Bf16*>(source));
    case DType::f16: return packed(static_cast<const F16*>(source));
    default: return packed(static_cast<const float*>(source));
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
