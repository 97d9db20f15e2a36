// An op: all that is known of one kind of node. One file in ops/ holds each, and ops.inc lists them.
//
//   shape      the outputs' sizes from the inputs', or a readable Error
//   gradient   appends the nodes that carry a gradient backwards; null where there is none
//   cost       floating-point operations and bytes moved, for given sizes
//   prepare    what is made once when a plan is compiled: packed weights, tables
//   run        the step: plain functions for float and double
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/threads.h"
#include "graph/graph.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

namespace orrery {

class WeightStore;
class Plan;
class PagedCache;
struct CacheSequence;
template <class T>
class Call;
class Grad;

class ShapeContext {
 public:
  ShapeContext(Graph& graph, Node& node) : graph_(graph), node_(node) {}
  bool has(int input) const { return input < int(node_.inputs.size()) && node_.inputs[size_t(input)] >= 0; }
  const Dims& input(int i) const { return graph_.values[size_t(node_.inputs[size_t(i)])].dims; }
  Dim last(int i) const { return input(i).back(); }
  int rank(int i) const { return int(input(i).size()); }
  const Attributes& attributes() const { return node_.attributes; }
  const Node& node() const { return node_; }
  Graph& graph() { return graph_; }
  void output(Dims dims, Element element = Element::real);
  // Is it [rows, width], with rows that belong to sequences?
  bool has_sequences(int i) const;
  // Every input there, with at least one axis, of indices or reals as the op wants it.
  void check_elements() const;
  // Throws "linear: x is [tokens, 512], weight is [768, 640]: WHY".
  [[noreturn]] void fail(const std::string& why) const;
  void expect(bool holds, const char* why) const {
    if (!holds) fail(why);
  }

 private:
  Graph& graph_;
  Node& node_;
};

struct Cost {
  double flops = 0;  // floating-point operations, a multiply-add counted as two
  double bytes = 0;  // bytes of operands read and written once
};

// Sizes for costs and memory: the symbols' sizes bound, and key counts for attention.
struct Sizes {
  std::vector<int64_t> symbols;
  int64_t of(Dim dim) const { return dim.factor * (dim.symbol < 0 ? 1 : symbols[size_t(dim.symbol)]); }
  int64_t count(const Dims& dims) const {
    int64_t n = 1;
    for (Dim d : dims) n *= of(d);
    return n;
  }
};

class CostContext {
 public:
  CostContext(const Graph& graph, const Node& node, const Sizes& sizes, int64_t keys)
      : graph_(graph), node_(node), sizes_(sizes), keys_(keys) {}
  int64_t count(int input) const { return node_.inputs[size_t(input)] < 0 ? 0 : sizes_.count(graph_.values[size_t(node_.inputs[size_t(input)])].dims); }
  int64_t out_count(int output = 0) const { return sizes_.count(graph_.values[size_t(node_.outputs[size_t(output)])].dims); }
  int64_t size(int input, int axis) const;
  int64_t keys() const { return keys_; }  // keys a query looks at, on average
  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  double operand_bytes(int64_t element_size = 4) const;

 private:
  const Graph& graph_;
  const Node& node_;
  const Sizes& sizes_;
  int64_t keys_;
};

// What a step keeps from compiling: anything, with the bytes it holds.
struct Prepared {
  // Counts a product's weights, packed.
  void hold(const Tensor& packed, PanelFormat format) {
    bytes += int64_t(packed.bytes());
    if (!packed.writable()) mapped_bytes += int64_t(packed.bytes());
    all_pairs = format == PanelFormat::bf16_pairs && (!identity || all_pairs);
    if (!identity) identity = packed.raw(), panels = format;
  }

  std::shared_ptr<void> data;
  int64_t bytes = 0;
  const void* identity = nullptr;               // steps with the same identity share these bytes; null: data itself
  std::shared_ptr<const Plan> child = nullptr;  // a plan that the step runs inside: the body of a scan
  std::optional<PanelFormat> panels = {};       // a product's weights, packed
  bool all_pairs = false;                       // and all of them are pairs of bf16
  int64_t mapped_bytes = 0;                     // of the bytes, those in a mapped file
};

struct PrepareContext {
  const Graph& graph;
  const Node& node;
  WeightStore& weights;
  const Sizes& capacity;
  bool pack_weights = true;          // false where weights change between runs: training
  DType compute = DType::f32;        // f32 or f64
  ThreadPool* pool = nullptr;
  int64_t max_positions = 0;         // the longest sequence that a run will bring; 0: as many as the model has
  const std::string& weight_name(int input) const { return graph.values[size_t(node.inputs[size_t(input)])].name; }
  bool is_weight(int input) const {
    return node.inputs[size_t(input)] >= 0 && graph.values[size_t(node.inputs[size_t(input)])].kind == ValueKind::weight;
  }
};

struct Op {
  const char* name = "";
  void (*shape)(ShapeContext&) = nullptr;
  void (*gradient)(Grad&) = nullptr;
  Cost (*cost)(const CostContext&) = nullptr;
  Prepared (*prepare)(const PrepareContext&) = nullptr;
  // Bytes of memory that the step needs for itself, for these sizes; beside the threads' own scratch.
  int64_t (*scratch)(const Graph&, const Node&, const Sizes&, DType compute) = nullptr;
  void (*run_f32)(Call<float>&) = nullptr;
  void (*run_f64)(Call<double>&) = nullptr;
  int in_place = -1;      // output 0 may take the memory of this input when nobody needs it later
  int in_place_other = -1;  // … or of this one
  int writes_into = -1;   // output 0 *is* this input's memory, when that input is present (accumulation)
  int index_input = -1;   // this input is of indices, all others are of reals
  int index_input_other = -1;  // and this one
  int held_input = -1;    // this input, if a weight, is read in the dtype it is held in; others are widened
  bool held_from_there = false;  // and so are all inputs after it: the weights of experts
  bool scratch_if_prepared = true;  // false: what was prepared (a packed weight) makes the scratch needless
  bool reads_rounded = false;  // input 0 may be of Element::rounded, where all weights are packed as pairs of bf16
  bool (*stores_rounded)(const Graph&, const Node&) = nullptr;   // output 0 may be so, where they are
  bool shares_prepared = false;  // nodes with the same payload prepare the same thing
  bool effect = false;    // kept although nobody reads its outputs
  const char* (*kind_name)(int64_t) = nullptr;   // what a number of the attribute "kind" stands for
  bool takes_indices(int input) const { return input == index_input || input == index_input_other; }
  bool reads_held(int input) const { return input == held_input || (held_from_there && input > held_input); }
};

// Every op, sorted by name.
std::span<const Op* const> all_ops();
const Op* find_op(std::string_view name);

#define OP(op) const Op& op##_op();
#include "graph/ops.inc"
#undef OP

}  // namespace orrery
