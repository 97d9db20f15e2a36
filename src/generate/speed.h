// How fast a model generates and a tokenizer reads, on random tokens and on a given text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "generate/encoder.h"
#include "generate/engine.h"
#include "graph/plan/step_times.h"
#include "tokenize/tokenizer.h"

namespace orrery {

// Where the time of a part of the work goes: the steps of its plan, longest first.
struct PhaseTimes {
  std::string name;               // "prefill", "decode", "encode"
  int64_t tokens = 0;             // of all runs
  double seconds = 0;             // of whole runs; the steps' sum is a little less
  std::vector<StepLine> steps = {};
};

struct GenerationSpeed {
  double prefill_tokens_per_second = 0, decode_tokens_per_second = 0;   // medians over the repeats
  double latency_p50_ms = 0, latency_p99_ms = 0;                        // of a decode step
  int64_t peak_bytes = 0;                                               // of the process's own memory, before anything ran: plan, cache and program
  int64_t mapped_bytes = 0;                                             // weights that are read in files
  int64_t program_bytes = 0;                                            // of the peak: names, tables, lists
  std::vector<PhaseTimes> phases = {};                                  // where asked for
};

struct SpeedOptions {
  int64_t prompt_tokens = 128, new_tokens = 64, batch = 1, repeat = 3;
  uint64_t seed = 0;
  DType kv_dtype = DType::f32;
  bool time_steps = false;   // in one more repeat, which the speeds do not count
};

// Feeds `batch` prompts of random tokens, to an encoder-decoder as sources, and decodes greedily. One more repeat runs first and is not counted.
GenerationSpeed measure_generation(Model& model, ThreadPool& pool, const SpeedOptions& options);

struct EncodingSpeed {
  double tokens_per_second = 0, texts_per_second = 0;                   // medians over the repeats
  int64_t peak_bytes = 0, mapped_bytes = 0, program_bytes = 0;          // as above, and with what all texts become
  std::vector<PhaseTimes> phases = {};
};

// Reads all texts to their hidden states, without padding, as many in a run as 512 tokens, or the longest, allow.
EncodingSpeed measure_encoding(Model& model, ThreadPool& pool, std::vector<TokenSequence> texts, const SpeedOptions& options);
// `batch` texts of `prompt_tokens` random tokens.
std::vector<TokenSequence> random_texts(const Model& model, const SpeedOptions& options);

struct TokenizerSpeed {
  double ids = 0, offsets = 0, decode = 0;          // megabytes (10^6) of text a second: best of the repeats
  double latency_p50_us = 0, latency_p99_us = 0;    // of one text
  int64_t tokens = 0, bytes = 0;
};

// Encodes and decodes all texts, `repeat` times each; the pool's threads share them out.
TokenizerSpeed measure_tokenizer(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t repeat, ThreadPool& pool);

// The value below which `share` of the samples lie (nearest rank); 0 without samples.
double percentile(std::vector<double> samples, double share);

}  // namespace orrery
