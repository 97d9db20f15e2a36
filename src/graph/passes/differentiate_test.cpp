#include "graph/passes/differentiate.h"

#include <doctest/doctest.h>

#include "graph/ops/op_cases.h"

using namespace orrery;

namespace {

// The loss and gradients of cross_entropy(linear(x, w, b)), fused or not.
Results loss_of(bool fuse, bool bias, double smoothing, int64_t vocab) {
  GraphCase c;
  c.space("tokens", {5, 3});
  const Value w = c.weight("w", {vocab, 6}, 0.3);
  const auto b = bias ? std::optional<Value>(c.weight("b", {vocab})) : std::nullopt;
  const Value labels = c.indices("labels", "tokens", {1, 0, -100, int32_t(vocab - 1), 2, 2, -100, 3});
  const Value loss = cross_entropy(linear(c.rows("x", 6), w, b), labels, smoothing);
  c.g.output("loss", loss);
  c.add_term(loss);
  if (fuse) {
    fuse_loss(c.graph);
    CHECK(c.graph.nodes.size() == 1);
    for (const Node& node : c.graph.nodes) CHECK(node.op == &linear_cross_entropy_op());
  }
  c.differentiate();
  ThreadPool pool(2);
  return CaseRun<double>(c, pool).run();
}

}  // namespace

TEST_CASE("the fused loss is cross_entropy of linear, value and gradients") {
  for (bool bias : {false, true})
    for (double smoothing : {0.0, 0.1})
      for (int64_t vocab : {7, 4099}) {   // one tile of the vocabulary, and more
        CAPTURE(vocab);
        CHECK(values_apart(loss_of(true, bias, smoothing, vocab), loss_of(false, bias, smoothing, vocab), 1e-12) == "");
      }
}

TEST_CASE("a loss whose logits are read elsewhere is not fused") {
  GraphCase c;
  c.space("tokens", {8});
  const Value logits = linear(c.rows("x", 3), c.weight("w", {5, 3}));
  c.g.output("loss", cross_entropy(logits, c.indices("labels", "tokens", cases::kLabels)));
  c.g.output("logits", logits);
  fuse_loss(c.graph);
  CHECK(c.graph.nodes.back().op == &cross_entropy_op());
}

TEST_CASE("a sum in place leaves alone what others hold") {
  // d (w + v) is the seed of both; the product's gradient is then added to one of them alone.
  GraphCase c;
  c.space("tokens", {8});
  const Value x = c.rows("x", 3), w = c.weight("w", {3, 3}), v = c.weight("v", {3, 3});
  const Value y = linear(x, w), sum = w + v;
  c.g.output("y", y);
  c.g.output("sum", sum);
  const Value dy = c.real("dy", y.dims(), 1, 0, false), dsum = c.real("dsum", sum.dims(), 1, 0, false);
  const Gradients gradients = differentiate(c.graph, {{y.id, dy.id}, {sum.id, dsum.id}}, {w.id, v.id});
  c.g.output("d w", {&c.g, gradients.of.at(w.id)});
  c.g.output("d v", {&c.g, gradients.of.at(v.id)});
  ThreadPool pool(1);
  CaseRun<double> run(c, pool);
  const Results results = run.run();
  CHECK(results.at("d v") == c.inputs.at("dsum").values);
  CHECK(results.at("d w") != results.at("d v"));
  CHECK(run.run() == results);                      // the caller's seed is as it was
}

TEST_CASE("nothing flows to what the objective does not depend on") {
  GraphCase c;
  c.space("tokens", {3});
  const Value x = c.rows("x", 2), unused = c.weight("unused", {4});
  c.add(x * 2.0);
  c.differentiate();
  CHECK(c.graph.outputs.contains("d x"));
  CHECK(!c.graph.outputs.contains("d unused"));
  CHECK(unused.id >= 0);
}

TEST_CASE("gradients of named values can be asked for") {
  GraphCase c;
  c.space("tokens", {3});
  const Value x = c.rows("x", 2), middle = x * x;
  c.graph.values[size_t(middle.id)].name = "middle";
  c.wanted.push_back(middle.id);
  c.add(unary(Unary::tanh, middle));
  c.differentiate();
  ThreadPool pool(1);
  const Results results = CaseRun<double>(c, pool).run();
  for (size_t i = 0; i < 6; ++i) CHECK(results.at("d x")[i] == doctest::Approx(2 * c.inputs.at("x").values[i] * results.at("d middle")[i]).epsilon(1e-12));
}

TEST_CASE("what has no gradient is refused") {
  const auto refused = [](auto build) {
    GraphCase c;
    c.space("tokens", {3});
    build(c);
    CHECK_THROWS_AS(c.differentiate(), Error);
  };
  refused([](GraphCase& c) { c.add(c.g.node(binary_op(), {c.rows("a", 2), c.rows("b", 2)}, {{"kind", int64_t(Binary::maximum)}})); });
  refused([](GraphCase& c) { c.add(c.g.node(intervene_op(), {c.rows("a", 2) * 2.0}, {{"site", std::string("a")}})); });
  refused([](GraphCase& c) {   // the losses of single rows
    c.add(c.g.node_outputs(cross_entropy_op(), {c.rows("a", 2), c.indices("labels", "tokens", {0, 1, 1})}, {{"label_smoothing", 0.0}})[1]);
  });
}
