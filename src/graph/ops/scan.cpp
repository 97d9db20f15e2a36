// scan: a recurrence over the rows of each sequence, with a body that is itself a graph (see builder.h, ScanBody).
//
//   carry_t, out_t = body(carry_{t-1}, row_t, memory)
//
// Step t runs the body once for all sequences that have a t-th row (from the end, where the scan is reversed). The carry
// before each row is kept, so that the gradient can run the body again backwards in time: (d carry_{t-1}, d row_t,
// d memory, d weights) from (d carry_t, d out_t). Memory is handed to the body whole, with the sequences of the step.
//
//   cached_scan   goes on from what each sequence carried after its last token, and keeps what it carries after each: state
//                 that is forked and rolled back like keys and values
//   keep_rows     writes rows of a source to its place in the cache; source_rows has them again in a later run
//
// Inputs:  rows…, initial carries… (absent: zeros), memory…, the body's weights…      Outputs: outs…, carries before each row…
#include <cstring>
#include <numeric>
#include <span>

#include "graph/ops/support.h"
#include "graph/passes/differentiate.h"
#include "graph/plan/plan.h"
#include "graph/scan_body.h"

namespace orrery {

PagedCache& cache_of(Workspace& workspace);   // plan/workspace.cpp

namespace {

const ScanBody& body_of(const Node& node) { return *static_cast<const ScanBody*>(node.payload.get()); }
int rows_of(const Attributes& a) { return int(a.integer("rows")); }
int carries_of(const Attributes& a) { return int(a.integer("carries")); }
int memories_of(const Attributes& a) { return int(a.integer("memories")); }

std::string numbered(const char* name, size_t i) { return std::string(name) + "." + std::to_string(i); }

int sequences_symbol(Graph& graph, const Dims& rows) { return graph.symbol(graph.symbols[size_t(rows[0].symbol)] + ".sequences"); }

void scan_shape(ShapeContext& c) {
  const ScanBody& body = body_of(c.node());
  c.expect(c.has_sequences(0), "the rows of sequences are wanted");
  const Dim rows = c.input(0)[0];
  const Dim sequences{1, sequences_symbol(c.graph(), c.input(0))};
  const int num_rows = rows_of(c.attributes()), num_carries = carries_of(c.attributes());
  const auto width_in_body = [&](int value) { return value < 0 ? Dim{0, -1} : body.graph.values[size_t(value)].dims.back(); };
  const auto width_out = [&](const std::string& name) {
    const auto it = body.graph.outputs.find(name);
    return width_in_body(it == body.graph.outputs.end() ? -1 : it->second);
  };
  for (int i = 0; i < num_rows; ++i)
    c.expect(c.rank(i) == 2 && c.input(i)[0] == rows && c.last(i) == width_in_body(body.graph.find_value(numbered("row", size_t(i)))), "the rows are not those that the body reads");
  for (int i = 0; i < num_carries; ++i) {
    const Dim width{body.carry_widths[size_t(i)], -1};
    c.expect(width_in_body(body.graph.find_value(numbered("carry", size_t(i)))) == width && width_out(numbered("carry", size_t(i))) == width, "the body's carries are not as wide as it says");
    if (c.has(num_rows + i)) c.expect(c.input(num_rows + i) == Dims{sequences, width}, "the initial carries are not one for each sequence, as wide as the body's");
  }
  for (int i = 0, at = num_rows + num_carries; i < memories_of(c.attributes()); ++i) {
    c.expect(c.has_sequences(at + i) && c.input(at + i)[0] == c.input(at)[0], "the memory is not the rows of sequences of one space");
    c.expect(c.last(at + i) == width_in_body(body.graph.find_value(numbered("memory", size_t(i)))), "the memory is not what the body reads");
    sequences_symbol(c.graph(), c.input(at + i));
  }
  for (size_t i = 0; i < body.out_widths.size(); ++i)
    c.expect(width_out(numbered("out", i)) == Dim{body.out_widths[i], -1}, "the body's outputs are not as wide as it says");
  for (int64_t width : body.out_widths) c.output({rows, Dim{width, -1}});
  for (int64_t width : body.carry_widths) c.output({rows, Dim{width, -1}});
}

// The rows and sequences that the body's run may bring. `memory`: the first input of it.
std::map<std::string, int64_t> capacity_of(const Graph& graph, const Node& node, const Sizes& sizes, int memory) {
  std::map<std::string, int64_t> capacity;
  const auto space = [&](const char* name, int input) {
    const int rows = graph.values[size_t(node.inputs[size_t(input)])].dims[0].symbol;
    capacity[name] = sizes.symbols[size_t(rows)];
    return capacity[std::string(name) + ".sequences"] = sizes.symbols[size_t(graph.find_symbol(graph.symbols[size_t(rows)] + ".sequences"))];
  };
  capacity["step"] = space("step", 0);
  if (memories_of(node.attributes) > 0) space("memory", memory);
  return capacity;
}

CompileOptions body_options(const PrepareContext& c, std::map<std::string, int64_t> capacity) {
  CompileOptions options;
  options.compute = c.compute;
  options.pack_weights = c.pack_weights;
  options.capacity = std::move(capacity);
  return options;
}

Prepared scan_prepare(const PrepareContext& c) {
  auto plan = compile(body_of(c.node).graph, c.weights, body_options(c, body_capacity(c.graph, c.node, c.capacity)), c.pool);
  return {std::make_shared<int>(0), 0, nullptr, plan};
}

// Rows of the sequences that are still running at step t, side by side.
struct Active {
  size_t sequence;
  int64_t row;                  // at this step
};
template <class T>
struct Gather {
  const Rows& rows;
  const Rows* memory;           // null: the body has none
  bool reverse;
  std::span<Active> active;
  Active* room;                 // for all sequences
  Gather(const Call<T>& c, int memory_input, Active* for_sequences)
      : rows(c.sequences(0)), memory(memories_of(c.attributes()) > 0 ? &c.sequences(memory_input) : nullptr), reverse(c.attributes().integer("reverse") != 0), room(for_sequences) {
    if (memory && memory->sequences.size() != rows.sequences.size())
      throw Error{ErrorKind::bad_usage, std::to_string(rows.sequences.size()) + " sequences look at the memory of " + std::to_string(memory->sequences.size()), "scan"};
  }
  // Binds the row spaces of the body's run.
  void at(int64_t t, Workspace& child) {
    size_t running = 0;
    Rows& step = child.rows("step");
    step.count = 0;
    step.sequences.clear();
    for (size_t s = 0; s < rows.sequences.size(); ++s) {
      const SequenceRows& sequence = rows.sequences[s];
      if (sequence.count <= t) continue;
      const int64_t place = reverse ? sequence.count - 1 - t : t;
      room[running++] = {s, sequence.begin + place};
      step.append(1, sequence.position + place, sequence.id);
    }
    active = {room, running};
    if (!memory) return;
    Rows& all = child.rows("memory");
    all.count = memory->count;
    all.sequences.clear();
    for (const Active& one : active) all.sequences.push_back(memory->sequences[one.sequence]);
  }
  void rows_at(const T* from, T* to, int64_t width) const {
    for (size_t i = 0; i < active.size(); ++i) std::memcpy(to + int64_t(i) * width, from + active[i].row * width, size_t(width) * sizeof(T));
  }
  void put_rows(const T* from, T* to, int64_t width) const {
    for (size_t i = 0; i < active.size(); ++i) std::memcpy(to + active[i].row * width, from + int64_t(i) * width, size_t(width) * sizeof(T));
  }
  void add_memory(const Call<T>& c, const T* from, T* to, int64_t width) const {
    for (const Active& one : active) {
      const SequenceRows& part = memory->sequences[one.sequence];
      c.k().binary(Binary::add, to + part.begin * width, from + part.begin * width, to + part.begin * width, part.count * width);
    }
  }
  void carries(const T* from, T* to, int64_t width) const {
    for (size_t i = 0; i < active.size(); ++i)
      std::memcpy(to + int64_t(i) * width, from + int64_t(active[i].sequence) * width, size_t(width) * sizeof(T));
  }
  void put_carries(const T* from, T* to, int64_t width) const {
    for (size_t i = 0; i < active.size(); ++i)
      std::memcpy(to + int64_t(active[i].sequence) * width, from + int64_t(i) * width, size_t(width) * sizeof(T));
  }
};

// The run's cache, where every sequence of input i has its place.
template <class T>
PagedCache& cache_for(const Call<T>& c, int i) {
  PagedCache& cache = cache_of(c.workspace());
  for (const SequenceRows& sequence : c.sequences(i).sequences)
    if (!sequence.cache || sequence.cache->cache != &cache)
      throw Error{ErrorKind::bad_usage, "sequence " + std::to_string(sequence.id) + " has no place in the run's cache", "cache"};
  return cache;
}

int64_t longest(const Rows& rows) {
  int64_t count = 0;
  for (const SequenceRows& sequence : rows.sequences) count = std::max(count, sequence.count);
  return count;
}

// Every sequence of the step has a row of each width in the scratch, and behind those who is active.
int64_t sequences_in(const Graph& graph, const Node& node, const Sizes& sizes) {
  const Dim rows = graph.values[size_t(node.inputs[0])].dims[0];
  const int symbol = graph.find_symbol(graph.symbols[size_t(rows.symbol)] + ".sequences");
  return sizes.symbols[size_t(symbol)];
}

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }
int64_t scratch_of(int64_t width, int64_t sequences, DType compute) { return aligned(width * sequences * size_of(compute)) + sequences * int64_t(sizeof(Active)); }
Active* active_behind(const void* scratch, const void* rows_end) {
  return reinterpret_cast<Active*>(static_cast<std::byte*>(const_cast<void*>(scratch)) + aligned(static_cast<const std::byte*>(rows_end) - static_cast<const std::byte*>(scratch)));
}

int64_t scan_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  int64_t width = 0;
  for (int i = 0; i < rows_of(node.attributes); ++i) width += graph.values[size_t(node.inputs[size_t(i)])].dims[1].factor;
  for (int64_t carry : body_of(node).carry_widths) width += 2 * carry;
  return scratch_of(width, sequences_in(graph, node, sizes), compute);
}

template <class T>
void run_scan(Call<T>& c) {
  const ScanBody& body = body_of(c.node());
  Workspace& child = *c.workspace().child(int(&c.node() - c.graph().nodes.data()));
  const Rows& rows = c.sequences(0);
  const int64_t sequences = int64_t(rows.sequences.size());
  const int num_rows = rows_of(c.attributes()), num_carries = carries_of(c.attributes()), num_outs = int(body.out_widths.size());
  // The scratch: rows that the body reads, carries that it reads, carries of each sequence. Found by counting: a step of writing asks for no memory.
  T* const scratch = static_cast<T*>(c.scratch());
  const auto width_before = [&](int carries) { return std::accumulate(body.carry_widths.begin(), body.carry_widths.begin() + carries, int64_t(0)); };
  const auto row_buffer = [&](int i) {
    int64_t before = 0;
    for (int j = 0; j < i; ++j) before += c.cols(j);
    return scratch + sequences * before;
  };
  const auto carry_buffer = [&](int i) { return row_buffer(num_rows) + sequences * width_before(i); };
  const auto carry = [&](int i) { return carry_buffer(num_carries) + sequences * width_before(i); };
  for (int i = 0; i < num_carries; ++i) {
    const int64_t count = sequences * body.carry_widths[size_t(i)];
    if (c.has(num_rows + i)) std::memcpy(carry(i), c.in(num_rows + i), size_t(count) * sizeof(T));
    else std::fill(carry(i), carry(i) + count, T(0));
  }
  PagedCache* cache = c.attributes().items().contains("slot") ? &cache_for(c, 0) : nullptr;
  const int slot = cache ? int(c.attributes().integer("slot")) : 0;
  for (int i = 0; cache && i < num_carries; ++i)
    for (int64_t s = 0; s < sequences; ++s)
      if (const SequenceRows& sequence = rows.sequences[size_t(s)]; sequence.position > 0)
        cache->read_rows(slot + i, *sequence.cache, sequence.position - 1, 1, carry(i) + s * body.carry_widths[size_t(i)]);
  for (int i = 0; i < num_rows; ++i) child.input(numbered("row", size_t(i)), row_buffer(i));
  for (int i = 0; i < num_carries; ++i) child.input(numbered("carry", size_t(i)), carry_buffer(i));
  for (int i = 0; i < memories_of(c.attributes()); ++i) child.input(numbered("memory", size_t(i)), c.in(num_rows + num_carries + i));

  Gather<T> gather(c, num_rows + num_carries, active_behind(scratch, carry(num_carries)));
  for (int64_t t = 0; t < longest(rows); ++t) {
    gather.at(t, child);
    for (int i = 0; i < num_rows; ++i) gather.rows_at(c.in(i), row_buffer(i), c.cols(i));
    for (int i = 0; i < num_carries; ++i) {
      gather.carries(carry(i), carry_buffer(i), body.carry_widths[size_t(i)]);
      gather.put_rows(carry_buffer(i), c.out(num_outs + i), body.carry_widths[size_t(i)]);
    }
    child.run(c.settings(), c.workspace().stop());
    for (int i = 0; i < num_outs; ++i) gather.put_rows(child.output<T>(numbered("out", size_t(i))), c.out(i), body.out_widths[size_t(i)]);
    for (int i = 0; i < num_carries; ++i) {
      const T* next = child.output<T>(numbered("carry", size_t(i)));
      const int64_t width = body.carry_widths[size_t(i)];
      gather.put_carries(next, carry(i), width);
      for (size_t a = 0; cache && a < gather.active.size(); ++a) {
        const SequenceRows& sequence = rows.sequences[gather.active[a].sequence];
        cache->write_rows(slot + i, *sequence.cache, sequence.position + t, 1, next + int64_t(a) * width);
      }
    }
  }
}

// ---- rows of a source, kept between runs ----------------------------------------------------------------------------------
void keep_rows_shape(ShapeContext& c) {
  c.expect(c.has_sequences(0), "the rows of sequences are wanted");
  c.output({Dim{0, -1}}, Element::state);
}
template <class T>
void run_keep_rows(Call<T>& c) {
  PagedCache& cache = cache_for(c, 0);
  for (const SequenceRows& sequence : c.sequences(0).sequences)
    cache.write_rows(int(c.attributes().integer("slot")), *sequence.cache, sequence.position, sequence.count, c.in(0) + sequence.begin * c.cols(0));
}
void source_rows_shape(ShapeContext& c) { c.output({Dim{1, int(c.attributes().integer("space"))}, Dim{c.attributes().integer("width"), -1}}); }
template <class T>
void run_source_rows(Call<T>& c) {
  const Rows &sources = c.space(int(c.attributes().integer("space"))), &readers = c.space(int(c.attributes().integer("of")));
  if (sources.sequences.size() != readers.sequences.size()) throw Error{ErrorKind::bad_usage, "not every sequence has a source", "source_rows"};
  for (size_t s = 0; s < readers.sequences.size(); ++s) {
    const SequenceRows& rows = sources.sequences[s];
    const CacheSequence* source = readers.sequences[s].source;
    if (!source || !source->cache || source->length != rows.count) throw Error{ErrorKind::bad_usage, "sequence " + std::to_string(readers.sequences[s].id) + " has no source of " + std::to_string(rows.count) + " rows", "source_rows"};
    source->cache->read_rows(int(c.attributes().integer("slot")), *source, 0, rows.count, c.out() + rows.begin * c.out_size(0, 1));
  }
}
Cost moved_bytes(const CostContext& c) { return {0, 2.0 * c.operand_bytes()}; }

// ---- backward: inputs rows…, carries before each row…, d outs…, memory…, weights…; outputs d rows…, d initial carries…,
// d memory…, d weights… -----------------------------------------------------------------------------------------------------
Graph backward_graph(const ScanBody& body) {
  Graph graph = body.graph;
  Builder b(graph);
  std::vector<std::pair<int, int>> seeds;
  std::map<int, Value> seed_of;     // a value that is both carry and out gets the sum of both gradients
  const auto seed = [&](const std::string& output, const std::string& name, int64_t width) {
    const int value = graph.outputs.at(output);
    const Value d = b.input_rows(name, "step", width);
    seed_of[value] = seed_of.contains(value) ? seed_of[value] + d : d;
  };
  for (size_t i = 0; i < body.carry_widths.size(); ++i) seed(numbered("carry", i), numbered("dcarry", i), body.carry_widths[i]);
  for (size_t i = 0; i < body.out_widths.size(); ++i) seed(numbered("out", i), numbered("dout", i), body.out_widths[i]);
  std::vector<int> wanted;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ValueInfo& value = graph.values[i];
    const bool input = value.kind == ValueKind::input && value.element == Element::real && (value.name.starts_with("row.") || value.name.starts_with("carry.") || value.name.starts_with("memory."));
    if (input || value.kind == ValueKind::weight) wanted.push_back(int(i));
  }
  graph.outputs.clear();
  for (const auto& [value, d] : seed_of) seeds.push_back({value, d.id});
  const Gradients gradients = differentiate(graph, seeds, wanted);
  for (const auto& [value, gradient] : gradients.of) graph.outputs["d " + graph.values[size_t(value)].name] = gradient;
  return graph;
}

void scan_backward_shape(ShapeContext& c) {
  const ScanBody& body = body_of(c.node());
  const int num_rows = rows_of(c.attributes());
  for (int i = 0; i < num_rows; ++i) c.output(c.input(i));
  const int symbol = sequences_symbol(c.graph(), c.input(0));
  for (int64_t width : body.carry_widths) c.output({Dim{1, symbol}, Dim{width, -1}});
  const size_t first = size_t(num_rows) + body.carry_widths.size() + body.out_widths.size();
  for (size_t i = first; i < c.node().inputs.size(); ++i) c.output(c.input(int(i)));
}

Prepared scan_backward_prepare(const PrepareContext& c) {
  const int memory = rows_of(c.node.attributes) + carries_of(c.node.attributes) + int(body_of(c.node).out_widths.size());
  auto plan = compile(backward_graph(body_of(c.node)), c.weights, body_options(c, capacity_of(c.graph, c.node, c.capacity, memory)), c.pool);
  return {std::make_shared<int>(0), 0, nullptr, plan};
}

int64_t scan_backward_scratch(const Graph& graph, const Node& node, const Sizes& sizes, DType compute) {
  int64_t width = 0;
  for (int i = 0; i < rows_of(node.attributes); ++i) width += graph.values[size_t(node.inputs[size_t(i)])].dims[1].factor;
  for (int64_t carry : body_of(node).carry_widths) width += 3 * carry;
  for (int64_t out : body_of(node).out_widths) width += out;
  return scratch_of(width, sequences_in(graph, node, sizes), compute);
}

template <class T>
void run_scan_backward(Call<T>& c) {
  const ScanBody& body = body_of(c.node());
  Workspace& child = *c.workspace().child(int(&c.node() - c.graph().nodes.data()));
  const Rows& rows = c.sequences(0);
  const int64_t sequences = int64_t(rows.sequences.size());
  const int num_rows = rows_of(c.attributes()), num_carries = int(body.carry_widths.size()), num_outs = int(body.out_widths.size());
  const int first_memory = num_rows + num_carries + num_outs, first_weight = first_memory + memories_of(c.attributes());
  T* scratch = static_cast<T*>(c.scratch());
  const auto buffer = [&](int64_t width) {
    T* at = scratch;
    scratch += sequences * width;
    return at;
  };
  std::vector<T*> row, carry, dcarry_now, dout;
  for (int i = 0; i < num_rows; ++i) child.input(numbered("row", size_t(i)), row.emplace_back(buffer(c.cols(i))));
  for (int i = 0; i < num_carries; ++i) {
    child.input(numbered("carry", size_t(i)), carry.emplace_back(buffer(body.carry_widths[size_t(i)])));
    child.input(numbered("dcarry", size_t(i)), dcarry_now.emplace_back(buffer(body.carry_widths[size_t(i)])));
    std::fill(c.out(num_rows + i), c.out(num_rows + i) + sequences * body.carry_widths[size_t(i)], T(0));   // d carry of each sequence
  }
  for (int i = 0; i < num_outs; ++i) child.input(numbered("dout", size_t(i)), dout.emplace_back(buffer(body.out_widths[size_t(i)])));
  for (int i = 0; i < num_rows; ++i) std::fill(c.out(i), c.out(i) + c.out_count(i), T(0));
  for (int i = first_memory; i < int(c.node().inputs.size()); ++i) {
    const int out = i - num_outs;
    std::fill(c.out(out), c.out(out) + c.out_count(out), T(0));
  }
  for (int i = first_memory; i < first_weight; ++i) child.input(numbered("memory", size_t(i - first_memory)), c.in(i));
  const Graph& graph = child.plan().graph();
  Gather<T> gather(c, first_memory, active_behind(c.scratch(), scratch));
  for (int64_t t = longest(rows); t-- > 0;) {
    gather.at(t, child);
    for (int i = 0; i < num_rows; ++i) gather.rows_at(c.in(i), row[size_t(i)], c.cols(i));
    for (int i = 0; i < num_carries; ++i) {
      gather.rows_at(c.in(num_rows + i), carry[size_t(i)], body.carry_widths[size_t(i)]);
      gather.carries(c.out(num_rows + i), dcarry_now[size_t(i)], body.carry_widths[size_t(i)]);
    }
    for (int i = 0; i < num_outs; ++i) gather.rows_at(c.in(num_rows + num_carries + i), dout[size_t(i)], body.out_widths[size_t(i)]);
    child.run(c.settings(), c.workspace().stop());
    for (int i = 0; i < num_rows; ++i)
      if (const std::string name = "d " + numbered("row", size_t(i)); graph.outputs.contains(name))
        gather.put_rows(child.output<T>(name), c.out(i), c.cols(i));
    for (int i = 0; i < num_carries; ++i)
      if (const std::string name = "d " + numbered("carry", size_t(i)); graph.outputs.contains(name))
        gather.put_carries(child.output<T>(name), c.out(num_rows + i), body.carry_widths[size_t(i)]);
    for (int i = first_memory; i < first_weight; ++i)
      if (const std::string name = "d " + numbered("memory", size_t(i - first_memory)); graph.outputs.contains(name))
        gather.add_memory(c, child.output<T>(name), c.out(i - num_outs), c.cols(i));
    for (int i = first_weight; i < int(c.node().inputs.size()); ++i) {
      const std::string name = "d " + c.graph().values[size_t(c.node().inputs[size_t(i)])].name;
      T* sum = c.out(i - num_outs);
      if (graph.outputs.contains(name)) c.k().binary(Binary::add, sum, child.output<T>(name), sum, c.count(i));
    }
  }
}

void scan_gradient(Grad& g) {
  const ScanBody& body = body_of(g.node());
  const int num_rows = rows_of(g.attributes()), num_carries = carries_of(g.attributes()), num_outs = int(body.out_widths.size());
  std::vector<Value> inputs;
  for (int i = 0; i < num_rows; ++i) inputs.push_back(g.input(i));
  for (int i = 0; i < num_carries; ++i) inputs.push_back(g.output(num_outs + i));
  for (int i = 0; i < num_outs; ++i) {
    const Value dy = g.dy(i);
    inputs.push_back(dy ? dy : g.output(i) * 0.0);
  }
  const int total = int(g.node().inputs.size());
  for (int i = num_rows + num_carries; i < total; ++i) inputs.push_back(g.input(i));
  const auto parts = g.builder().node_outputs(scan_backward_op(), inputs, g.attributes(), g.node().payload);
  for (int i = 0; i < total; ++i)
    if (g.wants(i)) g.add(i, parts[size_t(i)]);
}

// The body runs once over every row; its weights are read again at every step, which stay in the caches.
Cost scan_cost(const CostContext& c) { return {cost_of(body_of(c.node()).graph, {{"step", c.size(0, 0)}}, c.keys()).flops, c.operand_bytes()}; }
Cost scan_backward_cost(const CostContext& c) { return {cost_of(backward_graph(body_of(c.node())), {{"step", c.size(0, 0)}}, c.keys()).flops, c.operand_bytes()}; }

}  // namespace

const ScanBody* body_of_scan(const Node& node) { return node.op == &scan_op() || node.op == &cached_scan_op() ? &body_of(node) : nullptr; }

std::map<std::string, int64_t> body_capacity(const Graph& graph, const Node& scan, const Sizes& sizes) {
  return capacity_of(graph, scan, sizes, rows_of(scan.attributes) + carries_of(scan.attributes));
}

const Op& scan_op() {
  static const Op op = {.name = "scan", .shape = scan_shape, .gradient = scan_gradient, .cost = scan_cost, .prepare = scan_prepare, .scratch = scan_scratch, ORRERY_RUN(run_scan)};
  return op;
}
const Op& cached_scan_op() {
  static const Op op = {.name = "cached_scan", .shape = scan_shape, .cost = scan_cost, .prepare = scan_prepare, .scratch = scan_scratch, ORRERY_RUN(run_scan), .effect = true};
  return op;
}
const Op& keep_rows_op() {
  static const Op op = {.name = "keep_rows", .shape = keep_rows_shape, .cost = moved_bytes, ORRERY_RUN(run_keep_rows), .effect = true};
  return op;
}
const Op& source_rows_op() {
  static const Op op = {.name = "source_rows", .shape = source_rows_shape, .cost = moved_bytes, ORRERY_RUN(run_source_rows)};
  return op;
}
const Op& scan_backward_op() {
  static const Op op = {.name = "scan_backward", .shape = scan_backward_shape, .cost = scan_backward_cost, .prepare = scan_backward_prepare, .scratch = scan_backward_scratch, ORRERY_RUN(run_scan_backward)};
  return op;
}

std::vector<Value> scan(std::shared_ptr<const ScanBody> body, std::vector<Value> rows, Sequences, const ScanOptions& options) {
  Builder& b = *rows[0].builder;
  const size_t num_rows = rows.size(), num_carries = body->carry_widths.size(), num_outs = body->out_widths.size();
  std::vector<Value> inputs = std::move(rows);
  inputs.insert(inputs.end(), options.initial.begin(), options.initial.end());
  inputs.resize(num_rows + num_carries, Value{&b, -1});
  inputs.insert(inputs.end(), options.memory.begin(), options.memory.end());
  for (const ValueInfo& value : body->graph.values) {
    if (value.kind != ValueKind::weight) continue;
    std::vector<int64_t> shape;
    for (Dim dim : value.dims) shape.push_back(dim.factor);
    inputs.push_back(b.weight(value.name, shape));
  }
  std::vector<Value> outputs = b.node_outputs(scan_op(), inputs, {{"rows", int64_t(num_rows)}, {"carries", int64_t(num_carries)}, {"memories", int64_t(options.memory.size())}, {"reverse", int64_t(options.reverse)}}, body);
  outputs.resize(num_outs);
  return outputs;
}

}  // namespace orrery
