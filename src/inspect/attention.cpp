#include "inspect/attention.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "generate/generator.h"
#include "inspect/sites.h"

namespace orrery {

namespace {

// Above this many logits, those of the last token alone are compared.
constexpr int64_t kMostLogits = int64_t(1) << 26;

// "decoder.layers.3.cross_pattern" is in the stack "decoder.layers.cross_pattern".
std::string stack_of(const std::string& tap) {
  const int64_t layer = layer_of(tap);
  const std::string middle = "layers." + std::to_string(layer) + ".";
  const size_t at = layer < 0 ? std::string::npos : tap.find(middle);
  return at == std::string::npos ? tap : tap.substr(0, at) + "layers." + tap.substr(at + middle.size());
}

// The word under which a stack is told: the kind of pattern, and whose it is where it is not the text's own.
std::string told(const std::string& stack) {
  const size_t dot = stack.rfind('.');
  const std::string kind = dot == std::string::npos ? stack : stack.substr(dot + 1);
  return stack.starts_with("encoder.") && kind == "pattern" ? "encoder_pattern" : kind;
}

std::string row_space(const Graph& graph, int value) {
  const Dims& dims = graph.values[size_t(value)].dims;
  return dims.size() == 0 || dims[0].fixed() ? "" : graph.symbols[size_t(dims[0].symbol)];
}

// The taps of each stack, in the order of their layers.
std::map<std::string, std::vector<std::string>> patterns_of(const Graph& graph) {
  std::map<std::string, std::vector<std::string>> stacks;
  for (const std::string& name : tap_names(graph))
    if (name.ends_with("pattern")) stacks[stack_of(name)].push_back(name);
  for (auto& [stack, taps] : stacks) std::sort(taps.begin(), taps.end(), [](const std::string& a, const std::string& b) { return layer_of(a) < layer_of(b); });
  return stacks;
}

double entropy_of(std::span<const float> weights) {
  double sum = 0;
  for (const float p : weights)
    if (p > 0) sum -= double(p) * std::log(double(p));
  return sum;
}

// Taps are [queries, heads, keys], or [queries, keys] of a single head.
void add_layer(AttentionStack& stack, const Tensor& tap) {
  const int64_t queries = tap.dim(0), heads = tap.rank() == 3 ? tap.dim(1) : 1, keys = tap.dim(tap.rank() - 1);
  ORRERY_ASSERT(stack.layers == 0 || (heads == stack.heads && queries == stack.query_count && keys == stack.key_count));
  stack.heads = heads, stack.query_count = queries, stack.key_count = keys;
  const float* from = tap.data<float>();
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t query = 0; query < queries; ++query) {
      const float* row = from + (query * heads + head) * keys;
      stack.pattern.insert(stack.pattern.end(), row, row + keys);
    }
  ++stack.layers;
}

bool is_causal(const AttentionStack& stack) {
  if (stack.queries != stack.keys || stack.query_count != stack.key_count) return false;
  for (int64_t layer = 0; layer < stack.layers; ++layer)
    for (int64_t head = 0; head < stack.heads; ++head)
      for (int64_t query = 0; query < stack.query_count; ++query)
        for (int64_t key = query + 1; key < stack.key_count; ++key)
          if (stack.weight(layer, head, query, key) != 0) return false;
  return true;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  ORRERY_ASSERT(a.size() == b.size());
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i]) most = std::max(most, std::fabs(double(a[i]) - double(b[i])));
  return most;
}

}  // namespace

HeadSummary summary_of(const AttentionStack& stack, int64_t layer, int64_t head) {
  HeadSummary made;
  const double queries = double(stack.query_count);
  const bool own = stack.queries == stack.keys;
  int64_t choosing = 0;
  for (int64_t query = 0; query < stack.query_count; ++query) {
    const std::span<const float> row(stack.pattern.data() + stack.row(layer, head, query), size_t(stack.key_count));
    const int64_t seen = stack.causal ? query + 1 : stack.key_count;
    const double entropy = entropy_of(row);
    made.entropy += entropy / queries;
    made.first += double(row[0]) / queries;
    for (int64_t key = 0; key < stack.key_count; ++key) made.distance += double(row[size_t(key)]) * std::fabs(double(query - key)) / queries;
    if (seen < 2) continue;
    ++choosing;
    made.entropy_share += entropy / std::log(double(seen));
    for (int64_t key = 0; key < seen; ++key) {
      if (own && (key == 0 || key == query)) continue;
      if (double(row[size_t(key)]) > made.weight) made.query = query, made.key = key, made.weight = double(row[size_t(key)]);
    }
  }
  if (choosing) made.entropy_share /= double(choosing);
  if (made.weight > 0 || stack.query_count == 0) return made;
  made.query = stack.query_count - 1;
  for (int64_t key = 0; key < stack.key_count; ++key)
    if (double(stack.weight(layer, head, made.query, key)) > made.weight) made.key = key, made.weight = double(stack.weight(layer, head, made.query, key));
  return made;
}

AttentionText text_with_target(const Model& model, Encoding source, std::vector<int32_t> target) {
  AttentionText text{.tokens = {}, .source = std::move(source), .written = std::move(target)};
  text.tokens.ids = {decoder_start(model)};
  if (!text.written.empty()) text.tokens.ids.insert(text.tokens.ids.end(), text.written.begin(), text.written.end() - 1);
  return text;
}

AttentionText text_with_answer(Model& model, ThreadPool& pool, Encoding source, const GenerationConfig& config, DType kv_dtype) {
  const int64_t room = model.config().max_positions, length = std::max<int64_t>(1, int64_t(source.ids.size()));
  const int64_t positions = 1 + std::max<int64_t>(0, config.new_tokens(1, room) - 1);
  Engine engine(model, pool, {.max_positions = std::min(positions, room), .source_positions = std::min(length, room), .kv_dtype = kv_dtype});
  std::vector<int32_t> written = Generator(engine, nullptr, config).run({{.ids = source.ids}})[0].ids;
  return text_with_target(model, std::move(source), std::move(written));
}

AttentionView look_at_attention(Model& model, ThreadPool& pool, AttentionText text, DType kv_dtype) {
  const Graph graph = model.graph();
  const auto stacks = patterns_of(graph);
  if (stacks.empty()) throw Error{ErrorKind::unsupported, "a model of type " + model.config().model_type + " has no attention patterns", model.folder().string()};
  const bool generates = model.family().causal || model.config().encoder_decoder;
  const TokenSequence sequence{.ids = text.tokens.ids, .type_ids = text.tokens.type_ids, .source = text.source.ids};
  check_sequence(model, sequence, model.config().max_positions);

  const int64_t length = int64_t(sequence.ids.size());
  const auto logits = graph.outputs.find("logits");
  ProbeOptions options{.max_rows = std::max(length, int64_t(sequence.source.size())), .max_sequences = 1, .kv_dtype = kv_dtype};
  if (logits != graph.outputs.end()) options.all_logits = !generates || length * graph.values[size_t(logits->second)].dims[1].factor <= kMostLogits;
  const Probed plain = logits == graph.outputs.end() ? Probed() : Probe(model, pool, options).run(sequence);
  for (const auto& [name, taps] : stacks) options.taps.insert(options.taps.end(), taps.begin(), taps.end());
  Probe probe(model, pool, options);
  const Probed seen = probe.run(sequence);

  AttentionView view;
  view.text = std::move(text);
  if (!plain.empty()) view.inspected_difference = largest_difference(seen.at("logits").values<float>(), plain.at("logits").values<float>());
  for (const auto& [name, taps] : stacks) {
    AttentionStack stack{.name = told(name)};
    const int value = probe.graph().outputs.at("tap:" + taps[0]);
    stack.queries = row_space(probe.graph(), value);
    stack.keys = stack.name.starts_with("cross") ? "source" : stack.queries;
    for (const std::string& tap : taps) add_layer(stack, seen.at(tap));
    stack.causal = is_causal(stack);
    for (int64_t layer = 0; layer < stack.layers; ++layer)
      for (int64_t head = 0; head < stack.heads; ++head) stack.summary.push_back(summary_of(stack, layer, head));
    view.stacks.push_back(std::move(stack));
  }
  const auto place = [](const AttentionStack& stack) { return stack.name == "pattern" ? 0 : stack.name == "cross_pattern" ? 1 : 2; };
  std::stable_sort(view.stacks.begin(), view.stacks.end(), [&](const AttentionStack& a, const AttentionStack& b) { return place(a) < place(b); });
  return view;
}

}  // namespace orrery
