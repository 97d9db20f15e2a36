// How well a model does on held-out documents: the mean loss over scored labels, and for the objectives token and seq2seq
// the share of documents whose labels are all right.
#pragma once

#include <optional>

#include "models/model.h"
#include "train/batches.h"

namespace orrery {

struct Evaluation {
  double loss = 0;                  // nats per scored label
  int64_t targets = 0, documents = 0;
  std::optional<double> exact;      // that share
};

// Reads every document once, in order. The plan lives only as long as this call.
Evaluation evaluate(Model& model, const Documents& documents, BatchOptions options, ThreadPool& pool);

}  // namespace orrery
