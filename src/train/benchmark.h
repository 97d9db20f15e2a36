// The speed and the memory of training steps on random tokens: forward, backward and AdamW, without clipping.
#pragma once

#include "base/threads.h"
#include "graph/plan/plan.h"
#include "models/model.h"

namespace orrery {

struct TrainingMemory {
  MemoryReport plan;
  int64_t gradients = 0, optimizer = 0, program = 0;
  int64_t total() const { return plan.total() + gradients + optimizer + program; }
};

struct TrainingSpeed {
  double tokens_per_second = 0, step_ms = 0;   // of the median step
  TrainingMemory memory;                       // as planned, before anything ran
};

struct TrainingBenchmark {
  int64_t batch = 4, seq = 256;                // sequences of a step, and rows of each
  int64_t warmup = 2, steps = 3;
  uint64_t seed = 0;
};

TrainingSpeed measure_training(Model& model, const TrainingBenchmark& options, ThreadPool& pool);

}  // namespace orrery
