// A checkpoint with rows for new tokens: in the embedding and, where they are apart, the output layer and its biases. A new
// row is the mean of the rows of the tokens that it stands for; the old rows keep their bits.
#pragma once

#include <vector>

#include "checkpoint/checkpoint.h"
#include "vocabulary/extension.h"

namespace orrery {

// The rows of the input embedding as floats, and their width; 0 where no tensor of a usual name is there.
int64_t read_embedding(const Checkpoint& checkpoint, std::vector<float>& rows);

struct ExtendedModel {
  CheckpointContents contents;
  int64_t vocab_size = 0, rows_added = 0;   // a file with spare rows may need none
  std::vector<std::string> tensors;         // those that got rows
};

// Tokens must have ids from the tokenizer's old limit on, without a hole.
Result<ExtendedModel> extend_model(const Checkpoint& checkpoint, const std::vector<NewToken>& tokens);

}  // namespace orrery
