#include "train/evaluate.h"

#include <algorithm>
#include <cmath>

#include "train/gradients.h"

namespace orrery {

namespace {

struct Scored {
  double loss = 0;
  bool right = true;
};

// -log softmax(logits)[label], and whether the label is the likeliest class.
Scored score(const float* logits, int64_t classes, int32_t label) {
  const int64_t best = std::max_element(logits, logits + classes) - logits;
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += std::exp(double(logits[c]) - double(logits[best]));
  return {double(logits[best]) + std::log(sum) - double(logits[label]), best == label};
}

}  // namespace

Evaluation evaluate(Model& model, const Documents& documents, BatchOptions options, ThreadPool& pool) {
  options.shuffle = false;
  // Greedy text is the target just where each label is the likeliest after the right beginning.
  const bool exactly = options.objective == Objective::token || options.objective == Objective::seq2seq;
  CompileOptions compile_options;
  const int64_t rows = options.batch * options.seq;
  compile_options.capacity = {{"tokens", rows}, {"tokens.sequences", rows}, {"source", rows}, {"source.sequences", rows}, {"keys", options.seq}};
  compile_options.pack_weights = false;
  compile_options.max_positions = options.seq;
  Workspace run(compile(model.graph({.loss = !exactly}), model.weights(), compile_options, &pool), pool);
  Batches batches(documents, options, &pool);
  Evaluation result;
  double sum = 0;
  int64_t exact = 0;
  Cursor cursor;
  for (Batch batch; cursor.document < documents.count() && batches.next_of_epoch(cursor, batch);) {
    bind_batch(run, batch);
    run.run();
    result.targets += batch.targets;
    if (!exactly) {
      const float* losses = run.output<float>("losses");
      for (int64_t r = 0; r < batch.rows(); ++r) sum += double(losses[r]);
      continue;
    }
    const float* logits = run.output<float>("logits");
    const int64_t classes = run.output_shape("logits")[1];
    int64_t row = 0;
    for (const int64_t count : batch.counts) {
      bool right = true;
      for (const int64_t end = row + count; row < end; ++row) {
        const int32_t label = batch.labels[size_t(row)];
        if (label < 0) continue;
        if (label >= classes) throw Error{ErrorKind::out_of_range, "label " + std::to_string(label) + " is outside the " + std::to_string(classes) + " classes", "evaluation data"};
        const Scored scored = score(logits + row * classes, classes, label);
        sum += scored.loss;
        right = right && scored.right;
      }
      exact += right;
    }
  }
  result.documents = int64_t(documents.count());
  result.loss = sum / double(std::max<int64_t>(1, result.targets));
  if (exactly) result.exact = double(exact) / double(std::max<int64_t>(1, result.documents));
  return result;
}

}  // namespace orrery
