// One text through every stage: normalised, cut, numbered, embedded, through the layers, to logits, to a token, and on.
//
//   Trace walked = trace(model, pool, &tokenizer, "Once upon a time", config);
//   Json document = to_json(walked, model, &tokenizer);           // {"stages": […]}
//
// The tokens are chosen by the generator itself, which tells of each choice; the values inside come from a probe whose logits are
// the generator's, to the bit (`inspected_difference` says so).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "generate/generator.h"
#include "inspect/interventions.h"
#include "inspect/probe.h"

namespace orrery {

struct TraceOptions {
  int64_t top = 5;                       // how many of the likeliest are told
  DType kv_dtype = DType::f32;
  Interventions interventions = {};
};

// A value with a row for each token: the lengths of the rows.
struct NormTrace {
  std::string name;
  std::vector<double> norms;
};

// Where a head looks from the token in focus.
struct HeadTrace {
  std::vector<float> weights;            // over the keys
  int64_t looks_at = 0;                  // the largest
  double entropy = 0;                    // -sum p ln p of them
  double mean_entropy = 0;               // over all queries
};

struct LayerTrace {
  bool encoder = false;                      // of an encoder-decoder's encoder
  int64_t layer = 0;
  NormTrace residual;                        // of a recurrent layer: its state
  double attention_norm = 0, mlp_norm = 0;   // of what each added at the token in focus; 0 where it has no name
  std::vector<HeadTrace> heads = {};
  std::vector<HeadTrace> cross_heads = {};   // of a decoder that looks at a source
  std::vector<HeadTrace> alignment = {};     // of a recurrent decoder: where it looks from each token that it read
};

// What the model would say if it stopped at a value; of a recurrent one its logits alone.
struct LensTrace {
  std::string value;
  std::vector<Weighed> says;             // at the token in focus
  std::vector<Weighed> said = {};             // the likeliest at every token; empty where that would be too much
};

struct StepTrace {
  Choice choice;
  std::vector<Weighed> top;              // of the model's own distribution
  double entropy = 0;                    // of it
  std::string text;                      // what became certain with it
};

struct Trace {
  std::optional<std::string> text;
  std::optional<TokenizerStages> stages;
  Encoding encoding;                     // with its ids alone where there is no text; of an encoder-decoder: its source
  std::vector<int32_t> written;          // by an encoder-decoder's decoder: its start, and what it wrote but the last
  int64_t focus = 0;                     // the token whose view is told: the last; in an encoder the first mask, else the first; the decoder's start
  bool recurrent = false;                // layers have states, which go from token to token, instead of a residual stream
  std::vector<NormTrace> embeddings;
  std::vector<NormTrace> written_embeddings;
  std::vector<LayerTrace> layers;        // an encoder-decoder's encoder first
  std::vector<LensTrace> lens;
  std::vector<float> logits;             // at the token in focus; empty where the model has none
  std::vector<Weighed> top;
  double entropy = 0;
  double inspected_difference = 0;       // max |logit seen - logit generated|
  std::vector<StepTrace> steps;          // empty for models that do not generate
  Generation made;
};

// Throws Error where the text has no tokens or does not fit. `ids` where there is no text.
Trace trace(Model& model, ThreadPool& pool, const Tokenizer* tokenizer, const std::optional<std::string>& text, std::vector<int32_t> ids, GenerationConfig config,
            const TraceOptions& options = {});

// What a token stands for; its number where there is no tokenizer.
std::string token_text(int32_t id, const Tokenizer* tokenizer);
// What an entry of the logits is: a token of the vocabulary, or a class by its label.
std::string text_of(int32_t id, const Model& model, const Tokenizer* tokenizer);

Json to_json(const Trace& trace, const Model& model, const Tokenizer* tokenizer);

// The page that shows this document, made by this call.
std::string trace_page(Json document, const std::string& model, const std::string& command);   // model: its name

}  // namespace orrery
