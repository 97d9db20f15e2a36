#include "generate/engine.h"

#include <algorithm>
#include <cstring>

#include "generate/encoder.h"
#include "generate/engine_runs.h"

namespace orrery {

EngineOptions Engine::checked(const Model& model, const EngineOptions& options) {
  if (!model.generates())
    throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " does not generate text", model.folder().string(),
                "try `orrery embed`, `orrery classify` or `orrery logits`"};
  return completed(model.config(), options);
}

Engine::Compiled Engine::compiled(Model& model, ThreadPool& pool, EngineRun run) {
  return {compile(std::move(run.graph), model.weights(), run.limits, &pool), std::move(run.slots), run.cache};
}

Engine::Engine(Model& model, ThreadPool& pool, const EngineOptions& options)
    : Engine(model, pool, checked(model, options), compiled(model, pool, writing_run(model.family(), model.config(), checked(model, options)))) {}

Engine::Engine(Model& model, ThreadPool& pool, const EngineOptions& options, Compiled made)
    : model_(&model),
      options_(options),
      vocab_size_(model.config().vocab_size),
      cache_(std::move(made.slots), made.cache),
      run_(made.plan, pool),
      rows_(&run_.rows("tokens")) {
  ids_.resize(size_t(options.max_rows));
  logit_rows_.reserve(size_t(options.max_batch));
  finished_.reserve(size_t(options.max_batch));
  rows_->sequences.reserve(size_t(options.max_batch));
  logits_.resize(size_t(options.max_batch * vocab_size_));
  run_.cache(&cache_);
  run_.input("ids", ids_.data());
  run_.input("logit_rows", logit_rows_.data());
  if (model.config().encoder_decoder) prepare_sources(pool);
  model.weights().keep_packed();
}

void Engine::prepare_sources(ThreadPool& pool) {
  source_rows_ = &run_.rows("source");
  source_rows_->sequences.reserve(size_t(options_.max_batch));
  Compiled reading = compiled(*model_, pool, reading_run(model_->family(), model_->config(), options_));
  encode_run_ = std::make_unique<Workspace>(reading.plan, pool);
  source_cache_ = std::make_unique<PagedCache>(std::move(reading.slots), reading.cache);
  encode_run_->cache(source_cache_.get());
}

CacheSequence Engine::encode(std::span<const int32_t> ids, uint32_t id, const std::atomic<bool>* stop) {
  check_source(ids);
  CacheSequence source = source_cache_->sequence();
  Rows& rows = encode_run_->rows("source");
  rows = {};
  rows.append(int64_t(ids.size()), 0, id, &source);
  encode_run_->input("source.ids", ids.data());
  encode_run_->run({.interventions = &options_.interventions}, stop);
  return source;
}

void Engine::check_source(std::span<const int32_t> ids) const {
  const std::string where = model_->folder().string();
  if (!encode_run_) throw Error{ErrorKind::bad_usage, "a model of architecture " + model_->config().architecture + " reads no source", where};
  if (ids.empty()) throw Error{ErrorKind::bad_usage, "there is no text for the encoder to read", where, "give a prompt"};
  if (int64_t(ids.size()) > options_.source_positions)
    throw Error{ErrorKind::out_of_range, std::to_string(ids.size()) + " tokens are more than the " + std::to_string(options_.source_positions) + " that the encoder has room for", where, "shorten the prompt"};
  check_ids(model_->config(), ids, 0, where);
}

void Engine::check(std::span<const int32_t> ids, int64_t position) const {
  if (position + int64_t(ids.size()) > options_.max_positions)
    throw Error{ErrorKind::out_of_range,
                std::to_string(position + int64_t(ids.size())) + " tokens are more than the " + std::to_string(options_.max_positions) +
                    (options_.max_positions == model_->config().max_positions ? " positions of the model" : " positions made room for"),
                model_->folder().string(), "shorten the prompt"};
  check_ids(model_->config(), ids, position, model_->folder());
}

// Takes as many tokens as one run holds, from `from` on, and returns where the next run begins.
Engine::Progress Engine::fill(std::span<const Feed> feeds, Progress from) {
  rows_->count = 0;
  rows_->sequences.clear();
  if (source_rows_) {
    source_rows_->count = 0;
    source_rows_->sequences.clear();
  }
  logit_rows_.clear();
  finished_.clear();
  while (from.feed < feeds.size() && rows_->count < options_.max_rows) {
    const Feed& feed = feeds[from.feed];
    const size_t count = std::min(feed.ids.size() - from.token, size_t(options_.max_rows - rows_->count));
    std::copy_n(feed.ids.begin() + std::ptrdiff_t(from.token), count, ids_.begin() + rows_->count);
    rows_->append(int64_t(count), feed.sequence->length, feed.id, feed.sequence);
    rows_->sequences.back().source = feed.source;
    if (source_rows_) source_rows_->append(feed.source->length, 0, feed.id);
    from.token += count;
    if (from.token < feed.ids.size()) break;
    logit_rows_.push_back(int32_t(rows_->count - 1));
    finished_.push_back(from.feed);
    from = {from.feed + 1, 0};
  }
  return from;
}

const float* Engine::forward(std::span<const Feed> feeds, const std::atomic<bool>* stop) {
  if (int64_t(feeds.size()) > options_.max_batch)
    throw Error{ErrorKind::out_of_range, std::to_string(feeds.size()) + " sequences in an engine made for " + std::to_string(options_.max_batch), "Engine"};
  for (const Feed& feed : feeds) {
    if (feed.ids.empty()) throw Error{ErrorKind::bad_usage, "a sequence is fed no token", "Engine"};
    check(feed.ids, feed.sequence->length);
    if (model_->config().encoder_decoder && !feed.source) throw Error{ErrorKind::bad_usage, "a sequence of an encoder-decoder has no source", "Engine"};
    if (feed.source && feed.source->cache != source_cache_.get()) throw Error{ErrorKind::bad_usage, "a sequence's source was encoded by another engine", "Engine"};
  }
  std::vector<int64_t> before;
  const bool several = std::any_of(feeds.begin(), feeds.end(), [](const Feed& feed) { return feed.ids.size() > 1; });
  if (several)
    for (const Feed& feed : feeds) before.push_back(feed.sequence->length);
  try {
    for (Progress at; at.feed < feeds.size();) {
      at = fill(feeds, at);
      run_.size("logit_rows", int64_t(logit_rows_.size()));
      run_.run({.interventions = &options_.interventions}, stop);
      if (finished_.empty()) continue;
      const float* logits = run_.output<float>("logits");   // [logit_rows, vocab]
      for (size_t i = 0; i < finished_.size(); ++i)
        std::memcpy(logits_.data() + finished_[i] * size_t(vocab_size_), logits + i * size_t(vocab_size_), size_t(vocab_size_) * sizeof(float));
    }
  } catch (...) {   // an earlier part of a long prompt may already be in the cache
    for (size_t i = 0; i < before.size(); ++i) cache_.truncate(*feeds[i].sequence, before[i]);
    throw;
  }
  return logits_.data();
}

void Engine::time_steps(StepTimes* writing, StepTimes* reading) {
  run_.time_steps(writing);
  if (encode_run_) encode_run_->time_steps(reading);
}

MemoryReport Engine::memory() const {
  MemoryReport report = run_.plan().memory(run_.pool().num_threads());
  if (!encode_run_) return report;
  // Weights, packed ones too, that both plans read are there once; which are is not told apart: the larger sum counts.
  const MemoryReport encoder = encode_run_->plan().memory(run_.pool().num_threads());
  report.arena += encoder.arena;
  report.scratch += encoder.scratch;
  report.weights = std::min(report.weights + encoder.weights, model_->weights().canonical_bytes());
  report.derived += encoder.derived;
  report.mapped += encoder.mapped;
  return report;
}

}  // namespace orrery
