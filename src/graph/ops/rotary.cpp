// rotary: turns the pairs of each head by angles proportional to the position. The table of angles is made once, in
// double, when the plan is compiled. Formula: kernels/rotary.h.
#include <cmath>

#include "graph/ops/support.h"

namespace orrery {

namespace {

struct Angles {
  Tensor cosines, sines;   // [positions, rotary_dim / 2]
};

void rotary_shape(ShapeContext& c) {
  const auto* table = static_cast<const RotaryTable*>(c.node().payload.get());
  c.expect(table->head_dim > 0 && table->rotary_dim % 2 == 0 && table->rotary_dim <= table->head_dim &&
               int64_t(table->inverse_frequencies.size()) == table->rotary_dim / 2,
           "the table does not have one frequency for each pair of a head");
  c.expect(c.rank(1) == 1 && c.input(1)[0] == c.input(0)[0], "there is not one position for each row");
  c.expect(c.rank(0) == 2 && c.last(0).fixed() && c.last(0).factor % table->head_dim == 0, "the columns are not whole heads");
  c.output(c.input(0));
}

Prepared rotary_prepare(const PrepareContext& c) {
  const auto& table = *static_cast<const RotaryTable*>(c.node.payload.get());
  auto angles = std::make_shared<Angles>();
  const int64_t half = table.rotary_dim / 2;
  const int64_t positions = c.max_positions > 0 ? std::min(table.max_positions, c.max_positions) : table.max_positions;
  angles->cosines = Tensor::zeros(c.compute, {positions, half});
  angles->sines = Tensor::zeros(c.compute, {positions, half});
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t i = 0; i < half; ++i) {
      // The angle is rounded to float first, as in the reference implementation: far positions depend on it.
      const double angle = c.compute == DType::f64 ? double(p) * table.inverse_frequencies[size_t(i)]
                                                   : double(float(p) * float(table.inverse_frequencies[size_t(i)]));
      const double cosine = std::cos(angle) * table.attention_factor, sine = std::sin(angle) * table.attention_factor;
      if (c.compute == DType::f64) {
        angles->cosines.mutable_data<double>()[p * half + i] = cosine;
        angles->sines.mutable_data<double>()[p * half + i] = sine;
      } else {
        angles->cosines.mutable_data<float>()[p * half + i] = float(cosine);
        angles->sines.mutable_data<float>()[p * half + i] = float(sine);
      }
    }
  return {angles, int64_t(angles->cosines.bytes() * 2)};
}

template <class T>
void run_rotary(Call<T>& c) {
  const auto& table = *static_cast<const RotaryTable*>(c.node().payload.get());
  const Angles& angles = *c.template prepared<Angles>();
  const int64_t cols = c.cols(0), rows = c.rows(0);
  for (int64_t r = 0; r < rows; ++r)
    if (c.indices(1)[r] < 0 || c.indices(1)[r] >= angles.cosines.dim(0))
      throw Error{ErrorKind::out_of_range, "position " + std::to_string(c.indices(1)[r]) + " is beyond the model's " + std::to_string(angles.cosines.dim(0)), "rotary positions"};
  c.row_ranges(rows, cols, [&](int64_t begin, int64_t end) {
    Rotary<T> args;
    args.x = c.in(0) + begin * cols;
    args.y = c.out() + begin * cols;
    args.x_stride = args.y_stride = cols;
    args.rows = end - begin;
    args.heads = cols / table.head_dim;
    args.head_dim = table.head_dim;
    args.rotary_dim = table.rotary_dim;
    args.positions = c.indices(1) + begin;
    args.cosines = angles.cosines.template data<T>();
    args.sines = angles.sines.template data<T>();
    args.layout = table.layout;
    args.inverse = c.attributes().integer("inverse") != 0;
    c.k().rotary(args);
  });
}

void rotary_gradient(Grad& g) {
  // A rotation scaled by attention_factor: its transpose is the inverse rotation, scaled by the same.
  g.add(0, g.builder().node(rotary_op(), {g.dy(), g.input(1)}, {{"inverse", int64_t(1)}}, g.node().payload));
}

Cost rotary_cost(const CostContext& c) { return {3.0 * double(c.out_count()), c.operand_bytes()}; }

}  // namespace

const Op& rotary_op() {
  static const Op op = {.name = "rotary", .shape = rotary_shape, .gradient = rotary_gradient, .cost = rotary_cost, .prepare = rotary_prepare, ORRERY_RUN(run_rotary), .in_place = 0, .index_input = 1, .shares_prepared = true};
  return op;
}

Value rotary(Value x, Value positions, std::shared_ptr<const RotaryTable> table) {
  return x.builder->node(rotary_op(), {x, positions}, {}, std::move(table));
}

}  // namespace orrery
