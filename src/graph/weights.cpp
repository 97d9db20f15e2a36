#include "graph/weights.h"

#include <cstring>
#include <vector>

#include "base/sha256.h"
#include "kernels/kernels.h"

namespace orrery {

void WeightStore::add(const std::string& name, Weight weight) { weights_[name] = std::move(weight); }

Weight& WeightStore::at(const std::string& name) {
  const auto it = weights_.find(name);
  if (it == weights_.end()) throw Error{ErrorKind::not_found, "the model has no weight '" + name + "'", "weights"};
  return it->second;
}
const Weight& WeightStore::at(const std::string& name) const { return const_cast<WeightStore*>(this)->at(name); }

void WeightStore::changed(const std::string& name) {
  std::lock_guard lock(*mutex_);
  at(name).version++;
  std::erase_if(derived_, [&](const auto& entry) { return entry.first.starts_with(name + " "); });
}

void WeightStore::changed() {
  std::lock_guard lock(*mutex_);
  for (auto& [name, weight] : weights_) weight.version++;
  derived_.clear();
}

Tensor WeightStore::as(const std::string& name, DType dtype) {
  std::lock_guard lock(*mutex_);
  Weight& weight = at(name);
  if (!weight.stored && weight.value.dtype() == dtype) return weight.value;
  Derived& derived = derived_[name + " as " + name_of(dtype)];
  if (derived.version != weight.version) {
    derived = {weight.version, weight.values().to(dtype)};
    if (weight.release) weight.release();
  }
  return derived.tensor;
}

namespace {

// Narrow products (an expert's router, a classifier) gain nothing from blocks.
bool is_rounded(const Weight& weight, int64_t n, int64_t k) { return weight.blocks && k % values_per_block(*weight.blocks) == 0 && n >= kPanel; }
bool is_int8(const Weight& weight, int64_t n, int64_t k) { return weight.int8 && n >= kPanel && k <= kInt8Depth; }
// Blocks of a file lie along the inner dimension of one orientation; the other, which gradients read, has their values.
bool lies_along(const Weight& weight, Orientation orientation) { return weight.stored && weight.stored->turned == (orientation == Orientation::columns); }

}  // namespace

// Products of bf16 have to be asked for, and then are of what blocks say too. A 16-bit weight stays 16-bit in its panels.
PanelFormat WeightStore::format(const Weight& weight, Orientation orientation, int64_t n, int64_t k) const {
  if (products == DType::bf16) return PanelFormat::bf16_pairs;
  if (is_rounded(weight, n, k)) return panels_of(*weight.blocks);
  if (is_int8(weight, n, k)) return PanelFormat::int8;
  if (n >= kPanel && lies_along(weight, orientation)) return panels_of(weight.stored->format);
  const DType from = weight.value.dtype();
  if (from == DType::bf16 && kernels().splits_floats) return PanelFormat::bf16_split;
  return from == DType::bf16 ? PanelFormat::bf16 : from == DType::f16 ? PanelFormat::f16 : PanelFormat::own;
}

namespace {

// Columns of b in blocks, as such or as pairs of bf16 of what they say.
void pack_rows(const std::vector<const std::byte*>& rows, BlockFormat from, int64_t k, PanelFormat to, std::byte* panels) {
  if (is_blocks(to)) return kernels().pack_blocks(rows.data(), from, k, int64_t(rows.size()), panels);
  std::vector<float> values(size_t(std::min(int64_t(rows.size()), kPanel) * k));
  for (size_t begin = 0; begin < rows.size(); begin += kPanel, panels += panel_bytes(to, k)) {
    const size_t end = std::min(begin + kPanel, rows.size());
    for (size_t j = begin; j < end; ++j) dequantise(from, rows[j], values.data() + int64_t(j - begin) * k, k);
    kernels().pack_panels(values.data(), DType::f32, 1, k, k, int64_t(end - begin), panels, to);
  }
}

// Columns [first, first + count) of b, where b[p, j] = source[p * k_stride + j * n_stride], rounded to blocks and packed.
void pack_rounded(const Tensor& weight, BlockFormat format, int64_t k_stride, int64_t n_stride, int64_t k, int64_t first, int64_t count, PanelFormat to, std::byte* panels) {
  const int64_t size = size_of(weight.dtype()), row_bytes = bytes_of(format, k);
  std::vector<std::byte> blocks(size_t(count * row_bytes)), kept(size_t(k * size));
  std::vector<const std::byte*> rows;
  std::vector<float> row(size_t(k), 0.0f);
  for (int64_t j = 0; j < count; ++j) {
    const std::byte* source = weight.raw() + (first + j) * n_stride * size;
    if (k_stride != 1) {
      for (int64_t p = 0; p < k; ++p) std::memcpy(kept.data() + p * size, source + p * k_stride * size, size_t(size));
      source = kept.data();
    }
    convert(source, weight.dtype(), row.data(), DType::f32, k);
    quantise(format, row.data(), blocks.data() + j * row_bytes, k);
    rows.push_back(blocks.data() + j * row_bytes);
  }
  pack_rows(rows, format, k, to, panels);
}

// The same of blocks that are there.
void pack_stored(const BlockMatrix& weight, int64_t first, int64_t count, PanelFormat to, std::byte* panels) {
  std::vector<const std::byte*> rows;
  for (int64_t j = 0; j < count; ++j) rows.push_back(weight.row(first + j));
  pack_rows(rows, weight.format, weight.cols, to, panels);
}

// All panels of a weight for float products.
void pack(const Weight& weight, Orientation orientation, PanelFormat format, std::byte* out, ThreadPool* pool) {
  const bool by_rows = orientation == Orientation::rows;
  const int64_t height = weight.shape()[0], width = weight.shape()[1];
  const int64_t n = by_rows ? height : width, k = by_rows ? width : height;
  const bool of_blocks = is_blocks(format) || format == PanelFormat::bf16_pairs;
  const bool rounded = of_blocks && is_rounded(weight, n, k), along = lies_along(weight, orientation), stored = of_blocks && along && !rounded;
  const Tensor all = along ? weight.value : weight.values();
  constexpr int64_t kGroup = 8 * kPanel;
  const auto pack_group = [&](int64_t group) {
    const int64_t begin = group * kGroup, count = std::min(kGroup, n - begin);
    std::byte* to = out + begin / kPanel * panel_bytes(format, k);
    if (stored) return pack_stored(*weight.stored, begin, count, format, to);
    const Tensor values = along ? weight.stored->row_values(begin, count) : all;   // of blocks that become others, some rows at a time
    const int64_t first = along ? 0 : begin, k_stride = along || by_rows ? 1 : width, n_stride = along ? k : by_rows ? width : 1;
    if (rounded) return pack_rounded(values, *weight.blocks, k_stride, n_stride, k, first, count, format, to);
    kernels().pack_panels(values.raw() + first * n_stride * size_of(values.dtype()), values.dtype(), k_stride, n_stride, k, count, to, format);
  };
  const int64_t groups = (n + kGroup - 1) / kGroup;
  if (pool) pool->parallel(groups, pack_group);
  else
    for (int64_t group = 0; group < groups; ++group) pack_group(group);
}

// How a weight becomes panels, but for its size: rounded to blocks or not.
std::string description(const Weight& weight, Orientation orientation, PanelFormat format, bool rounded) {
  std::string text = std::string(kernels().name) + (orientation == Orientation::rows ? " rows " : " columns ") + std::to_string(int(format)) + " ";
  text += weight.stored ? name_of(weight.stored->format) : name_of(weight.value.dtype());
  if (weight.stored) text += weight.stored->turned ? " turned" : "";
  if (rounded) text += std::string(" rounded to ") + name_of(*weight.blocks);
  return text;
}

// A digest of the panels of a small weight of the same kind: another layout, or other rounding, makes another one.
std::string packing_of_small(const Weight& like, Orientation orientation, PanelFormat format, bool rounded) {
  constexpr int64_t kRows = kPanel + 5, kColumns = 256;
  const bool turned = (like.stored && like.stored->turned) || (!like.stored && orientation == Orientation::columns);
  Weight weight;
  if (like.stored) {
    weight.stored = BlockMatrix{.format = like.stored->format, .rows = kRows, .cols = kColumns, .turned = like.stored->turned};
    weight.stored->bytes = Tensor::zeros(DType::u8, {kRows * weight.stored->row_bytes()});
    for (int64_t i = 0; i < weight.stored->bytes.numel(); ++i) weight.stored->bytes.mutable_data<uint8_t>()[i] = uint8_t((i * 151 + i / 61) % 113);   // no infinities
  } else {
    weight.value = Tensor::zeros(DType::f32, turned ? std::vector{kColumns, kRows} : std::vector{kRows, kColumns});
    for (int64_t i = 0; i < weight.value.numel(); ++i) weight.value.mutable_data<float>()[i] = float(i * 7919 % 10007 - 5003) / 4096;
    weight.value = weight.value.to(like.value.dtype());
  }
  if (rounded) weight.blocks = like.blocks;
  const int64_t n = turned == (orientation == Orientation::columns) ? kRows : kColumns;
  std::vector<std::byte> panels(size_t(packed_bytes(format, n, kRows + kColumns - n)));
  pack(weight, orientation, format, panels.data(), nullptr);
  return sha256({reinterpret_cast<const char*>(panels.data()), panels.size()});
}

// Bytes from places all over the weight: a check that this is still the weight that was packed, where file times do not tell.
std::string samples(const Weight& weight) {
  constexpr int64_t kPlaces = 4, kBytes = 64;
  std::string text;
  const int64_t rows = weight.stored ? weight.stored->rows : weight.value.dim(0), row_bytes = weight.bytes() / std::max<int64_t>(1, rows);
  const int64_t take = std::min(kBytes, row_bytes);
  for (int64_t place = 0; place < kPlaces && rows > 0; ++place) {
    const int64_t row = (rows - 1) * place / (kPlaces - 1), at = (row_bytes - take) * place / (kPlaces - 1);
    const std::byte* bytes = weight.stored ? weight.stored->row(row) : weight.value.raw() + row * row_bytes;
    text.append(reinterpret_cast<const char*>(bytes + at), size_t(take));
  }
  return text;
}

}  // namespace

Panels WeightStore::packed(const std::string& name, Orientation orientation, DType compute, ThreadPool* pool) {
  std::lock_guard lock(*mutex_);
  Weight& weight = at(name);
  const bool by_rows = orientation == Orientation::rows;
  const int64_t height = weight.shape()[0], width = weight.shape()[1];
  const int64_t n = by_rows ? height : width, k = by_rows ? width : height;
  const PanelFormat format = compute == DType::f64 ? PanelFormat::own : this->format(weight, orientation, n, k);
  Derived& derived = derived_[name + (by_rows ? " packed rows " : " packed columns ") + name_of(compute) + " " + std::to_string(int(format))];
  if (derived.version == weight.version) return {derived.tensor, format};
  if (compute == DType::f64) {
    const Tensor wide = weight.values().to(DType::f64);
    Tensor panels = Tensor::zeros(DType::f64, {packed_size(n, k)});
    reference_kernels<double>().pack_panels(wide.raw(), DType::f64, by_rows ? 1 : width, by_rows ? width : 1, k, n, panels.mutable_raw(), format);
    derived = {weight.version, std::move(panels)};
    return {derived.tensor, format};
  }
  const std::string kept = cache && weight.mapped() && weight.version == 1 ? name_in_cache(name, weight, orientation, format) : "";
  if (!kept.empty())
    if (std::optional<Tensor> found = cache->find(kept, format, packed_bytes(format, n, k))) {
      derived = {weight.version, std::move(*found)};
      return {derived.tensor, format};
    }
  Tensor panels = slabs_.zeros(DType::u8, {packed_bytes(format, n, k)});
  pack(weight, orientation, format, panels.mutable_raw(), pool);
  if (!kept.empty()) cache->add(kept, format, panels);
  derived = {weight.version, std::move(panels)};
  if (weight.release) weight.release();
  return {derived.tensor, format};
}

// Name, shape and a digest of what the weight is (its dtype and some of its bytes) and of how it is packed.
std::string WeightStore::name_in_cache(const std::string& name, const Weight& weight, Orientation orientation, PanelFormat format) {
  const bool by_rows = orientation == Orientation::rows, rounded = is_rounded(weight, weight.shape()[by_rows ? 0 : 1], weight.shape()[by_rows ? 1 : 0]);
  const std::string way = description(weight, orientation, format, rounded);
  std::string& layout = layouts_[way];
  if (layout.empty()) layout = packing_of_small(weight, orientation, format, rounded);
  return name + (orientation == Orientation::rows ? " rows " : " columns ") + shape_text(weight.shape()) + " " + hex(sha256(way + layout + samples(weight)).substr(0, 16));
}

void WeightStore::keep_packed() {
  std::lock_guard lock(*mutex_);
  if (cache) cache->write();
  slabs_.trim();
  trim_heap();
}

int64_t WeightStore::parameters() const {
  int64_t count = 0;
  for (const auto& [name, weight] : weights_) count += *checked_numel(weight.shape());
  return count;
}
int64_t WeightStore::canonical_bytes() const {
  int64_t count = 0;
  for (const auto& [name, weight] : weights_) count += weight.bytes();
  return count;
}
int64_t WeightStore::derived_bytes() const {
  int64_t count = 0;
  for (const auto& [name, derived] : derived_) count += int64_t(derived.tensor.bytes());
  return count;
}

}  // namespace orrery
