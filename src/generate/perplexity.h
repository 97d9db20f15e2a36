// Perplexity: exp of the mean cross-entropy of each token given those before it, in nats.
//
//   PerplexityScores scores = perplexity(model, pool, tokenizer, documents, {});
//
// Each document is scored from its own beginning, with a beginning-of-text token in front where the model has one: every
// token after the first is predicted. A document longer than the model's positions is cut there, or, with a stride, read
// through overlapping windows: each window moves by `stride` and scores only tokens that none before it scored.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/model.h"
#include "tokenize/tokenizer.h"

namespace orrery {

struct PerplexityOptions {
  int64_t stride = 0;             // 0: cut documents at max_positions
  int64_t max_positions = 0;      // of a window; 0: as many as the model has, or as are usual
  DType kv_dtype = DType::f32;
};

struct PerplexityScores {
  double loss = 0;                // nats per token
  double perplexity = 0;
  int64_t tokens = 0;             // predicted
  int64_t documents = 0;
  int64_t left_out = 0;           // tokens of documents behind where these were cut
};

// Pieces of `text` between separators, stripped of white space at both ends; empty ones are left out. Without a separator
// the whole text is one document, as it is.
std::vector<std::string> split_documents(const std::string& text, const std::string& separator);

// The ids of a document as they are scored: one beginning-of-text token in front where the model has one.
std::vector<int32_t> document_ids(const Model& model, const Tokenizer& tokenizer, const std::string& text);

// Throws Error where the model is not causal, or nothing is there to predict. progress: documents done.
PerplexityScores perplexity(Model& model, ThreadPool& pool, const std::vector<std::vector<int32_t>>& documents,
                            const PerplexityOptions& options = {}, const std::function<void(int64_t)>& progress = {});

}  // namespace orrery
