// intervene: changes a value in place by the table of this run; does nothing when the table has no entry for its site.
// See passes/taps.h.
#include "graph/ops/support.h"
#include "graph/passes/taps.h"

namespace orrery {

namespace {

template <class T>
void apply(const Intervention& entry, T* x, int64_t begin, int64_t end, int64_t row) {
  const int64_t columns = end - begin;
  const float* values = nullptr;
  if (entry.action == Action::add || entry.action == Action::replace) {
    const bool per_position = entry.values.rank() == 2;
    if (entry.values.numel() < columns || (per_position && (row >= entry.values.dim(0) || entry.values.dim(1) < columns)))
      throw Error{ErrorKind::bad_usage, "the values of the intervention are " + shape_text(entry.values.shape()) + ", which does not cover " + std::to_string(columns) + " columns of row " + std::to_string(row), entry.site};
    values = entry.values.template data<float>() + (per_position ? row * entry.values.dim(1) : 0);
  }
  for (int64_t c = 0; c < columns; ++c) {
    T& y = x[begin + c];
    switch (entry.action) {
      case Action::zero: y = T(0); break;
      case Action::scale: y *= T(entry.factor); break;
      case Action::add: y += T(entry.factor) * T(values[c]); break;
      case Action::replace: y = T(values[c]); break;
    }
  }
}

void intervene_shape(ShapeContext& c) {
  c.expect(c.has_sequences(0), "only rows of sequences can be changed");
  c.output(c.input(0));
}
template <class T>
void run_intervene(Call<T>& c) {
  const auto* table = c.settings().interventions;
  if (!table || table->empty()) return;
  const std::string site = c.attributes().text("site");
  const int64_t cols = c.cols(0);
  for (const Intervention& entry : *table) {
    if (entry.site != site) continue;
    for (const SequenceRows& sequence : c.sequences(0).sequences) {
      if (entry.sequence >= 0 && entry.sequence != int64_t(sequence.id)) continue;
      const int64_t first = std::max(entry.position_begin, sequence.position);
      const int64_t last = std::min(entry.position_end, sequence.position + sequence.count);
      for (int64_t position = first; position < last; ++position)
        apply(entry, c.out() + (sequence.begin + position - sequence.position) * cols, std::min(entry.column_begin, cols),
              std::min(entry.column_end, cols), position - entry.position_begin);
    }
  }
}
Cost no_cost(const CostContext&) { return {}; }

}  // namespace

const Op& intervene_op() {
  static const Op op = {.name = "intervene", .shape = intervene_shape, .cost = no_cost, ORRERY_RUN(run_intervene), .writes_into = 0};
  return op;
}

}  // namespace orrery
