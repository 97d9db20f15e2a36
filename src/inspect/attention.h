// Attention patterns: where every head of every layer looks, from every token.
//
//   AttentionView view = look_at_attention(model, pool, {tokenizer.encode("One day, a fox")});
//   view.stacks[0].weight(layer, head, query, key)
//
// An encoder-decoder has up to three stacks: its encoder's, its decoder's own, and the decoder's looks at the source. Its text is a source
// and what its decoder reads:
//
//   view = look_at_attention(model, pool, text_with_answer(model, pool, tokenizer.encode("un renard"), config));
//
// A query is a token that looks, a key one that is looked at; the weights of a query add up to 1. Patterns come from taps beside
// the fused kernels: the logits of the run that was looked at are those of a plain run, to the bit (`inspected_difference`).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generate/generation_config.h"
#include "inspect/probe.h"
#include "tokenize/encoding.h"

namespace orrery {

class Tokenizer;

// What a head does on this text. Entropies are in nats.
struct HeadSummary {
  double entropy = 0;               // mean over the queries of -sum p ln p
  double entropy_share = 0;         // mean of each query's entropy over the most it can be, ln(keys it may look at); 0 where nothing is to choose
  double first = 0;                 // mean weight of the first key
  double distance = 0;              // mean of |query - key|
  int64_t query = 0, key = 0;       // the pair with the largest weight, of tokens that look at others than themselves and the first; else of the last query
  double weight = 0;                // of this pair
};

// Layers of one kind: those of a decoder, of an encoder, a decoder's looks at its source.
struct AttentionStack {
  std::string name = {};             // "pattern", "cross_pattern", "encoder_pattern"
  std::string queries = {}, keys = {};   // the row spaces: "tokens", "source"
  bool causal = false;               // no key after its query has a weight
  int64_t layers = 0, heads = 0, query_count = 0, key_count = 0;
  std::vector<float> pattern = {};   // [layers, heads, queries, keys]
  std::vector<HeadSummary> summary = {};   // [layers, heads]

  size_t row(int64_t layer, int64_t head, int64_t query) const { return size_t(((layer * heads + head) * query_count + query) * key_count); }
  float weight(int64_t layer, int64_t head, int64_t query, int64_t key) const { return pattern[row(layer, head, query) + size_t(key)]; }
  const HeadSummary& of(int64_t layer, int64_t head) const { return summary[size_t(layer * heads + head)]; }
};

struct AttentionText {
  Encoding tokens;                               // ids alone where there was no text; of an encoder-decoder: what its decoder reads, from its start on
  Encoding source = {};                          // of an encoder-decoder
  std::vector<int32_t> written = {};             // by its decoder, after each of `tokens`; of the last it may be unknown
};

// An encoder-decoder's text: what its decoder reads while it writes this target.
AttentionText text_with_target(const Model& model, Encoding source, std::vector<int32_t> target);
// … while it writes what the config lets it write.
AttentionText text_with_answer(Model& model, ThreadPool& pool, Encoding source, const GenerationConfig& config, DType kv_dtype = DType::f32);

struct AttentionView {
  AttentionText text;
  std::vector<AttentionStack> stacks;            // the text's own first, an encoder's last
  std::optional<double> inspected_difference;    // max |logit of the tapped run - logit of a plain run|; where there are logits
};

// Throws Error where the text has no tokens or does not fit, or the model has no patterns.
AttentionView look_at_attention(Model& model, ThreadPool& pool, AttentionText text, DType kv_dtype = DType::f32);

HeadSummary summary_of(const AttentionStack& stack, int64_t layer, int64_t head);

// {"model_type", "ids", "tokens", "inspected_difference", "stacks": [{"name", …, "summary": […]}]}; of an encoder-decoder also
// "source_ids", "source_tokens", "written_ids", "written_tokens"
Json to_json(const AttentionView& view, const Model& model, const Tokenizer* tokenizer);

// A page with every head; weights are rounded where there are so many that the page would become large. Throws Error where it
// would become too large all the same. `name` is what the user calls the model; `command` the call that makes it again.
std::string attention_page(const AttentionView& view, const Model& model, const Tokenizer* tokenizer, const std::string& name, const std::string& command);

}  // namespace orrery
