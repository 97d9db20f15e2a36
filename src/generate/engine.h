// A model that writes from left to right: a compiled plan, a cache of keys and values, and the memory of one run.
//
//   Engine engine(model, pool, {.max_batch = 4});
//   CacheSequence a = engine.sequence(), b = engine.sequence();
//   const float* logits = engine.forward({{{&a, prompt_a}, {&b, prompt_b}}});     // [2, vocab]: of each one's last token
//   logits = engine.forward({{{&a, {&next_a, 1}}, {&b, {&next_b, 1}}}});          // one token more for each
//
// An encoder-decoder reads a source first, and each feed of its decoder names it:
//
//   CacheSequence text = engine.encode(ids), a = engine.sequence();
//   logits = engine.forward({{{.sequence = &a, .ids = {&start, 1}, .source = &text}}});
//
// Sequences of different lengths share a run, rows end to end, and long prompts are split over several runs; what is
// computed for a sequence does not depend on either. A decode step allocates no values. One thread at a time may use an
// engine; several engines may share a model.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "graph/passes/taps.h"
#include "models/model.h"

namespace orrery {

struct EngineOptions {
  int64_t max_batch = 1;        // sequences in one call
  int64_t max_positions = 0;    // of the longest sequence; 0: as many as the model has, or as are usual where it has no end
  int64_t cache_tokens = 0;     // of all sequences together; 0: max_batch times max_positions
  int64_t source_positions = 0; // of the longest source, for encoder-decoders; 0: as max_positions
  int64_t max_rows = 512;       // tokens in one run: longer prompts take several
  int64_t block_size = 64;      // tokens in a block of the cache
  DType kv_dtype = DType::f32;
  std::vector<std::string> sites = {};             // values that interventions may change: graph/passes/taps.h
  std::vector<Intervention> interventions = {};    // at those sites, by the ids of feeds and absolute positions
};

struct Feed {
  CacheSequence* sequence = nullptr;
  std::span<const int32_t> ids = {};   // at least one
  uint32_t id = 0;                     // names the sequence for interventions
  const CacheSequence* source = nullptr;   // what the decoder of an encoder-decoder looks at
};

struct EngineRun;   // engine_runs.h

class Engine {
 public:
  // Throws Error where the model does not generate from left to right. The model must outlive the engine.
  Engine(Model& model, ThreadPool& pool, const EngineOptions& options = {});
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  CacheSequence sequence() { return cache_.sequence(); }
  // Runs the encoder over a source and keeps what the decoder looks at. id names it for interventions.
  CacheSequence encode(std::span<const int32_t> ids, uint32_t id = 0, const std::atomic<bool>* stop = nullptr);
  PagedCache& cache() { return cache_; }

  // Appends tokens to sequences and returns the logits after the last of each, [feeds, vocab], valid until the next
  // call. Throws Error for an id or a length that the model does not have; no sequence has then changed.
  const float* forward(std::span<const Feed> feeds, const std::atomic<bool>* stop = nullptr);

  // Throws Error unless these ids can stand at `position` and after in a sequence of this model.
  void check(std::span<const int32_t> ids, int64_t position) const;
  // … unless they can be a source: at least one, and not too many.
  void check_source(std::span<const int32_t> ids) const;

  const Model& model() const { return *model_; }
  int64_t vocab_size() const { return vocab_size_; }
  int64_t max_batch() const { return options_.max_batch; }
  int64_t max_positions() const { return options_.max_positions; }
  // What the plan and the cache occupy at most.
  MemoryReport memory() const;
  // Adds up what the steps of writing, and of an encoder-decoder's reading, take from here on; null: no more. The plans that they are of.
  void time_steps(StepTimes* writing, StepTimes* reading = nullptr);
  const Plan& plan() const { return run_.plan(); }
  const Plan* reading_plan() const { return encode_run_ ? &encode_run_->plan() : nullptr; }
  int64_t cache_bytes() const { return cache_.bytes() + (source_cache_ ? source_cache_->bytes() : 0); }

 private:
  struct Compiled {
    std::shared_ptr<const Plan> plan;
    std::vector<CacheSlot> slots;
    CacheOptions cache;
  };
  static EngineOptions checked(const Model& model, const EngineOptions& options);
  static Compiled compiled(Model& model, ThreadPool& pool, EngineRun run);
  Engine(Model& model, ThreadPool& pool, const EngineOptions& options, Compiled made);
  void prepare_sources(ThreadPool& pool);

  struct Progress {
    size_t feed = 0;            // the first that is not fed whole
    size_t token = 0;           // and how many of its tokens are
  };
  Progress fill(std::span<const Feed> feeds, Progress from);

  Model* model_;
  EngineOptions options_;
  int64_t vocab_size_ = 0;
  PagedCache cache_;
  Workspace run_;
  Rows* rows_;
  Rows* source_rows_ = nullptr;    // of the sources that the sequences of a run look at
  std::vector<int32_t> ids_, logit_rows_;
  std::vector<size_t> finished_;   // feeds whose last token is in this run
  std::vector<float> logits_;
  std::unique_ptr<PagedCache> source_cache_;   // both only for encoder-decoders
  std::unique_ptr<Workspace> encode_run_;
};

}  // namespace orrery
