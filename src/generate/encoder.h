// Whole sequences through a model at once, without a cache: hidden states, logits of every token, classes.
//
//   Encoder encoder(model, pool, "hidden", {.max_rows = 512});
//   std::vector<Tensor> states = encoder.run({{.ids = {101, 7592, 102}}});    // [3, hidden]
//
// Sequences share runs, rows end to end; what is computed for one does not depend on the others.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "graph/passes/taps.h"
#include "models/model.h"

namespace orrery {

struct TokenSequence {
  std::vector<int32_t> ids = {};        // of an encoder-decoder: what its decoder has written
  std::vector<int32_t> type_ids = {};   // empty: all 0
  std::vector<int32_t> source = {};     // of an encoder-decoder: what its encoder reads
};

struct EncoderOptions {
  int64_t max_rows = 512;               // tokens of one run, and so of the longest sequence; and as many of sources
  int64_t max_sequences = 64;           // in one run
  DType kv_dtype = DType::f32;          // keys and values are rounded to it
  std::vector<std::string> sites = {};           // values that interventions may change: graph/passes/taps.h
  std::vector<Intervention> interventions = {};  // at those sites, by the number of the sequence in run()
};

// A text as the model reads it: an encoder-decoder's source, with the start of what its decoder writes.
TokenSequence text_for(const Model& model, std::vector<int32_t> ids);

// Rows and inputs of the sequences [begin, end) that fit into a run of `max_rows` rows and `max_sequences`; ids are kept here.
class SequenceBatch {
 public:
  // Returns the first sequence that did not fit. The workspace reads this batch's memory.
  size_t fill(std::span<const TokenSequence> sequences, size_t begin, int64_t max_rows, int64_t max_sequences, Workspace& run);

 private:
  std::vector<int32_t> ids_, types_, source_;
};

class Encoder {
 public:
  // output: "hidden" [tokens, hidden], "logits" [tokens, vocab or labels] or [1, labels], "pooled" [1, hidden].
  // Throws Error where the model has no such output. The model must outlive the encoder.
  Encoder(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options = {});

  // The output of each sequence. Throws Error for an empty sequence, an id that the model does not have, or more tokens
  // than the model has positions or a run has rows.
  std::vector<Tensor> run(std::span<const TokenSequence> sequences);

  bool per_token() const { return per_token_; }
  int64_t width() const { return width_; }
  void time_steps(StepTimes* times) { run_.time_steps(times); }   // adds up what steps take from here on
  const Plan& plan() const { return run_.plan(); }
  MemoryReport memory() const { return run_.plan().memory(run_.pool().num_threads()); }

 private:
  static std::shared_ptr<const Plan> compiled(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options);

  Model* model_;
  std::string output_;
  EncoderOptions options_;
  Workspace run_;
  std::string space_;          // the row space of the output
  bool per_token_ = true;
  int64_t width_ = 0;
  SequenceBatch batch_;
};

// Throws Error where a sequence is empty, longer than `limit` tokens, or has an id or a type that the model does not have.
void check_sequence(const Model& model, const TokenSequence& sequence, int64_t limit);
// Throws Error where an id is none of the model's. position: of the first.
void check_ids(const Config& config, std::span<const int32_t> ids, int64_t position, const std::filesystem::path& where);

}  // namespace orrery
