#include "models/graphs.h"

#include "graph/passes/logit_rows.h"
#include "graph/passes/taps.h"

namespace orrery {

Graph model_graph(const ModelFamily& family, const Config& config, const GraphOptions& options, std::vector<CacheSlot>* slots) {
  Graph graph;
  Builder g(graph);
  const Outputs out = build_model(family, g, config);
  if (out.hidden) g.output("hidden", out.hidden);
  if (out.encoded) g.output("encoded", out.encoded);
  if (out.pooled) g.output("pooled", out.pooled);
  if (out.logits) {
    g.at("").name("logits", out.logits);
    g.output("logits", out.logits);
  }
  if (options.loss) {
    if (!out.logits) throw Error{ErrorKind::unsupported, "a model of architecture " + config.architecture + " has no logits to learn from", "loss"};
    const Dim rows = out.logits.dims()[0];
    const Value labels = g.input("labels", {rows}, Element::index);
    const Value loss = cross_entropy(out.logits, labels, options.label_smoothing);
    graph.outputs.clear();
    g.output("loss", loss);
    if (!out.router_probs.empty() && config.router_aux_loss_coef > 0)
      g.output("auxiliary_loss", load_balance(out.router_probs, labels, config.experts_per_token, config.router_aux_loss_coef));
    graph.outputs["losses"] = graph.nodes[size_t(graph.values[size_t(loss.id)].node)].outputs[1];
    fuse_loss(graph);
  }
  add_sites(graph, options.sites);
  if (options.choose_rows) choose_logit_rows(graph);
  if (options.cached || options.encode) {
    std::vector<CacheSlot> made = options.encode ? keep_source(graph, options.kv_dtype) : add_state(graph, options.kv_dtype);
    if (slots) *slots = std::move(made);
  }
  round_keys(graph, options.kv_dtype);   // of what no cache holds
  add_taps(graph, options.taps);
  return graph;
}

bool generates(const ModelFamily& family, const Config& config) { return (family.causal || config.encoder_decoder) && config.head == Head::causal_lm; }

std::vector<std::pair<int, int>> loss_seeds(const Graph& graph, Value seed) {
  std::vector<std::pair<int, int>> seeds;
  for (const char* name : {"loss", "auxiliary_loss"})
    if (const auto it = graph.outputs.find(name); it != graph.outputs.end()) seeds.push_back({it->second, seed.id});
  return seeds;
}

}  // namespace orrery
