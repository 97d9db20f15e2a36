// Dropout (kernels/dropout.h).
#include "kernels/dropout.h"

#include "kernels/cpu/philox.h"
#include "kernels/cpu/rows.h"

namespace orrery::cpu::ORRERY_ISA {

dropout_fn<float> dropout;

void dropout(const float* x, float* y, int64_t rows, int64_t cols, const Dropout& dropout) {
  constexpr int64_t n = Floats::kLanes;
  const uint32_t threshold = drop_below(dropout.probability);
  const Floats factor = Floats::broadcast(float(1 / (1 - double(dropout.probability))));
  for (int64_t r = 0; r < rows; ++r, x += cols, y += cols) {
    const uint32_t sequence = dropout.sequences[r], position = uint32_t(dropout.positions[r]);
    const auto pair = [&](int64_t i, auto first, auto second) {
      const KeptPair kept = kept_lanes(dropout.seed, dropout.stream, sequence, position, uint32_t(i / 4), threshold);
      store(y + i, mask_lanes(kept.first, load(x + i, first) * factor), first);
      store(y + i + n, mask_lanes(kept.second, load(x + i + n, second) * factor), second);
    };
    int64_t i = 0;
    for (; i + 2 * n <= cols; i += 2 * n) pair(i, AllLanes{}, AllLanes{});
    if (i < cols) pair(i, cols - i, cols - i - n);
  }
}

}  // namespace orrery::cpu::ORRERY_ISA
