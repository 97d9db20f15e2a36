// What an op's gradient function sees: the node's values, the gradients of its outputs, and where to add its inputs'.
#pragma once

#include <optional>

#include "graph/builder.h"
#include "graph/op.h"

namespace orrery {

class Grad {
 public:
  Grad(Builder& builder, int node, std::vector<int>& gradients, const std::vector<char>& wanted)
      : builder_(builder), node_(node), gradients_(gradients), wanted_(wanted) {}

  Builder& builder() { return builder_; }
  const Node& node() const { return builder_.graph().nodes[size_t(node_)]; }
  const Attributes& attributes() const { return node().attributes; }
  bool has(int i) const { return i < int(node().inputs.size()) && node().inputs[size_t(i)] >= 0; }
  Value input(int i) const { return {&builder_, node().inputs[size_t(i)]}; }
  Value output(int i = 0) const { return {&builder_, node().outputs[size_t(i)]}; }
  bool wants(int i) const { return has(i) && wanted_[size_t(node().inputs[size_t(i)])]; }

  // Gradient of an output; an empty Value where nothing flows.
  Value dy(int i = 0) const { return {&builder_, gradients_[size_t(node().outputs[size_t(i)])]}; }
  // Adds a contribution to an input's gradient.
  void add(int i, Value contribution);
  // For large weight gradients: the sum so far, to be written into by an op with `writes_into`, whose output then goes to
  // `replace`. Empty at first, and where that memory is also somebody else's: the output is then added as usual.
  Value sum_so_far(int i) const;
  void replace(int i, Value sum);

 private:
  Builder& builder_;
  int node_;
  std::vector<int>& gradients_;
  const std::vector<char>& wanted_;
};

}  // namespace orrery
