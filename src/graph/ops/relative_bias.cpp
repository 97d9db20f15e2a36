// relative_bias: T5's bias by buckets of distances, spread out to one value for each head and distance. Raffel et al. 2020, 2.1.
//
//   y[h, reach + d] = table[bucket(d), h]      for d = key's position - query's, -reach .. reach = max_distance
//
// Half of the buckets hold one distance each, the others ever longer ranges up to max_distance; further distances are all
// in the last, so a bias that stays at its ends beyond the reach says everything. Both ways, keys after the query have the
// upper half of all buckets; one way they are in the bucket of distance 0.
#include <cmath>

#include "graph/ops/support.h"

namespace orrery {

namespace {

// In float, as transformers does: a bucket's edge may hang on a rounding.
int64_t bucket_of(int64_t distance, bool both_ways, int64_t buckets, int64_t max_distance) {
  int64_t first = 0, away = both_ways ? std::abs(distance) : -std::min<int64_t>(distance, 0);
  if (both_ways) {
    buckets /= 2;
    if (distance > 0) first = buckets;
  }
  const int64_t exact = buckets / 2;
  if (away < exact) return first + away;
  const float steps = std::log(float(away) / float(exact)) / float(std::log(double(max_distance) / double(exact))) * float(buckets - exact);
  return first + std::min(buckets - 1, exact + int64_t(steps));
}

struct Spread {
  int64_t buckets, heads, reach;
  bool both_ways;
  int64_t width() const { return 2 * reach + 1; }
  int64_t bucket(int64_t column) const { return bucket_of(column - reach, both_ways, buckets, reach); }
};

template <class T>
Spread spread_of(const Call<T>& c, int64_t buckets, int64_t heads) {
  return {buckets, heads, c.attributes().integer("max_distance"), c.attributes().integer("both_ways") != 0};
}

void bias_shape(ShapeContext& c) {
  const int64_t reach = c.attributes().integer("max_distance");
  const int64_t ways = c.attributes().integer("both_ways") ? 2 : 1;
  c.expect(c.rank(0) == 2 && c.input(0)[0].fixed() && c.last(0).fixed(), "the table is not [buckets, heads]");
  c.expect(c.input(0)[0].factor >= 2 * ways && c.input(0)[0].factor % ways == 0, "there are too few buckets");
  c.expect(reach > c.input(0)[0].factor / ways / 2, "max_distance is not beyond the buckets of one distance");
  c.output({c.last(0), Dim{2 * reach + 1, -1}});
}

template <class T>
void run_bias(Call<T>& c) {
  const Spread s = spread_of(c, c.size(0, 0), c.cols(0));
  for (int64_t column = 0; column < s.width(); ++column) {
    const T* row = c.in(0) + s.bucket(column) * s.heads;
    for (int64_t h = 0; h < s.heads; ++h) c.out()[h * s.width() + column] = row[h];
  }
}

void bias_gradient(Grad& g) {
  Attributes attributes = g.attributes();
  attributes.set("buckets", g.input(0).dims()[0].factor);
  g.add(0, g.builder().node(relative_bias_backward_op(), {g.dy()}, attributes));
}

// ---- dtable, from dy [heads, distances], distances ascending --------------------------------------------------------------
void backward_shape(ShapeContext& c) { c.output({Dim{c.attributes().integer("buckets"), -1}, c.input(0)[0]}); }

template <class T>
void run_backward(Call<T>& c) {
  const Spread s = spread_of(c, c.out_size(0, 0), c.out_size(0, 1));
  std::fill_n(c.out(), c.out_count(), T(0));
  for (int64_t column = 0; column < s.width(); ++column) {
    T* row = c.out() + s.bucket(column) * s.heads;
    for (int64_t h = 0; h < s.heads; ++h) row[h] += c.in(0)[h * s.width() + column];
  }
}

}  // namespace

const Op& relative_bias_op() {
  static const Op op = {.name = "relative_bias", .shape = bias_shape, .gradient = bias_gradient, .cost = elementwise_cost, ORRERY_RUN(run_bias)};
  return op;
}
const Op& relative_bias_backward_op() {
  static const Op op = {.name = "relative_bias_backward", .shape = backward_shape, .cost = elementwise_cost, ORRERY_RUN(run_backward)};
  return op;
}

Value relative_bias(Value table, bool both_ways, int64_t max_distance) {
  return table.builder->node(relative_bias_op(), {table}, {{"both_ways", int64_t(both_ways)}, {"max_distance", max_distance}});
}

}  // namespace orrery
