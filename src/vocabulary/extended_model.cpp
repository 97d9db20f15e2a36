#include "vocabulary/extended_model.h"

#include <algorithm>
#include <cstring>
#include <span>

namespace orrery {

namespace {

constexpr std::string_view kEmbeddings[] = {"embed_tokens.weight", "wte.weight", "word_embeddings.weight", "shared.weight", "embed_in.weight", "tok_embeddings.weight", "embedding.weight"};
constexpr std::string_view kOutputs[] = {"lm_head.weight", "lm_head.bias", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "cls.predictions.bias", "embed_out.weight", "final_logits_bias", "output.weight"};

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return name == ending || (name.size() > ending.size() && name.ends_with(ending) && name[name.size() - ending.size() - 1] == '.');
  });
}

// Rows [rows, width]: the old ones bit for bit, a new one as the mean of its parts, in double.
Tensor extended(const Tensor& old, int64_t rows, int64_t size, const std::vector<NewToken>& tokens) {
  const bool row_vector = old.rank() == 2 && old.dim(0) == 1 && old.dim(1) == rows;   // a bias with an axis before it
  const int64_t width = row_vector ? 1 : old.numel() / std::max<int64_t>(rows, 1);
  std::vector<int64_t> shape = old.shape();
  shape[row_vector ? 1 : 0] = size;
  Tensor grown = Tensor::zeros(old.dtype(), shape);
  std::byte* bytes = grown.mutable_raw();
  const int64_t element = size_of(old.dtype());
  std::memcpy(bytes, old.raw(), old.bytes());
  std::vector<float> row(static_cast<size_t>(width));
  std::vector<double> sum(static_cast<size_t>(width));
  for (const NewToken& token : tokens) {
    std::fill(sum.begin(), sum.end(), 0);
    for (const int32_t part : token.parts) {
      convert(bytes + part * width * element, old.dtype(), row.data(), DType::f32, width);
      for (size_t i = 0; i < row.size(); i++) sum[i] += static_cast<double>(row[i]);
    }
    for (size_t i = 0; i < row.size(); i++) row[i] = static_cast<float>(sum[i] / static_cast<double>(token.parts.size()));
    convert(row.data(), DType::f32, bytes + token.id * width * element, old.dtype(), width);
  }
  return grown;
}

}  // namespace

int64_t read_embedding(const Checkpoint& checkpoint, std::vector<float>& rows) {
  for (const std::string& name : checkpoint.names()) {
    if (!ends_with_any(name, kEmbeddings)) continue;
    const Result<Tensor> tensor = checkpoint.tensor(name);
    if (!tensor || tensor->rank() != 2) continue;
    const Tensor floats = tensor->to(DType::f32);
    rows.assign(floats.data<float>(), floats.data<float>() + floats.numel());
    checkpoint.release(name);
    return floats.dim(1);
  }
  return 0;
}

Result<ExtendedModel> extend_model(const Checkpoint& checkpoint, const std::vector<NewToken>& tokens) {
  const Json& config = checkpoint.config();
  if (!config.contains("vocab_size") || !config["vocab_size"].is_number_integer())
    return Error{ErrorKind::unsupported, "config.json has no vocab_size", checkpoint.config_path()};
  const auto old_size = config["vocab_size"].get<int64_t>();
  ExtendedModel made;
  made.vocab_size = std::max(old_size, tokens.empty() ? 0 : int64_t{tokens.back().id} + 1);
  made.contents.config = config;
  made.contents.config["vocab_size"] = made.vocab_size;
  made.contents.generation_config = checkpoint.generation_config();
  for (const std::string& name : checkpoint.names()) {
    Tensor tensor = checkpoint.tensor(name).value();
    const bool is_vocabulary = ends_with_any(name, kEmbeddings) || ends_with_any(name, kOutputs);
    const bool has_rows = tensor.rank() >= 1 && (tensor.dim(0) == old_size || (tensor.rank() == 2 && tensor.dim(0) == 1 && tensor.dim(1) == old_size));
    if (is_vocabulary && has_rows) {
      tensor = extended(tensor, old_size, made.vocab_size, tokens);
      made.tensors.push_back(name);
    }
    made.contents.tensors.emplace_back(name, std::move(tensor));
  }
  if (made.tensors.empty())
    return Error{ErrorKind::unsupported, "no tensor of the checkpoint is known as an embedding of " + std::to_string(old_size) + " tokens", checkpoint.folder().string()};
  made.rows_added = made.vocab_size - old_size;
  return made;
}

}  // namespace orrery
