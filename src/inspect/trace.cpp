#include "inspect/trace.h"

#include <algorithm>
#include <cmath>

#include "inspect/lens.h"

namespace orrery {

namespace {

// Above this many logits, those of earlier tokens are left out.
constexpr int64_t kMostLogits = int64_t(1) << 26;

std::vector<double> norms_of(const Tensor& value) {
  std::vector<double> norms;
  for (int64_t row = 0; row < value.dim(0); ++row) {
    double sum = 0;
    for (int64_t c = 0; c < value.dim(1); ++c) {
      const double x = double(value.data<float>()[row * value.dim(1) + c]);
      sum += x * x;
    }
    norms.push_back(std::sqrt(sum));
  }
  return norms;
}

double entropy_of(std::span<const float> weights) {
  double sum = 0;
  for (const float p : weights)
    if (p > 0) sum -= double(p) * std::log(double(p));
  return sum;
}

double entropy_of_logits(std::span<const float> logits) {
  Candidates candidates;
  candidates.reset(logits);
  double sum = 0;
  for (const double p : candidates.probs())
    if (p > 0) sum -= p * std::log(p);
  return sum;
}

std::vector<HeadTrace> heads_of(const Tensor& pattern, int64_t focus) {   // [queries, heads, keys]
  const int64_t queries = pattern.dim(0), heads = pattern.dim(1), keys = pattern.dim(2);
  const auto row = [&](int64_t query, int64_t head) { return std::span<const float>(pattern.data<float>() + (query * heads + head) * keys, size_t(keys)); };
  std::vector<HeadTrace> made(static_cast<size_t>(heads));
  for (int64_t head = 0; head < heads; ++head) {
    HeadTrace& one = made[size_t(head)];
    const std::span<const float> weights = row(focus, head);
    one.weights.assign(weights.begin(), weights.end());
    one.looks_at = std::max_element(weights.begin(), weights.end()) - weights.begin();
    one.entropy = entropy_of(weights);
    for (int64_t query = 0; query < queries; ++query) one.mean_entropy += entropy_of(row(query, head)) / double(queries);
  }
  return made;
}

// What to tap, by the names that the family's file gives, in the order of the graph.
struct Names {
  std::vector<std::string> embeddings, residuals;
  bool recurrent = false;   // the states of its scans stand for the residuals that it does not have

  explicit Names(const Graph& graph) {
    std::vector<std::string> states;
    for (const auto& [one, rows] : graphs_within(graph))
      for (size_t id = 0; id < one->values.size(); ++id) {
        const ValueInfo& value = one->values[id];
        const std::string& name = value.name;
        if (name.empty() || value.kind != ValueKind::computed || value.node < 0 || value.dims.size() != 2 || one->find_value(name) != int(id)) continue;
        if (one != &graph) {
          if (name.ends_with(".state")) states.push_back(name);
          continue;
        }
        if (layer_of(name) < 0 && name.ends_with("embedding")) embeddings.push_back(name);
        if (layer_of(name) >= 0 && name.ends_with(".residual")) residuals.push_back(name);
      }
    recurrent = residuals.empty() && !states.empty();
    if (recurrent) residuals = states;
  }
};

std::string beside(const std::string& residual, const char* other) { return residual.substr(0, residual.rfind('.') + 1) + other; }

int64_t focus_of(const Model& model, const Tokenizer* tokenizer, const std::vector<int32_t>& ids) {
  if (model.config().encoder_decoder) return 0;
  if (model.family().causal) return int64_t(ids.size()) - 1;
  const auto mask = tokenizer ? tokenizer->roles().mask : std::nullopt;
  const auto found = mask ? std::find(ids.begin(), ids.end(), *mask) : ids.end();
  return found == ids.end() ? 0 : found - ids.begin();
}

// A row of logits: that of a token, or the only one.
std::span<const float> row_of(const Tensor& logits, int64_t token) {
  const int64_t row = logits.dim(0) == 1 ? 0 : token;
  return logits.values<float>().subspan(size_t(row * logits.dim(1)), size_t(logits.dim(1)));
}

// What the model reads, as it was when the first token was chosen; an encoder-decoder's decoder with what it wrote after.
TokenSequence sequence_of(const Trace& made) {
  if (made.written.empty()) return {.ids = made.encoding.ids, .type_ids = made.encoding.type_ids};
  return {.ids = made.written, .source = made.encoding.ids};
}

std::vector<Intervention> table_of(const Trace& made, const TraceOptions& options) {
  const int64_t source = int64_t(made.encoding.ids.size()), length = made.written.empty() ? source : 1;
  return options.interventions.table(std::span(&length, 1), std::span(&source, 1));
}

void look_inside(Trace& made, Model& model, ThreadPool& pool, const TraceOptions& options) {
  const Graph graph = model.graph();
  const Names names(graph);
  if (names.residuals.empty())
    throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " has neither a residual stream nor states to follow", model.folder().string(), "`orrery inspect attention` shows where it looks"};
  const bool both = model.config().encoder_decoder;
  made.recurrent = names.recurrent;
  std::vector<std::string> known = tap_names(graph), taps = names.embeddings;
  for (const std::string& residual : names.residuals) {
    taps.push_back(residual);
    for (const char* other : {"pattern", "cross_pattern", "attention_out", "mlp_out"})
      if (std::binary_search(known.begin(), known.end(), beside(residual, other))) taps.push_back(beside(residual, other));
  }
  const auto logits = graph.outputs.find("logits");
  const int64_t width = logits == graph.outputs.end() ? 0 : graph.values[size_t(logits->second)].dims[1].factor;
  const auto too_much = [&](size_t tokens) { return int64_t(names.residuals.size() + 2) * int64_t(tokens) * width > kMostLogits; };
  if (both && too_much(made.written.size())) made.written.resize(1);
  const TokenSequence sequence = sequence_of(made);
  const int64_t length = int64_t(sequence.ids.size());
  const bool everywhere = !model.family().causal || !too_much(sequence.ids.size());
  Probe probe(model, pool, {.taps = taps, .sites = options.interventions.sites(), .lens = true, .all_logits = everywhere, .max_rows = std::max<int64_t>({1, length, int64_t(sequence.source.size())}), .max_sequences = 1, .kv_dtype = options.kv_dtype});
  const Probed seen = probe.run(sequence, table_of(made, options));

  for (const std::string& name : names.embeddings)
    (both && !name.starts_with("encoder.") ? made.written_embeddings : made.embeddings).push_back({name, norms_of(seen.at(name))});
  for (const std::string& residual : names.residuals) {
    LayerTrace layer{.encoder = both && residual.starts_with("encoder."), .layer = std::max<int64_t>(0, layer_of(residual)), .residual = {residual, norms_of(seen.at(residual))}};
    const int64_t focus = layer.encoder ? int64_t(sequence.source.size()) - 1 : made.focus;
    const auto norm_beside = [&](const char* other) {
      const auto found = seen.find(beside(residual, other));
      return found == seen.end() ? 0 : norms_of(found->second)[size_t(focus)];
    };
    layer.attention_norm = norm_beside("attention_out");
    layer.mlp_norm = norm_beside("mlp_out");
    if (const auto pattern = seen.find(beside(residual, "pattern")); pattern != seen.end()) layer.heads = heads_of(pattern->second, focus);
    if (const auto pattern = seen.find(beside(residual, "cross_pattern")); pattern != seen.end()) {
      layer.cross_heads = heads_of(pattern->second, focus);
      for (int64_t token = 0; names.recurrent && token < length; ++token) layer.alignment.push_back(heads_of(pattern->second, token)[0]);
    }
    made.layers.push_back(std::move(layer));
  }
  if (width == 0) return;
  const auto say = [&](const std::string& value, const Tensor& says) {
    LensTrace one{.value = value, .says = likeliest(row_of(says, made.focus), options.top)};
    if (says.dim(0) == length && everywhere)
      for (int64_t token = 0; token < length; ++token) one.said.push_back(likeliest(row_of(says, token), 1)[0]);
    made.lens.push_back(std::move(one));
  };
  for (const std::string& value : lens_values(graph)) say(value, seen.at(kLens + value));
  if (names.recurrent) say("logits", seen.at("logits"));   // there is nowhere else to stop
  const std::span<const float> own = row_of(seen.at("logits"), made.focus);
  made.logits.assign(own.begin(), own.end());
  made.top = likeliest(own, options.top);
  made.entropy = entropy_of_logits(own);
}

// Lets the generator go on; returns the logits from which it chose the first token.
std::vector<float> go_on(Trace& made, Model& model, ThreadPool& pool, const Tokenizer* tokenizer, GenerationConfig config, const TraceOptions& options) {
  const int64_t room = model.config().max_positions, source = int64_t(made.encoding.ids.size()), length = made.written.empty() ? source : 1;
  const int64_t positions = length + std::max<int64_t>(0, config.new_tokens(length, room) - 1);
  Engine engine(model, pool, {.max_positions = std::min(positions, room), .source_positions = std::max<int64_t>(1, source), .kv_dtype = options.kv_dtype, .sites = options.interventions.sites(), .interventions = table_of(made, options)});
  Generator generator(engine, tokenizer, std::move(config));
  GeneratorEvents events;
  std::vector<float> first;
  events.choice = [&](size_t, const Choice& choice, std::span<const float> logits) {
    if (made.steps.empty()) first.assign(logits.begin(), logits.end());
    made.steps.push_back({choice, likeliest(logits, options.top), entropy_of_logits(logits), ""});
  };
  events.piece = [&](const Piece& piece) { made.steps.back().text = piece.text; };
  made.made = generator.run({{.ids = made.encoding.ids}}, events)[0];
  if (!made.written.empty() && !made.made.ids.empty()) made.written.insert(made.written.end(), made.made.ids.begin(), made.made.ids.end() - 1);
  return first;
}

}  // namespace

Trace trace(Model& model, ThreadPool& pool, const Tokenizer* tokenizer, const std::optional<std::string>& text, std::vector<int32_t> ids, GenerationConfig config, const TraceOptions& options) {
  Trace made;
  made.text = text;
  if (text) {
    if (!tokenizer) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", model.folder().string(), "give the text as --prompt-ids 1,2,3"};
    made.stages = tokenizer->stages(*text);
    made.encoding = tokenizer->encode(*text);
  } else {
    made.encoding.ids = std::move(ids);
  }
  if (model.config().encoder_decoder) made.written = {decoder_start(model)};
  else if (made.encoding.ids.empty() && model.generates()) made.encoding.ids = start_of_text(model.config(), tokenizer);
  check_sequence(model, sequence_of(made), model.config().max_positions);
  made.focus = focus_of(model, tokenizer, made.encoding.ids);
  std::vector<float> generated;
  if (model.generates()) generated = go_on(made, model, pool, tokenizer, std::move(config), options);
  look_inside(made, model, pool, options);
  for (size_t i = 0; i < generated.size(); ++i)
    if (generated[i] != made.logits[i]) made.inspected_difference = std::max(made.inspected_difference, std::fabs(double(generated[i]) - double(made.logits[i])));
  return made;
}

}  // namespace orrery
