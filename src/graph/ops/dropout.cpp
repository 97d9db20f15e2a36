// dropout: in training, drops elements and scales the others up; else x as it is. Which ones is a function of the run's seed, the
// node, the sequence and the position, so the gradient makes the same mask anew. Formula: kernels/dropout.h.
#include <cstring>

#include "graph/ops/support.h"

namespace orrery {

namespace {

void dropout_shape(ShapeContext& c) {
  const double probability = c.attributes().number("probability");
  c.expect(probability >= 0 && probability < 1, "the probability is not in [0, 1)");
  c.expect(c.has_sequences(0) && c.input(0)[0].symbol == int(c.attributes().integer("space")), "the rows are not those of the sequences given");
  c.output(c.input(0));
}
template <class T>
void run_dropout(Call<T>& c) {
  const int64_t cols = c.cols(0), count = c.count(0);
  const float probability = float(c.attributes().number("probability"));
  if (!c.settings().training || probability == 0) {
    if (c.out() != c.in(0)) c.ranges(count, 65536, [&](int64_t b, int64_t e) { std::memcpy(c.out() + b, c.in(0) + b, size_t(e - b) * sizeof(T)); });
    return;
  }
  const Rows& rows = c.space(int(c.attributes().integer("space")));
  c.pool().parallel(int64_t(rows.sequences.size()), [&](int64_t s) {
    const SequenceRows& sequence = rows.sequences[size_t(s)];
    constexpr int64_t kRun = 64;
    uint32_t ids[kRun];
    int32_t positions[kRun];
    for (int64_t from = 0; from < sequence.count; from += kRun) {
      const int64_t n = std::min(kRun, sequence.count - from);
      for (int64_t i = 0; i < n; ++i) ids[i] = sequence.id, positions[i] = int32_t(sequence.position + from + i);
      const Dropout spec{probability, c.settings().seed, uint32_t(c.attributes().integer("stream")), ids, positions};
      const int64_t at = (sequence.begin + from) * cols;
      c.k().dropout(c.in(0) + at, c.out() + at, n, cols, spec);
    }
  });
}
void dropout_gradient(Grad& g) { g.add(0, g.builder().node(dropout_op(), {g.dy()}, g.attributes())); }

}  // namespace

const Op& dropout_op() {
  static const Op op = {.name = "dropout", .shape = dropout_shape, .gradient = dropout_gradient, .cost = elementwise_cost, ORRERY_RUN(run_dropout), .in_place = 0};
  return op;
}

Value dropout(Value x, Sequences rows, double probability) {
  if (probability == 0) return x;
  return x.builder->node(dropout_op(), {x}, {{"probability", probability}, {"space", int64_t(rows.symbol)}, {"stream", int64_t(x.builder->next_stream())}});
}

}  // namespace orrery
