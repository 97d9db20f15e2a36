#include "checkpoint/gguf_checkpoint.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "checkpoint/gguf_config.h"

namespace orrery {

namespace {

constexpr int64_t kMostExperts = 4096;

// Not a weight here: the divisors of rotary positions, which gguf_config.cpp reads; T5's distances between decoder and encoder, which nobody
// does; and what ranks texts behind BERT's encoder.
bool has_no_place(std::string_view name) { return name == "rope_freqs.weight" || name.ends_with(".cross_attn_rel_b.weight") || name.starts_with("cls."); }

Tensor transposed(const Tensor& from) {
  const int64_t rows = from.dim(0), columns = from.dim(1);
  Tensor to = Tensor::zeros(from.dtype(), {columns, rows});
  const size_t size = size_t(size_of(from.dtype()));
  std::byte* target = to.mutable_raw();
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r, target += size) std::memcpy(target, from.raw() + size_t(r * columns + c) * size, size);
  return to;
}

// Row r of the result is row rotary_row(r) of GGUF's.
Tensor unturned(const Tensor& from, int64_t head_dim) {
  Tensor to = Tensor::zeros(from.dtype(), from.shape());
  const int64_t rows = from.dim(0);
  if (from.numel() == 0) return to;
  const size_t bytes = size_t(from.bytes()) / size_t(rows);
  for (int64_t r = 0; r < rows; ++r) std::memcpy(to.mutable_raw() + size_t(r) * bytes, from.raw() + size_t(rotary_row(r, head_dim, false)) * bytes, bytes);
  return to;
}

std::string numbered(const std::string& name, int64_t expert) {
  const size_t at = name.find('@');
  return name.substr(0, at) + std::to_string(expert) + name.substr(at + 1);
}

}  // namespace

Result<GgufCheckpoint> GgufCheckpoint::open(const std::filesystem::path& path) {
  Result<GgufFile> opened = GgufFile::open(path);
  if (!opened) return opened.error();
  GgufCheckpoint checkpoint;
  checkpoint.file_ = std::make_shared<const GgufFile>(std::move(*opened));
  const GgufFile& file = *checkpoint.file_;
  Result<Json> config = gguf_config(file);
  if (!config) return config.error();
  checkpoint.config_ = std::move(*config);
  checkpoint.head_dim_ = checkpoint.config_.value("head_dim", int64_t(1));
  const GgufNames names = gguf_names(checkpoint.config_["model_type"].get<std::string>(), file.find("enc.blk.0.ffn_gate.weight") != nullptr);
  const uint64_t most = std::filesystem::file_size(path);   // an expert's part has a byte at least
  for (const GgufTensor& tensor : file.tensors())
    if (const auto name = names.from_gguf(tensor.name)) {
      const int64_t rank = int64_t(tensor.shape.size()), rows = rank > 0 ? tensor.shape.front() : 0;
      const bool turns = name->change == GgufChange::rotary;
      const bool wrong = (name->change == GgufChange::transposed && rank != 2 && rank != 1) || (turns && (rank == 0 || checkpoint.head_dim_ <= 0 || checkpoint.head_dim_ % 2 != 0 || rows % checkpoint.head_dim_ != 0)) ||
                         (name->change == GgufChange::experts && (rank != 3 || rows > kMostExperts || checkpoint.infos_.size() + uint64_t(rows) > most));
      if (wrong) return Error{ErrorKind::bad_file, "tensor '" + tensor.name + "' is " + shape_text(tensor.shape) + ", which its place in the model cannot be", path.string()};
      for (int64_t expert = 0; expert < (name->change == GgufChange::experts ? rows : 1); ++expert) checkpoint.add(tensor, *name, expert);
    } else if (!has_no_place(tensor.name)) {
      return Error{ErrorKind::unsupported, "tensor '" + tensor.name + "' is none that this architecture has here", path.string()};
    }
  checkpoint.add_missing_biases();
  return checkpoint;
}

// Of layers' biases a file may hold some: the others are zeros, as long as their weight is high.
void GgufCheckpoint::add_missing_biases() {
  constexpr std::array kOfAttention = {".self_attn.q_proj.weight", ".self_attn.k_proj.weight", ".self_attn.v_proj.weight", ".self_attn.o_proj.weight"};
  constexpr std::array kOfFeedForward = {".mlp.gate_proj.weight", ".mlp.up_proj.weight", ".mlp.down_proj.weight"};
  const auto is_of = [&](const char* said, const auto& parts, const std::string& name) {
    return config_.value(said, false) && std::any_of(parts.begin(), parts.end(), [&](const char* part) { return name.ends_with(part); });
  };
  for (size_t i = 0, weights = infos_.size(); i < weights; ++i) {
    const TensorInfo weight = infos_[i];
    if (weight.begin == weight.end || weight.shape.size() != 2 || !(is_of("attention_bias", kOfAttention, weight.name) || is_of("mlp_bias", kOfFeedForward, weight.name))) continue;
    const std::string bias = weight.name.substr(0, weight.name.rfind('.')) + ".bias";
    if (!index_.emplace(bias, infos_.size()).second) continue;
    infos_.push_back({.name = bias, .dtype = DType::f32, .shape = {weight.shape[0]}, .begin = 0, .end = 0});
    places_.push_back({nullptr, GgufChange::none, 0});
  }
}

void GgufCheckpoint::add(const GgufTensor& tensor, const GgufName& name, int64_t expert) {
  TensorInfo info{.name = name.name, .dtype = DType::f32, .shape = tensor.shape, .begin = tensor.begin, .end = tensor.end};
  if (const DType* dtype = std::get_if<DType>(&tensor.type)) info.dtype = *dtype;
  if (name.change == GgufChange::transposed && info.shape.size() == 2) std::swap(info.shape[0], info.shape[1]);
  if (name.change == GgufChange::experts) {
    const uint64_t bytes = (tensor.end - tensor.begin) / uint64_t(tensor.shape.front());
    info.name = numbered(name.name, expert);
    info.shape.erase(info.shape.begin());
    info.begin = tensor.begin + uint64_t(expert) * bytes;
    info.end = info.begin + bytes;
  }
  if (!index_.emplace(info.name, infos_.size()).second) return;
  infos_.push_back(std::move(info));
  places_.push_back({&tensor, name.change, expert});
}

const TensorInfo* GgufCheckpoint::find(std::string_view name) const {
  const auto entry = index_.find(std::string(name));
  return entry == index_.end() ? nullptr : &infos_[entry->second];
}

// Of experts, the one's part.
GgufTensor GgufCheckpoint::stored(size_t index) const {
  GgufTensor tensor = *places_[index].tensor;
  if (places_[index].change == GgufChange::experts) {
    tensor.shape = infos_[index].shape;
    tensor.begin = infos_[index].begin;
    tensor.end = infos_[index].end;
  }
  return tensor;
}

Result<Tensor> GgufCheckpoint::tensor(std::string_view name) const {
  const auto entry = index_.find(std::string(name));
  if (entry == index_.end()) return Error{ErrorKind::not_found, "there is no tensor '" + std::string(name) + "'", file_->path().string()};
  const Place& place = places_[entry->second];
  if (!place.tensor) return Tensor::zeros(DType::f32, infos_[entry->second].shape);
  const Tensor values = file_->tensor(stored(entry->second));
  if (place.change == GgufChange::transposed && values.rank() == 2) return transposed(values);
  if (place.change == GgufChange::rotary) return unturned(values, head_dim_);
  return values;
}

std::optional<BlockMatrix> GgufCheckpoint::blocks(std::string_view name) const {
  const auto entry = index_.find(std::string(name));
  if (entry == index_.end() || !places_[entry->second].tensor) return std::nullopt;
  const GgufChange change = places_[entry->second].change;
  const GgufTensor tensor = stored(entry->second);
  const BlockFormat* format = std::get_if<BlockFormat>(&tensor.type);
  if (!format || tensor.shape.size() != 2) return std::nullopt;
  BlockMatrix matrix{.format = *format, .rows = tensor.shape[0], .cols = tensor.shape[1], .turned = change == GgufChange::transposed, .bytes = file_->raw(tensor)};
  if (change == GgufChange::rotary)
    for (int64_t r = 0; r < matrix.rows; ++r) matrix.order.push_back(int32_t(rotary_row(r, head_dim_, false)));
  return matrix;
}

void GgufCheckpoint::release(std::string_view name) const {
  if (const TensorInfo* info = find(name)) file_->release(GgufTensor{.name = {}, .type = DType::f32, .shape = {}, .begin = info->begin, .end = info->end});
}

}  // namespace orrery
