#include "graph/graph.h"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "graph/builder.h"
#include "graph/op.h"

using namespace orrery;

namespace {
// ids -> embedding -> linear with gelu, and the last rows of that
void build(Graph& graph) {
  Builder g(graph);
  const Inputs in = g.inputs();
  const Scope layer = g.layers("h", 1)[0];
  const Value x = g.at("", "").name("embedding", embedding(g.weight("wte.weight", {11, 4}), in.ids));
  const Value up = layer.name("up", linear(x, (layer / "fc").weight("weight", {6, 4}), (layer / "fc").weight("bias", {6})));
  const Value active = unary(Unary::gelu, up);
  g.output("logits", select_rows(active, g.input_indices("chosen", "logit_rows")));
}
}  // namespace

TEST_CASE("a graph reads as text, a node on each line") {
  Graph graph;
  build(graph);
  drop_dead_nodes(graph);   // nobody reads the positions
  CHECK(to_text(graph) ==
        "embedding [tokens, 4] = embedding(wte.weight, ids)\n"
        "layers.0.up [tokens, 6] = linear(embedding, h.0.fc.weight, h.0.fc.bias) {transposed=0}\n"
        "%7 [tokens, 6] = unary(layers.0.up) {kind=gelu}\n"
        "%9 [logit_rows, 6] = select_rows(%7, chosen)\n"
        "return logits = %9\n");
}

TEST_CASE("a graph is a digraph for Graphviz") {
  Graph graph;
  build(graph);
  drop_dead_nodes(graph);
  CHECK(to_graphviz(graph) == R"(digraph model {
  rankdir=TB; node [shape=box, style=rounded, fontname="Helvetica"];
  n0 [label="embedding\nembedding\n[tokens, 4]"];
  "wte.weight" [shape=note];
  "wte.weight" -> n0;
  "ids" [shape=ellipse];
  "ids" -> n0;
  n1 [label="linear\nlayers.0.up\n[tokens, 6]"];
  n0 -> n1;
  "h.0.fc.weight" [shape=note];
  "h.0.fc.weight" -> n1;
  "h.0.fc.bias" [shape=note];
  "h.0.fc.bias" -> n1;
  n2 [label="unary\n[tokens, 6]"];
  n1 -> n2;
  n3 [label="select_rows\n[logit_rows, 6]"];
  n2 -> n3;
  "chosen" [shape=ellipse];
  "chosen" -> n3;
  "out:logits" [shape=ellipse, label="logits"];
  n3 -> "out:logits";
}
)");
}

TEST_CASE("nodes that nobody reads are dropped, effects are kept") {
  Graph graph;
  Builder g(graph);
  const Value x = g.input_rows("x", "tokens", 4);
  const Value wanted = x * 2.0;
  unary(Unary::exp, wanted);
  g.node(append_keys_op(), {wanted, x}, {{"slot", int64_t(0)}});
  g.output("y", wanted);
  drop_dead_nodes(graph);
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].op == &scale_op());
  CHECK(graph.nodes[1].op == &append_keys_op());
  CHECK(graph.values[size_t(wanted.id)].node == 0);
}

TEST_CASE("a weight is declared once, by its name in the checkpoint") {
  Graph graph;
  Builder g(graph);
  const Value a = (g.at("transformer") / "wte").weight("weight", {5, 3});
  CHECK(graph.values[size_t(a.id)].name == "transformer.wte.weight");
  CHECK(g.weight("transformer.wte.weight", {5, 3}).id == a.id);
}

TEST_CASE("the how-to of ops quotes the sources as they are") {
  std::string sources;
  for (const char* path : {"src/graph/ops/rows.cpp", "src/graph/ops/op_cases.h"}) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    sources += text.str();
  }
  std::ifstream page("docs/how-to/add-an-op.md");
  int quoted = 0;
  bool code = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      code = line != "```";
    } else if (code) {
      INFO(line);
      CHECK(sources.find(line + "\n") != std::string::npos);
      ++quoted;
    }
  }
  CHECK(quoted > 20);
}
