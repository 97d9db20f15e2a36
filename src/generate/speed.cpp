#include "generate/speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>

#include "base/random.h"
#include "generate/logits/candidates.h"

namespace orrery {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct Samples {
  std::vector<double> prefill, decode, steps;   // tokens a second, tokens a second, seconds
};

struct GenerationTimes {
  StepTimes encode, prefill, decode;
};

void measure_once(Engine& engine, const std::vector<TokenSequence>& prompts, int64_t new_tokens, Samples& samples, GenerationTimes* times = nullptr) {
  if (times) engine.time_steps(&times->prefill, &times->encode);
  const size_t batch = prompts.size(), vocab = size_t(engine.vocab_size());
  std::vector<CacheSequence> sequences(batch), sources(batch);
  std::vector<int32_t> next(batch);
  std::vector<Feed> feeds(batch);
  for (size_t i = 0; i < batch; ++i) {
    sequences[i] = engine.sequence();
    feeds[i] = {&sequences[i], prompts[i].ids};
  }
  const auto take = [&](const float* logits) {
    for (size_t i = 0; i < batch; ++i) {
      next[i] = first_largest({logits + i * vocab, vocab});
      feeds[i].ids = {&next[i], 1};
    }
  };
  Clock::time_point begin = Clock::now();
  if (engine.model().config().encoder_decoder)   // it reads the prompts as sources, and writes from its start token on
    for (size_t i = 0; i < batch; ++i) {
      sources[i] = engine.encode(prompts[i].ids);
      next[i] = decoder_start(engine.model());
      feeds[i] = {.sequence = &sequences[i], .ids = {&next[i], 1}, .source = &sources[i]};
    }
  take(engine.forward(feeds));
  samples.prefill.push_back(double(batch * prompts[0].ids.size()) / seconds_since(begin));
  if (times) engine.time_steps(&times->decode);
  double decoding = 0;
  for (int64_t i = 1; i < new_tokens; ++i) {
    begin = Clock::now();
    take(engine.forward(feeds));
    samples.steps.push_back(seconds_since(begin));
    decoding += samples.steps.back();
  }
  if (new_tokens > 1) samples.decode.push_back(double(int64_t(batch) * (new_tokens - 1)) / decoding);
  engine.time_steps(nullptr);
}

void add_phase(std::vector<PhaseTimes>& phases, const char* name, int64_t tokens, const Plan& plan, const StepTimes& times) {
  if (times.runs > 0) phases.push_back({name, tokens, times.seconds, step_lines(plan, times)});
}

}  // namespace

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const double rank = std::ceil(share * double(samples.size()));
  return samples[size_t(std::clamp(rank, 1.0, double(samples.size()))) - 1];
}

GenerationSpeed measure_generation(Model& model, ThreadPool& pool, const SpeedOptions& options) {
  const int64_t positions = (model.config().encoder_decoder ? 1 : options.prompt_tokens) + options.new_tokens - 1;
  if (std::max(positions, options.prompt_tokens) > model.config().max_positions)
    throw Error{ErrorKind::out_of_range,
                std::to_string(options.prompt_tokens) + " and " + std::to_string(options.new_tokens) + " new tokens are more than the " +
                    std::to_string(model.config().max_positions) + " positions of the model",
                model.folder().string()};
  Engine engine(model, pool, {.max_batch = options.batch, .max_positions = positions, .source_positions = options.prompt_tokens, .kv_dtype = options.kv_dtype});
  const std::vector<TokenSequence> prompts = random_texts(model, options);
  const int64_t program = heap_beside_tensors(), planned = engine.memory().total() + engine.cache_bytes() + program;
  Samples warm_up, samples;
  measure_once(engine, prompts, std::min<int64_t>(options.new_tokens, 8), warm_up);
  for (int64_t i = 0; i < options.repeat; ++i) measure_once(engine, prompts, options.new_tokens, samples);
  GenerationSpeed speed{percentile(samples.prefill, 0.5), percentile(samples.decode, 0.5), 1e3 * percentile(samples.steps, 0.5), 1e3 * percentile(samples.steps, 0.99),
                        planned, engine.memory().mapped, program};
  if (!options.time_steps) return speed;
  GenerationTimes times;
  Samples aside;
  measure_once(engine, prompts, options.new_tokens, aside, &times);
  const int64_t read = options.batch * options.prompt_tokens;
  if (const Plan* reading = engine.reading_plan()) {
    add_phase(speed.phases, "encode", read, *reading, times.encode);
    add_phase(speed.phases, "first token", options.batch, engine.plan(), times.prefill);
  } else {
    add_phase(speed.phases, "prefill", read, engine.plan(), times.prefill);
  }
  add_phase(speed.phases, "decode", options.batch * (options.new_tokens - 1), engine.plan(), times.decode);
  return speed;
}

std::vector<TokenSequence> random_texts(const Model& model, const SpeedOptions& options) {
  std::vector<TokenSequence> texts;
  for (int64_t i = 0; i < options.batch; ++i) {
    Random random(options.seed, uint64_t(i));
    TokenSequence text;
    for (int64_t t = 0; t < options.prompt_tokens; ++t) text.ids.push_back(int32_t(random.below(uint64_t(model.config().vocab_size))));
    texts.push_back(std::move(text));
  }
  return texts;
}

EncodingSpeed measure_encoding(Model& model, ThreadPool& pool, std::vector<TokenSequence> texts, const SpeedOptions& options) {
  int64_t tokens = 0, rows = 512;
  for (const TokenSequence& text : texts) {
    tokens += int64_t(text.ids.size());
    rows = std::max(rows, int64_t(text.ids.size()));
  }
  Encoder encoder(model, pool, "hidden", {.max_rows = rows, .kv_dtype = options.kv_dtype});
  const int64_t outputs = tokens * encoder.width() * size_of(DType::f32), program = heap_beside_tensors();
  std::vector<double> samples;
  StepTimes times;
  for (int64_t i = 0; i < options.repeat + 1 + options.time_steps; ++i) {
    if (i == options.repeat + 1) encoder.time_steps(&times);
    const Clock::time_point begin = Clock::now();
    encoder.run(texts);
    if (i > 0 && i <= options.repeat) samples.push_back(seconds_since(begin));
  }
  const double median = percentile(samples, 0.5);
  EncodingSpeed speed{double(tokens) / median, double(texts.size()) / median, encoder.memory().total() + outputs + program, encoder.memory().mapped, program};
  add_phase(speed.phases, "encode", tokens, encoder.plan(), times);
  return speed;
}

namespace {
// Numbers, a share for each thread, so that it gets the same ones every time; who is done with its own helps the others.
class Shares {
 public:
  Shares(size_t count, int threads) : count_(count), next_(size_t(threads)) {
    for (size_t i = 0; i < next_.size(); ++i) next_[i].at = begin(i);
  }
  // One that was not taken yet, while there are any.
  size_t take(int thread) {
    for (size_t i = size_t(thread);; ++i) {
      const size_t share = i % next_.size(), one = next_[share].at.fetch_add(1, std::memory_order_relaxed);
      if (one < begin(share + 1)) return one;
    }
  }

 private:
  struct alignas(64) Next {
    std::atomic<size_t> at;
  };
  size_t begin(size_t share) const { return count_ * share / next_.size(); }

  size_t count_;
  std::vector<Next> next_;
};
}  // namespace

TokenizerSpeed measure_tokenizer(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t repeat, ThreadPool& pool) {
  TokenizerSpeed speed;
  for (const std::string& text : texts) speed.bytes += int64_t(text.size());
  std::vector<double> latencies(texts.size() * size_t(repeat));
  std::atomic<size_t> measured = 0;
  std::atomic<size_t> sink = 0;      // what is computed is used, so that none of it is left out
  EncodeOptions how;
  if (texts.size() == 1) how.pool = &pool;   // else each thread reads texts of its own
  const size_t some = std::clamp<size_t>(texts.size() / (64 * size_t(pool.num_threads())), 1, 1024);   // texts that a thread takes at once
  const size_t blocks = (texts.size() + some - 1) / some;
  std::vector<IdLists> ids(blocks);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto best = [&](double& megabytes, auto&& body) {   // body(from, to) of some texts
    for (int64_t i = 0; i < repeat; ++i) {
      const Clock::time_point begin = Clock::now();
      Shares shares(blocks, pool.num_threads());
      const auto take = [&](size_t block) { body(block * some, std::min((block + 1) * some, texts.size())); };
      if (how.pool) take(0);
      else pool.parallel(int64_t(blocks), [&](int64_t, int thread) { take(shares.take(thread)); });
      megabytes = std::max(megabytes, double(speed.bytes) / 1e6 / seconds_since(begin));
    }
  };
  const auto best_of_each = [&](double& megabytes, auto&& body) {
    best(megabytes, [&](size_t from, size_t to) {
      for (size_t t = from; t < to; ++t) body(t);
    });
  };
  best(speed.ids, [&](size_t from, size_t to) {
    ids[from / some] = tokenizer.encode_ids(std::span(views).subspan(from, to - from), how);
  });
  double timed = 0;   // one by one; and looking at the clock takes a tenth of a short text's time
  best_of_each(timed, [&](size_t t) {
    const Clock::time_point begin = Clock::now();
    const std::vector<int32_t> made = tokenizer.encode_ids(texts[t], how);
    latencies[measured++] = seconds_since(begin);
    sink += made.size();
  });
  best(speed.offsets, [&](size_t from, size_t to) {
    tokenizer.encode_each(std::span(views).subspan(from, to - from), how, [&](size_t, const Encoding& made) { sink += made.offsets.size(); });
  });
  best_of_each(speed.decode, [&](size_t t) { sink += tokenizer.decode(ids[t / some][t % some]).size(); });
  for (const IdLists& some_ids : ids) speed.tokens += int64_t(some_ids.ids.size());
  if (sink == 0 && speed.tokens > 0) throw Error{ErrorKind::bad_file, "the tokens decode to nothing", "tokenizer"};
  speed.latency_p50_us = 1e6 * percentile(latencies, 0.5);
  speed.latency_p99_us = 1e6 * percentile(latencies, 0.99);
  return speed;
}

}  // namespace orrery
