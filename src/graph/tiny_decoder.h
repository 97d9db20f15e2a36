// For tests only: a decoder of two layers with rotary positions and grouped heads, run with and without a cache.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "graph/builder.h"
#include "graph/passes/state.h"
#include "graph/passes/taps.h"
#include "graph/plan/plan.h"

namespace orrery {

struct TinyDecoder {
  static constexpr int64_t kVocab = 17, kWidth = 8, kHeads = 2, kHeadDim = 4;

  Graph graph;
  WeightStore weights;

  // special: scores are capped, heads have slopes and sinks, and the first tokens stay seen.
  explicit TinyDecoder(int64_t window = 0, bool special = false) {
    Builder g(graph);
    Random random(5);
    const auto weight = [&](const std::string& name, std::vector<int64_t> shape) {
      std::vector<float> values;
      int64_t count = 1;
      for (int64_t size : shape) count *= size;
      for (int64_t i = 0; i < count; ++i) values.push_back(float(0.5 * random.normal()));
      weights.add(name, {Tensor::from(values, shape), Role::trainable, 1, {}});
      return g.weight(name, shape);
    };
    auto table = std::make_shared<RotaryTable>();
    table->head_dim = table->rotary_dim = kHeadDim, table->max_positions = 4096;
    table->inverse_frequencies = {1.0, 0.05};
    const Inputs in = g.inputs();
    Value x = g.at("", "").name("embedding", embedding(weight("wte", {kVocab, kWidth}), in.ids));
    for (const Scope& layer : g.layers("h", 2)) {
      const std::string path = layer.path();
      const Value q = layer.name("q", rotary(linear(x, weight(path + ".q", {kHeads * kHeadDim, kWidth})), in.positions, table));
      const Value k = layer.name("k", rotary(linear(x, weight(path + ".k", {kHeadDim, kWidth})), in.positions, table));
      const Value v = layer.name("v", linear(x, weight(path + ".v", {kHeadDim, kWidth})));
      AttentionOptions options{.num_heads = kHeads, .num_kv_heads = 1, .head_dim = kHeadDim, .causal = true, .window = window};
      if (special) options.sinks = weight(path + ".sinks", {kHeads}), options.sink_tokens = 3, options.softcap = 1.5, options.alibi = 8;
      const Value mixed = layer.name("attention", attention(q, k, v, in.sequences, in.sequences, options));
      x = layer.name("residual", x + linear(mixed, weight(path + ".o", {kWidth, kHeads * kHeadDim})));
    }
    g.output("logits", linear(x, g.weight("wte", {kVocab, kWidth})));
  }

  static std::vector<int32_t> text(int64_t length, uint64_t seed) {
    Random random(seed);
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < length; ++i) ids.push_back(int32_t(random.below(uint64_t(kVocab))));
    return ids;
  }
};

// A plan of a decoder's graph with its workspace, and its cache where there is one.
class DecoderRun {
 public:
  struct Part {
    std::vector<int32_t> ids;
    CacheSequence* cache = nullptr;
    uint32_t id = 0;
  };

  DecoderRun(TinyDecoder& decoder, Graph graph, ThreadPool& pool, std::vector<CacheSlot> slots = {}, CacheOptions options = {}) {
    CompileOptions compile_options;
    compile_options.capacity = {{"tokens", 2400}, {"tokens.sequences", 8}, {"keys", 2400}};
    workspace = std::make_unique<Workspace>(compile(std::move(graph), decoder.weights, compile_options, &pool), pool);
    if (slots.empty()) return;
    cache = std::make_unique<PagedCache>(slots, options);
    workspace->cache(cache.get());
  }
  static DecoderRun uncached(TinyDecoder& decoder, ThreadPool& pool, DType dtype = DType::f32) {
    Graph graph = decoder.graph;
    round_keys(graph, dtype);
    return DecoderRun(decoder, std::move(graph), pool);
  }
  static DecoderRun cached(TinyDecoder& decoder, ThreadPool& pool, DType dtype = DType::f32, CacheOptions options = {.block_size = 16, .num_blocks = 40}) {
    Graph graph = decoder.graph;
    const std::vector<CacheSlot> slots = add_state(graph, dtype);
    return DecoderRun(decoder, std::move(graph), pool, slots, options);
  }

  // The rows of the output for each part.
  std::vector<std::vector<float>> run(const std::vector<Part>& parts, const RunSettings& settings = {}, const std::atomic<bool>* stop = nullptr) {
    std::vector<int32_t> ids;
    Rows& rows = workspace->rows("tokens");
    rows = {};
    for (const Part& part : parts) {
      ids.insert(ids.end(), part.ids.begin(), part.ids.end());
      rows.append(int64_t(part.ids.size()), part.cache ? part.cache->length : 0, part.id, part.cache);
    }
    workspace->input("ids", ids.data());
    workspace->run(settings, stop);
    std::vector<std::vector<float>> results;
    const float* logits = workspace->output<float>("logits");
    for (const SequenceRows& sequence : rows.sequences)
      results.emplace_back(logits + sequence.begin * TinyDecoder::kVocab, logits + (sequence.begin + sequence.count) * TinyDecoder::kVocab);
    return results;
  }
  std::vector<float> run(std::vector<int32_t> ids, CacheSequence* sequence = nullptr) { return run({Part{std::move(ids), sequence, 0}})[0]; }
  std::vector<float> output(const std::string& name) const {
    int64_t count = 1;
    for (int64_t size : workspace->output_shape(name)) count *= size;
    const float* data = workspace->output<float>(name);
    return {data, data + count};
  }

  std::unique_ptr<PagedCache> cache;
  std::unique_ptr<Workspace> workspace;
};

inline bool bits_equal(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i])) return false;
  return true;
}

}  // namespace orrery
