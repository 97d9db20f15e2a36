// Panels that few rows read side by side: memory is what they wait for, and serves several streams faster than one (kernels/trial.h).
//
//   static constinit Trial trial{ways_to_read(kMost)};
//   read_side_by_side<kMost>(trial, n, panel_size, [&]<int kPanels>(int64_t column, bool asks) { ... });
#pragma once

#include <algorithm>

#include "kernels/cpu/vec.h"
#include "kernels/matmul.h"
#include "kernels/trial.h"

namespace orrery::cpu::ORRERY_ISA {

// Of products of bytes: vectors of a tile, a panel of 32 columns, or half of one with 16 registers, but for one row all of it, which then
// streams past once;
constexpr int vectors_of(int rows) { return rows == 1 ? int(std::min<int64_t>(4, kPanel / Floats::kLanes)) : 2; }
// and panels that so many rows pass over side by side: as many as leave room for their sums in registers.
#if defined(ORRERY_ISA_avx512)
constexpr int panels_at_once(int rows, int, bool instruction) { return !instruction ? 1 : rows == 1 ? 4 : rows <= 3 ? 2 : 1; }
#elif defined(ORRERY_ISA_avx2)
constexpr int panels_at_once(int rows, int bits, bool) { return rows == 1 && bits == 8 ? 3 : 1; }   // of fewer bits, two sums and more wait in registers for each vector
#else
constexpr int panels_at_once(int, int, bool) { return 1; }
#endif

constexpr int ways_to_read(int most) { return most > 2 ? 4 : 2; }

// run.template operator()<kPanels>(column, asks) for all panels of n columns, kMost or fewer of them from that of `column` on; the last may reach
// over n. `asks`: memory is asked for what comes.
template <int kMost, class F>
void read_side_by_side(Trial& trial, int64_t n, int64_t panel_size, F&& run) {
  enum Way { kAsks, kUndisturbed, kTwoAtOnce, kOneByOne };   // kMost at once in the first two
  const Trial::Turn turn = trial.begin((n + kPanel - 1) / kPanel * panel_size);
  int64_t j = 0;
  const auto read = [&]<int kPanels>() {
    for (; j + (kPanels - 1) * kPanel < n; j += kPanels * kPanel) run.template operator()<kPanels>(j, turn.way == kAsks);
  };
  if (turn.way <= kUndisturbed) read.template operator()<kMost>();
  if constexpr (kMost > 2) {
    if (turn.way <= kTwoAtOnce) read.template operator()<2>();
  }
  if constexpr (kMost > 1) read.template operator()<1>();
  trial.end(turn);
}

}  // namespace orrery::cpu::ORRERY_ISA
