// Rows of a table by index, and the gradient of that (kernels/embedding.h).
#include "kernels/embedding.h"

#include "kernels/cpu/rows.h"

namespace orrery::cpu::ORRERY_ISA {

gather_rows_fn<float> gather_rows;
scatter_add_fn<float> scatter_add;

namespace {

Floats widen_lanes(const auto* p, AllLanes) { return widen(p); }
Floats widen_lanes(const auto* p, int64_t lanes) { return widen(p, lanes); }

template <class Element>
void gather(const void* table, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r, y += cols) {
    if (ids[r] < 0) {
      each_vector(cols, [&](int64_t i, auto lanes) { store(y + i, Floats::zero(), lanes); });
      continue;
    }
    const Element* const row = static_cast<const Element*>(table) + int64_t(ids[r]) * cols;
    each_vector(cols, [&](int64_t i, auto lanes) { store(y + i, widen_lanes(row + i, lanes), lanes); });
  }
}

}  // namespace

void gather_rows(const void* table, DType dtype, const int32_t* ids, float* y, int64_t rows, int64_t cols) {
  switch (dtype) {
    case DType::bf16: return gather<Bf16>(table, ids, y, rows, cols);
    case DType::f16: return gather<F16>(table, ids, y, rows, cols);
    default: return gather<float>(table, ids, y, rows, cols);
  }
}

void scatter_add(const int32_t* ids, const float* dy, float* table, int64_t rows, int64_t cols, int64_t begin,
                 int64_t end) {
  for (int64_t r = 0; r < rows; ++r, dy += cols) {
    if (ids[r] < 0) continue;
    float* const row = table + int64_t(ids[r]) * cols + begin;
    each_vector(end - begin, [&](int64_t i, auto lanes) {
      store(row + i, load(row + i, lanes) + load(dy + begin + i, lanes), lanes);
    });
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
