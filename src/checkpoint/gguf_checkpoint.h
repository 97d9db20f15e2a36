// The tensors of a GGUF file under the names and in the layout of Hugging Face's files.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/safetensors.h"
#include "tensor/block_matrix.h"

namespace orrery {

class GgufCheckpoint {
 public:
  static Result<GgufCheckpoint> open(const std::filesystem::path& path);

  const Json& config() const { return config_; }
  const std::vector<TensorInfo>& tensors() const { return infos_; }   // blocks count as f32
  const TensorInfo* find(std::string_view name) const;                // nullptr where there is none
  // Blocks as f32. A view of the mapped file where neither type nor layout change.
  Result<Tensor> tensor(std::string_view name) const;
  // A matrix's own blocks, in the mapped file; nothing where it has none.
  std::optional<BlockMatrix> blocks(std::string_view name) const;
  void release(std::string_view name) const;

 private:
  struct Place {
    const GgufTensor* tensor = nullptr;   // null: zeros
    GgufChange change = GgufChange::none;
    int64_t expert = 0;
  };
  void add(const GgufTensor& tensor, const GgufName& name, int64_t expert);
  void add_missing_biases();
  GgufTensor stored(size_t index) const;

  std::shared_ptr<const GgufFile> file_;
  Json config_;
  int64_t head_dim_ = 1;
  std::vector<TensorInfo> infos_;
  std::vector<Place> places_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace orrery
