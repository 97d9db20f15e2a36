// For tests only: a small graph with random data, its gradients, and runs of both in f32 or f64.
//
//   GraphCase c;
//   c.space("tokens", {3, 0, 2});                                  // three sequences
//   c.add(gelu(c.rows("x", 4)));                                   // the objective: sum of random weights times each value added
//   c.differentiate();                                             // outputs "objective", "y0", …, "d x", …
//   Results f64 = CaseRun<double>(c, pool).run();
#pragma once

#include <bit>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "graph/builder.h"
#include "graph/passes/differentiate.h"
#include "graph/plan/plan.h"

namespace orrery {

using Results = std::map<std::string, std::vector<double>>;   // floats are held exactly

struct CaseData {
  Dims dims;
  std::vector<double> values;
  std::vector<int32_t> indices;
};

struct GraphCase {
  Graph graph;
  Graph forward;                                   // before differentiate()
  Builder g{graph};
  Random random{1};
  bool training = false;
  bool coupled = false;                            // what is computed for a sequence depends on the others
  double tolerance = 2e-5;                         // of f32 against f64, relative to the largest
  std::map<std::string, std::vector<int64_t>> spaces;   // rows of each sequence
  std::map<std::string, int64_t> sizes;            // of the other symbols
  std::map<std::string, CaseData> inputs;
  std::map<std::string, CaseData> weights;
  std::vector<int> wanted;
  std::vector<Value> added;

  GraphCase() = default;
  GraphCase(const GraphCase&) = delete;

  Sequences space(const std::string& name, std::vector<int64_t> counts) {
    spaces[name] = std::move(counts);
    return g.sequences(name);
  }
  int64_t size_of_symbol(const std::string& name) const {
    if (const auto it = spaces.find(name); it != spaces.end()) {
      int64_t total = 0;
      for (int64_t count : it->second) total += count;
      return total;
    }
    if (name.ends_with(".sequences")) return int64_t(spaces.at(name.substr(0, name.size() - 10)).size());
    return sizes.at(name);
  }
  int64_t count(const Dims& dims) const {
    int64_t n = 1;
    for (Dim d : dims) n *= d.factor * (d.fixed() ? 1 : size_of_symbol(graph.symbols[size_t(d.symbol)]));
    return n;
  }
  // Normal numbers that a float holds, so that f32 and f64 start from the same.
  std::vector<double> numbers(int64_t n, double scale = 1, double offset = 0) {
    std::vector<double> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(double(float(random.normal() * scale + offset)));
    return values;
  }
  Value real(const std::string& name, Dims dims, double scale = 1, double offset = 0, bool want = true) {
    const Value value = g.input(name, dims);
    inputs[name] = {dims, numbers(count(dims), scale, offset), {}};
    if (want) wanted.push_back(value.id);
    return value;
  }
  // [rows of the space, width]
  Value rows(const std::string& name, int64_t width, const std::string& space_name = "tokens", double scale = 1, double offset = 0) {
    return real(name, {Dim{1, graph.symbol(space_name)}, Dim{width, -1}}, scale, offset);
  }
  // The same, of numbers above zero.
  Value positive_rows(const std::string& name, int64_t width, const std::string& space_name = "tokens") {
    const Value value = rows(name, width, space_name);
    for (double& x : inputs[name].values) x = double(float(0.5 + x * x));
    return value;
  }
  Value indices(const std::string& name, const std::string& symbol, std::vector<int32_t> values) {
    const Value value = g.input_indices(name, symbol);
    inputs[name] = {value.dims(), {}, std::move(values)};
    return value;
  }
  Value weight(const std::string& name, std::vector<int64_t> shape, double scale = 1, double offset = 0) {
    const Value value = g.weight(name, shape);
    if (weights.contains(name)) return value;
    wanted.push_back(value.id);
    weight_data(name, shape, scale, offset);
    return value;
  }
  void weight_data(const std::string& name, const std::vector<int64_t>& shape, double scale = 1, double offset = 0) {
    Dims dims;
    for (int64_t size : shape) dims.push_back({size, -1});
    weights[name] = {dims, numbers(count(dims), scale, offset), {}};
  }
  // Adds the sum of y times fixed random numbers to the objective.
  void add(Value y) {
    const std::string name = "weights of y" + std::to_string(added.size());
    added.push_back(y);
    g.output("y" + std::to_string(added.size() - 1), y);
    add_term(sum_all(y * real(name, y.dims(), 1, 0, false)));
  }
  void add_term(Value scalar) { objective_ = objective_ ? objective_ + scalar : scalar; }

  void differentiate() {
    g.output("objective", objective_);
    forward = graph;
    const Value seed = g.input("seed", {Dim{1, -1}});
    inputs["seed"] = {{Dim{1, -1}}, {1.0}, {}};
    const Gradients gradients = orrery::differentiate(graph, {{objective_.id, seed.id}}, wanted);
    for (const auto& [value, gradient] : gradients.of) graph.outputs["d " + graph.values[size_t(value)].name] = gradient;
  }

  // May every sequence be run alone, and all that belongs to it be told apart?
  bool separable() const {
    if (coupled) return false;
    for (const ValueInfo& value : graph.values)
      for (size_t axis = 0; axis < value.dims.size(); ++axis) {
        if (value.dims[axis].fixed()) continue;
        const std::string& name = graph.symbols[size_t(value.dims[axis].symbol)];
        if (axis > 0 || sizes.contains(name)) return false;
      }
    return !spaces.empty();
  }
  // Rows [first, second) of a value's first axis that belong to a sequence; all of them where none do.
  std::pair<int64_t, int64_t> rows_of(const Dims& dims, size_t sequence) const {
    if (dims.empty() || dims[0].fixed()) return {0, dims.empty() ? 1 : dims[0].factor};
    const std::string& name = graph.symbols[size_t(dims[0].symbol)];
    const auto it = spaces.find(name);
    if (it == spaces.end()) return {int64_t(sequence), int64_t(sequence) + 1};
    int64_t begin = 0;
    for (size_t s = 0; s < sequence; ++s) begin += it->second[s];
    return {begin, begin + it->second[sequence]};
  }
  bool by_sequence(const Dims& dims) const { return !dims.empty() && !dims[0].fixed(); }
  template <class E>
  std::vector<E> part_of(const std::vector<E>& values, const Dims& dims, size_t sequence) const {
    if (!by_sequence(dims)) return values;
    int64_t width = 1;
    for (size_t axis = 1; axis < dims.size(); ++axis) width *= dims[axis].factor;
    const auto [begin, end] = rows_of(dims, sequence);
    return {values.begin() + begin * width, values.begin() + end * width};
  }

 private:
  Value objective_;
};

struct CaseOptions {
  int only = -1;               // one sequence alone
  bool forward_only = false;
  bool objective_only = false; // nothing but the objective and the gradients is returned: more memory is shared
  int64_t spare = 0;           // capacity beyond the sizes
  bool pack_weights = false;
  std::map<std::string, BlockFormat> blocks = {};   // weights that products read rounded
  bool int8 = false;           // the others are rounded to int8
  DType products = DType::f32;
};

template <class T>
class CaseRun {
 public:
  CaseRun(const GraphCase& c, ThreadPool& pool, CaseOptions options = {}) : case_(c), options_(options) {
    const DType compute = sizeof(T) == 8 ? DType::f64 : DType::f32;
    for (const auto& [name, data] : c.weights) {
      std::vector<int64_t> shape;
      for (Dim d : data.dims) shape.push_back(d.factor);
      Tensor tensor = Tensor::zeros(compute, shape);
      std::copy(data.values.begin(), data.values.end(), tensor.mutable_data<T>());
      store_.add(name, {tensor, Role::trainable, 1, {}});
      if (const auto format = options.blocks.find(name); format != options.blocks.end()) store_.at(name).blocks = format->second;
      else store_.at(name).int8 = options.int8;
    }
    store_.products = options.products;
    CompileOptions compile_options;
    compile_options.compute = compute;
    compile_options.pack_weights = options.pack_weights;
    for (const auto& [name, counts] : c.spaces) {
      compile_options.capacity[name] = c.size_of_symbol(name) + options.spare;
      compile_options.capacity[name + ".sequences"] = int64_t(counts.size()) + options.spare;
    }
    for (const auto& [name, size] : c.sizes) compile_options.capacity[name] = size + options.spare;
    Graph graph = options.forward_only ? c.forward : c.graph;
    if (options.objective_only)
      std::erase_if(graph.outputs, [](const auto& output) { return output.first[0] == 'y'; });
    workspace_ = std::make_unique<Workspace>(compile(graph, store_, compile_options, &pool), pool);
    for (const auto& [name, counts] : c.spaces) {
      if (workspace_->plan().graph().find_symbol(name) < 0) continue;
      Rows& rows = workspace_->rows(name);
      for (size_t s = 0; s < counts.size(); ++s)
        if (options.only < 0 || int(s) == options.only) rows.append(counts[s], 0, uint32_t(s + 1));
    }
    for (const auto& [name, size] : c.sizes) workspace_->size(name, size);
    for (const auto& [name, data] : c.inputs) {
      const auto part = options.only < 0 ? data : CaseData{data.dims, data.values.empty() ? data.values : c.part_of(data.values, data.dims, size_t(options.only)),
                                                           data.indices.empty() ? data.indices : c.part_of(data.indices, data.dims, size_t(options.only))};
      inputs_[name].assign(part.values.begin(), part.values.end());
      indices_[name] = part.indices;
      workspace_->input(name, data.indices.empty() ? static_cast<const void*>(inputs_[name].data()) : indices_[name].data());
    }
  }

  Results run() {
    workspace_->run({.seed = 11, .training = case_.training});
    Results results;
    for (const auto& [name, value] : workspace_->plan().graph().outputs) {
      int64_t count = 1;
      for (int64_t size : workspace_->output_shape(name)) count *= size;
      const T* data = workspace_->output<T>(name);
      results[name].assign(data, data + count);
    }
    return results;
  }
  Workspace& workspace() { return *workspace_; }
  // The numbers of an input or weight, to be changed between runs.
  std::span<T> numbers(const std::string& name) {
    if (case_.weights.contains(name)) {
      Tensor& tensor = store_.at(name).value;
      return {tensor.template mutable_data<T>(), size_t(tensor.numel())};
    }
    return inputs_.at(name);
  }

 private:
  const GraphCase& case_;
  CaseOptions options_;
  WeightStore store_;
  std::map<std::string, std::vector<T>> inputs_;
  std::map<std::string, std::vector<int32_t>> indices_;
  std::unique_ptr<Workspace> workspace_;
};

// What a forward run gives where every step's result is an output too: linears of the same x still lie side by side, but nothing is done in the
// step of another, and no value is stored in fewer bits.
inline Results one_by_one(GraphCase& c, ThreadPool& pool, const CaseOptions& options) {
  Graph all = c.forward;
  for (const Node& node : all.nodes)
    for (const int output : node.outputs) all.outputs["of node " + std::to_string(output)] = output;
  std::swap(all, c.forward);
  Results results = CaseRun<float>(c, pool, options).run();
  std::swap(all, c.forward);
  std::erase_if(results, [](const auto& one) { return one.first.starts_with("of node"); });
  return results;
}

// The first number that differs in its bits, in words; empty when none does.
inline std::string bits_apart(const Results& a, const Results& b) {
  if (a.size() != b.size()) return "the outputs differ in number";
  for (const auto& [name, values] : a) {
    const auto other = b.find(name);
    if (other == b.end() || other->second.size() != values.size()) return name + " differs in size";
    for (size_t i = 0; i < values.size(); ++i)
      if (std::bit_cast<uint64_t>(values[i]) != std::bit_cast<uint64_t>(other->second[i]))
        return name + "[" + std::to_string(i) + "] is " + std::to_string(values[i]) + " and " + std::to_string(other->second[i]);
  }
  return "";
}

// The first output of `got` that is further from `exact` than `tolerance` of its largest number; empty when none is.
inline std::string values_apart(const Results& got, const Results& exact, double tolerance) {
  if (got.size() != exact.size()) return "the outputs differ in number";
  for (const auto& [name, values] : exact) {
    const auto other = got.find(name);
    if (other == got.end() || other->second.size() != values.size()) return name + " differs in size";
    double largest = 1e-3;
    for (double value : values) largest = std::max(largest, std::fabs(value));
    for (size_t i = 0; i < values.size(); ++i)
      if (!(std::fabs(values[i] - other->second[i]) <= tolerance * largest))
        return name + "[" + std::to_string(i) + "] is " + std::to_string(other->second[i]) + ", exactly " + std::to_string(values[i]);
  }
  return "";
}

}  // namespace orrery
