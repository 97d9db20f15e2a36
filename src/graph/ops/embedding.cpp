// embedding: rows of a table by id. Its gradient adds rows into the table's gradient, rows ascending; the row of the
// attribute `padding`, where there is one, gets none (torch.nn.Embedding's padding_idx).
#include <type_traits>

#include "graph/ops/support.h"

namespace orrery {

namespace {

void embedding_shape(ShapeContext& c) {
  c.expect(c.rank(0) == 2, "the table is not a matrix");
  c.expect(c.rank(1) == 1, "the ids are not a list");
  c.output({c.input(1)[0], c.last(0)});
}

template <class T>
void check_ids(const Call<T>& c, const int32_t* ids, int64_t count, int64_t entries) {
  for (int64_t i = 0; i < count; ++i)
    if (ids[i] < 0 || ids[i] >= entries)
      throw Error{ErrorKind::out_of_range, "id " + std::to_string(ids[i]) + " is outside the table of " + std::to_string(entries) + " entries",
                  c.graph().values[size_t(c.node().inputs[0])].name + ", row " + std::to_string(i)};
}

// A table in blocks is read as it is, a row at a time.
Prepared embedding_prepare(const PrepareContext& c) {
  if (!c.is_weight(0) || !c.weights.at(c.weight_name(0)).stored || c.weights.at(c.weight_name(0)).stored->turned) return {};
  auto table = std::make_shared<BlockMatrix>(*c.weights.at(c.weight_name(0)).stored);
  const auto bytes = int64_t(table->bytes.bytes());
  return {.data = table, .bytes = bytes, .identity = table->bytes.raw(), .mapped_bytes = table->bytes.writable() ? 0 : bytes};
}

template <class T>
void gather_blocks(const BlockMatrix& table, const int32_t* ids, int64_t count, T* out) {
  std::vector<float> kept(std::is_same_v<T, float> ? size_t(0) : size_t(table.cols));
  for (int64_t i = 0; i < count; ++i, out += table.cols) {
    if constexpr (std::is_same_v<T, float>) {
      dequantise(table.format, table.row(ids[i]), out, table.cols);
    } else {
      dequantise(table.format, table.row(ids[i]), kept.data(), table.cols);
      std::copy(kept.begin(), kept.end(), out);
    }
  }
}

template <class T>
void run_embedding(Call<T>& c) {
  const int64_t cols = c.cols(0), count = c.count(1);
  check_ids(c, c.indices(1), count, c.size(0, 0));
  const bool weight = c.is_weight(0);
  const auto* blocks = c.template prepared<BlockMatrix>();
  c.row_ranges(count, cols, [&](int64_t begin, int64_t end) {
    if (blocks) return gather_blocks(*blocks, c.indices(1) + begin, end - begin, c.out() + begin * cols);
    c.k().gather_rows(c.held(0), weight ? c.held_dtype(0) : dtype_of<T>(), c.indices(1) + begin, c.out() + begin * cols, end - begin, cols);
  });
}

void embedding_gradient(Grad& g) {
  std::vector<Value> inputs{g.input(0), g.input(1), g.dy()};
  if (g.sum_so_far(0)) inputs.push_back(g.sum_so_far(0));
  g.replace(0, g.builder().node(embedding_backward_op(), inputs, g.attributes()));
}

void embedding_backward_shape(ShapeContext& c) { c.output(c.input(0)); }   // input 0 lends its shape alone
template <class T>
void run_embedding_backward(Call<T>& c) {
  const int64_t cols = c.cols(0), rows = c.count(1), entries = c.size(0, 0);
  const int64_t padding = c.attributes().integer("padding", -1);
  T* table = c.out();
  if (!c.has(3)) c.row_ranges(entries, cols, [&](int64_t begin, int64_t end) { std::fill(table + begin * cols, table + end * cols, T(0)); });
  c.ranges(cols, std::max<int64_t>(32, 65536 / std::max<int64_t>(1, rows)), [&](int64_t begin, int64_t end) {
    for (int64_t row = 0, next = 0; row < rows; row = next + 1) {      // runs of rows without padding
      for (next = row; next < rows && c.indices(1)[next] != padding;) ++next;
      c.k().scatter_add(c.indices(1) + row, c.in(2) + row * cols, table, next - row, cols, begin, end);
    }
  });
}

Cost embedding_cost(const CostContext& c) { return {0, 8.0 * double(c.out_count())}; }
Cost embedding_backward_cost(const CostContext& c) { return {double(c.count(2)), 8.0 * double(c.count(2))}; }

// ---- a fixed table ----------------------------------------------------------------------------------------------------
void constant_table_shape(ShapeContext& c) {
  const auto* table = static_cast<const Tensor*>(c.node().payload.get());
  c.expect(table->rank() == 2 && c.rank(0) == 1, "a table [entries, width] and a list of indices are wanted");
  c.output({c.input(0)[0], Dim{table->dim(1), -1}});
}
Prepared constant_table_prepare(const PrepareContext& c) {
  auto table = std::make_shared<Tensor>(static_cast<const Tensor*>(c.node.payload.get())->to(c.compute));
  return {table, int64_t(table->bytes())};
}
template <class T>
void run_constant_table(Call<T>& c) {
  const Tensor& table = *c.template prepared<Tensor>();
  const int64_t cols = table.dim(1);
  for (int64_t i = 0; i < c.count(0); ++i)
    if (c.indices(0)[i] < 0 || c.indices(0)[i] >= table.dim(0))
      throw Error{ErrorKind::out_of_range, "position " + std::to_string(c.indices(0)[i]) + " is beyond the model's " + std::to_string(table.dim(0)), "positions"};
  c.k().gather_rows(table.raw(), dtype_of<T>(), c.indices(0), c.out(), c.count(0), cols);
}

// ---- positions of a row space -----------------------------------------------------------------------------------------
void positions_shape(ShapeContext& c) { c.output({Dim{1, int(c.attributes().integer("space"))}}, Element::index); }
template <class T>
void run_positions(Call<T>& c) {
  int32_t* out = c.out_indices();
  for (const SequenceRows& sequence : c.space(int(c.attributes().integer("space"))).sequences)
    for (int64_t i = 0; i < sequence.count; ++i) out[sequence.begin + i] = int32_t(sequence.position + i);
}

// ---- the first or last row of each sequence ---------------------------------------------------------------------------
void boundary_rows_shape(ShapeContext& c) {
  const Attributes& a = c.attributes();
  const std::string space = c.graph().symbols[size_t(a.integer(a.items().contains("as") ? "as" : "space"))];
  c.output({Dim{1, c.graph().symbol(space + ".sequences")}}, Element::index);
}
template <class T>
void run_boundary_rows(Call<T>& c) {
  int32_t* out = c.out_indices();
  const bool last = c.attributes().integer("last") != 0;
  for (const SequenceRows& sequence : c.space(int(c.attributes().integer("space"))).sequences) {
    if (sequence.count == 0) throw Error{ErrorKind::bad_usage, "a sequence without rows has no first or last one", "boundary_rows"};
    *out++ = int32_t(last ? sequence.begin + sequence.count - 1 : sequence.begin);
  }
}
Cost no_cost(const CostContext&) { return {}; }

}  // namespace

const Op& embedding_op() {
  static const Op op = {.name = "embedding", .shape = embedding_shape, .gradient = embedding_gradient, .cost = embedding_cost, .prepare = embedding_prepare, ORRERY_RUN(run_embedding), .index_input = 1, .held_input = 0};
  return op;
}
const Op& embedding_backward_op() {
  static const Op op = {.name = "embedding_backward", .shape = embedding_backward_shape, .cost = embedding_backward_cost, ORRERY_RUN(run_embedding_backward), .writes_into = 3, .index_input = 1, .held_input = 0};
  return op;
}
const Op& constant_table_op() {
  static const Op op = {.name = "constant_table", .shape = constant_table_shape, .cost = no_cost, .prepare = constant_table_prepare, ORRERY_RUN(run_constant_table), .index_input = 0, .shares_prepared = true};
  return op;
}
const Op& boundary_rows_op() {
  static const Op op = {.name = "boundary_rows", .shape = boundary_rows_shape, .cost = no_cost, ORRERY_RUN(run_boundary_rows)};
  return op;
}
const Op& positions_op() {
  static const Op op = {.name = "positions", .shape = positions_shape, .cost = no_cost, ORRERY_RUN(run_positions)};
  return op;
}

Value embedding(Value table, Value ids, std::optional<int32_t> padding) {
  return table.builder->node(embedding_op(), {table, ids}, padding ? Attributes{{"padding", int64_t(*padding)}} : Attributes{});
}
Value constant_table(Tensor table, Value indices) {
  return indices.builder->node(constant_table_op(), {indices}, {}, std::make_shared<Tensor>(std::move(table)));
}

}  // namespace orrery
