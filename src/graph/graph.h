// A graph: values and the nodes that make them, in the order in which they run.
//
// A value is a matrix or vector of reals (f32 at run time, f64 in gradient checks), or of indices (i32). Its sizes may be
// symbolic: `tokens`, `sequences`, … are bound for each run. Nothing here computes; `passes/` rewrite graphs and `plan/`
// turns one into steps that run.
//
// Row spaces. A symbol that counts rows ("tokens") is a row space: all sequences of a batch end to end, never padded.
// At run time `Rows` says where each sequence begins, at which position it starts and which cache it continues.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace orrery {

struct Op;

// One size: `factor`, times the symbol's size where there is one.
struct Dim {
  int64_t factor = 1;
  int symbol = -1;
  bool operator==(const Dim&) const = default;
  bool fixed() const { return symbol < 0; }
};
using Dims = std::vector<Dim>;

// rounded: reals as products of bf16 round them, two bytes each. No op asks for it: a plan has it where nobody else reads them.
enum class Element : uint8_t { real, index, state, rounded };
enum class ValueKind : uint8_t { computed, input, weight };

struct ValueInfo {
  std::string name;      // "layers.3.q"; for a weight, the checkpoint's name; may be empty
  Dims dims;
  Element element = Element::real;
  ValueKind kind = ValueKind::computed;
  int node = -1;         // the node that makes it
};

// The described constants of a node: eps, scale, causal, …
class Attributes {
 public:
  using Item = std::variant<int64_t, double, std::string>;
  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, Item>> items) : items_(items) {}
  void set(const std::string& name, Item value) { items_[name] = std::move(value); }
  int64_t integer(const std::string& name, int64_t otherwise = 0) const;
  double number(const std::string& name, double otherwise = 0) const;
  std::string text(const std::string& name) const;
  const std::map<std::string, Item>& items() const { return items_; }

 private:
  std::map<std::string, Item> items_;
};

struct Node {
  const Op* op = nullptr;
  std::vector<int> inputs;            // value ids; -1 where an optional input is absent
  std::vector<int> outputs;
  Attributes attributes;
  std::shared_ptr<const void> payload;  // what no attribute can hold: a table, the body of a scan
  std::string scope;                  // where the model's file made it: "transformer.h.0.attn"
};

struct Graph {
  std::vector<ValueInfo> values;
  std::vector<Node> nodes;            // in running order
  std::vector<std::string> symbols;
  std::map<std::string, int> outputs; // what a run returns, by name
  int streams = 0;                    // of random numbers: one for each dropout
  int slots = 0;                      // of the cache: one for each attention
  int source_slots = 0;               // of attention to another row space

  int symbol(std::string_view name);                 // made when new
  int find_symbol(std::string_view name) const;      // -1 when absent
  int find_value(std::string_view name) const;       // -1 when absent; the last value of that name
  // Appends a node, infers the shapes of its outputs, and returns its index. Throws Error on shapes that do not fit.
  int append(const Op& op, std::vector<int> inputs, Attributes attributes = {}, std::shared_ptr<const void> payload = nullptr,
             std::string scope = {});
  std::string shape_text(const Dims& dims) const;    // "[tokens, 768]"
};

// Drops nodes whose outputs nobody needs, keeping values' ids. Order is kept.
void drop_dead_nodes(Graph& graph);

// The graph as text, a line per node, and as a Graphviz digraph: `orrery info MODEL --graph`.
std::string to_text(const Graph& graph);
std::string to_graphviz(const Graph& graph);

}  // namespace orrery
