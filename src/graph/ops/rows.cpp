// Ops that choose, average, cut and join rows and columns.
#include <cstring>

#include "graph/ops/support.h"

namespace orrery {

namespace {

// ---- select_rows: y[i] = x[index[i]], and its gradient ------------------------------------------------------------------
void select_rows_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 1, "a matrix and a list of its rows are wanted");
  c.output({c.input(1)[0], c.last(0)});
}
void scatter_rows_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2 && c.rank(1) == 1 && c.input(2) == Dims{c.input(1)[0], c.last(0)}, "there is not one row for each index");
  c.output(c.input(0));
}
template <class T>
void run_select_rows(Call<T>& c) {
  const int64_t cols = c.cols(0), count = c.count(1), rows = c.rows(0);
  for (int64_t i = 0; i < count; ++i)
    if (c.indices(1)[i] < 0 || c.indices(1)[i] >= rows)
      throw Error{ErrorKind::out_of_range, "row " + std::to_string(c.indices(1)[i]) + " is outside the " + std::to_string(rows) + " rows of this run", "select_rows"};
  c.k().gather_rows(c.in(0), dtype_of<T>(), c.indices(1), c.out(), count, cols);
}
Cost select_rows_cost(const CostContext& c) { return {0, 8.0 * double(c.out_count())}; }
void select_rows_gradient(Grad& g) {
  g.add(0, g.builder().node(scatter_rows_op(), {g.input(0), g.input(1), g.dy()}));
}
template <class T>
void run_scatter_rows(Call<T>& c) {   // zeros, with rows dy[i] added at index[i]; input 0 lends its shape
  const int64_t cols = c.cols(0);
  std::fill(c.out(), c.out() + c.out_count(), T(0));
  c.k().scatter_add(c.indices(1), c.in(2), c.out(), c.count(1), cols, 0, cols);
}

// ---- mean_rows: the mean of each sequence -------------------------------------------------------------------------------
void mean_rows_shape(ShapeContext& c) {
  c.expect(c.has_sequences(0), "the rows of sequences are wanted");
  c.output({Dim{1, c.graph().symbol(c.graph().symbols[size_t(c.input(0)[0].symbol)] + ".sequences")}, c.last(0)});
}
template <class T>
void run_mean_rows(Call<T>& c) {
  const int64_t cols = c.cols(0);
  const Rows& rows = c.sequences(0);
  for (size_t s = 0; s < rows.sequences.size(); ++s) {
    const SequenceRows& sequence = rows.sequences[s];
    T* y = c.out() + int64_t(s) * cols;
    c.k().column_sum(c.in(0) + sequence.begin * cols, cols, y, sequence.count, 0, cols, false);
    c.k().scale(y, sequence.count ? T(1) / T(sequence.count) : T(0), T(0), y, cols);
  }
}
void mean_rows_gradient(Grad& g) { g.add(0, g.builder().node(mean_rows_backward_op(), {g.input(0), g.dy()})); }
template <class T>
void run_mean_rows_backward(Call<T>& c) {
  const int64_t cols = c.cols(0);
  const Rows& rows = c.sequences(0);
  for (size_t s = 0; s < rows.sequences.size(); ++s) {
    const SequenceRows& sequence = rows.sequences[s];
    for (int64_t i = 0; i < sequence.count; ++i)
      c.k().scale(c.in(1) + int64_t(s) * cols, T(1) / T(sequence.count), T(0), c.out() + (sequence.begin + i) * cols, cols);
  }
}

// ---- split_columns, concat_columns --------------------------------------------------------------------------------------
std::vector<int64_t> widths_of(const Attributes& attributes) {
  std::vector<int64_t> widths;
  const std::string text = attributes.text("widths");
  for (size_t at = 0; at < text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    widths.push_back(std::stoll(text.substr(at, comma - at)));
    at = comma + 1;
  }
  return widths;
}
void split_columns_shape(ShapeContext& c) {
  int64_t total = 0;
  c.expect(c.rank(0) == 2, "a matrix is wanted");
  for (int64_t width : widths_of(c.attributes())) {
    c.output({c.input(0)[0], Dim{width, -1}});
    total += width;
  }
  c.expect(c.last(0) == Dim{total, -1}, "the widths do not add up to the columns");
}
template <class T>
void run_split_columns(Call<T>& c) {
  const int64_t cols = c.cols(0);
  const auto& outputs = c.node().outputs;
  c.row_ranges(c.rows(0), cols, [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (size_t part = 0; part < outputs.size(); ++part) {
      const int64_t width = c.out_size(int(part), 1);
      for (int64_t r = begin; r < end; ++r)
        std::memcpy(c.out(int(part)) + r * width, c.in(0) + r * cols + offset, size_t(width) * sizeof(T));
      offset += width;
    }
  });
}
void split_columns_gradient(Grad& g) {
  std::vector<Value> parts;
  for (size_t i = 0; i < g.node().outputs.size(); ++i) {
    const Value dy = g.dy(int(i));
    parts.push_back(dy ? dy : g.output(int(i)) * 0.0);
  }
  g.add(0, concat_columns(parts));
}
void concat_columns_shape(ShapeContext& c) {
  Dim total{0, -1};
  for (size_t i = 0; i < c.node().inputs.size(); ++i) {
    c.expect(c.rank(int(i)) == 2 && c.last(int(i)).fixed() && c.input(int(i))[0] == c.input(0)[0], "the parts do not have the same rows");
    total.factor += c.last(int(i)).factor;
  }
  c.output({c.input(0)[0], total});
}
template <class T>
void run_concat_columns(Call<T>& c) {
  const int64_t cols = c.out_size(0, 1);
  c.row_ranges(c.rows(0), cols, [&](int64_t begin, int64_t end) {
    int64_t offset = 0;
    for (size_t part = 0; part < c.node().inputs.size(); ++part) {
      const int64_t width = c.cols(int(part));
      for (int64_t r = begin; r < end; ++r)
        std::memcpy(c.out() + r * cols + offset, c.in(int(part)) + r * width, size_t(width) * sizeof(T));
      offset += width;
    }
  });
}
std::string widths_text(const std::vector<int64_t>& widths) {
  std::string text;
  for (int64_t width : widths) text += (text.empty() ? "" : ",") + std::to_string(width);
  return text;
}
void concat_columns_gradient(Grad& g) {
  std::vector<int64_t> widths;
  for (size_t i = 0; i < g.node().inputs.size(); ++i) widths.push_back(g.input(int(i)).width());
  const std::vector<Value> parts = split_columns(g.dy(), widths);
  for (size_t i = 0; i < parts.size(); ++i)
    if (g.wants(int(i))) g.add(int(i), parts[i]);
}

}  // namespace

const Op& select_rows_op() {
  static const Op op = {.name = "select_rows", .shape = select_rows_shape, .gradient = select_rows_gradient, .cost = select_rows_cost, ORRERY_RUN(run_select_rows), .index_input = 1};
  return op;
}
const Op& scatter_rows_op() {
  static const Op op = {.name = "scatter_rows", .shape = scatter_rows_shape, .cost = elementwise_cost, ORRERY_RUN(run_scatter_rows), .index_input = 1};
  return op;
}
const Op& mean_rows_op() {
  static const Op op = {.name = "mean_rows", .shape = mean_rows_shape, .gradient = mean_rows_gradient, .cost = elementwise_cost, ORRERY_RUN(run_mean_rows)};
  return op;
}
const Op& mean_rows_backward_op() {
  static const Op op = {.name = "mean_rows_backward", .shape = same_as_input, .cost = elementwise_cost, ORRERY_RUN(run_mean_rows_backward)};
  return op;
}
const Op& split_columns_op() {
  static const Op op = {.name = "split_columns", .shape = split_columns_shape, .gradient = split_columns_gradient, .cost = elementwise_cost, ORRERY_RUN(run_split_columns)};
  return op;
}
const Op& concat_columns_op() {
  static const Op op = {.name = "concat_columns", .shape = concat_columns_shape, .gradient = concat_columns_gradient, .cost = elementwise_cost, ORRERY_RUN(run_concat_columns)};
  return op;
}

Value select_rows(Value x, Value indices) { return x.builder->node(select_rows_op(), {x, indices}); }
Value mean_rows(Value x, Sequences) { return x.builder->node(mean_rows_op(), {x}); }
std::vector<Value> split_columns(Value x, std::vector<int64_t> widths) {
  return x.builder->node_outputs(split_columns_op(), {x}, {{"widths", widths_text(widths)}});
}
Value concat_columns(std::vector<Value> parts) { return parts[0].builder->node(concat_columns_op(), parts); }

}  // namespace orrery
