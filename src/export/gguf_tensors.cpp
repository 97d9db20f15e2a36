// Weights on their way into a GGUF file: renamed, laid out, and stored as asked for, some rows at a time.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>

#include "checkpoint/gguf_names.h"
#include "export/gguf_parts.h"

namespace orrery {

namespace {

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return name.ends_with(ending); });
}

// The layer of "blk.7.ffn_down.weight"; -1 for none.
int64_t layer_of(const std::string& name) {
  const size_t at = name.find("blk.");
  return at == std::string::npos ? -1 : std::atoll(name.c_str() + at + 4);
}

// llama.cpp's _M mixes: the first and last eighth of the layers, and every third between, have more bits.
bool has_more_bits(int64_t layer, int64_t layers) { return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2; }

BlockFormat mixed_format(const std::string& name, BlockFormat usual, const Config& c) {
  const bool is_output = name == "output.weight" || (name == "token_embd.weight" && c.tied);
  if (is_output) return BlockFormat::q6_k;
  const bool more = has_more_bits(layer_of(name), c.num_layers);
  if (name.ends_with("attn_v.weight") && c.num_experts == 8) return BlockFormat::q8_0;
  if (name.ends_with("attn_qkv.weight")) return usual == BlockFormat::q4_k ? BlockFormat::q5_k : BlockFormat::q6_k;
  if ((name.ends_with("attn_v.weight") || name.ends_with("ffn_down.weight") || name.ends_with("ffn_down_exps.weight")) && more) return BlockFormat::q6_k;
  return usual;
}

// The next wider format whose blocks fill rows of this length.
GgufType fitting(BlockFormat format, int64_t row) {
  if (row % values_per_block(format) == 0) return format;
  if (row % 32 != 0) return DType::f16;
  return format == BlockFormat::q4_k ? BlockFormat::q5_0 : format == BlockFormat::q5_k ? BlockFormat::q5_1 : BlockFormat::q8_0;
}

// One tensor of the file: a matrix, or one for each expert, whose rows are asked for in GGUF's order.
struct Source {
  std::vector<Weight*> parts;
  GgufChange change = GgufChange::none;
  int64_t head_dim = 1;

  DType dtype() const { return parts.front()->value.dtype(); }   // of blocks f32
  std::vector<int64_t> own_shape() const { return parts.front()->shape(); }
  bool turned_over() const { return change == GgufChange::transposed && own_shape().size() == 2; }
  std::vector<int64_t> shape() const {
    std::vector<int64_t> shape = own_shape();
    if (turned_over()) std::swap(shape[0], shape[1]);
    if (change == GgufChange::experts) shape.insert(shape.begin(), int64_t(parts.size()));
    return shape;
  }
  bool turns() const { return change == GgufChange::rotary; }
  int64_t row_length() const { return own_shape().empty() || (own_shape().size() == 1 && turns()) ? 1 : shape().back(); }
  int64_t rows_each() const { return row_length() == 0 ? 0 : *checked_numel(own_shape()) / row_length(); }
  int64_t rows() const { return int64_t(parts.size()) * rows_each(); }

  void read(int64_t row, float* out) const {
    const int64_t length = row_length(), each = rows_each();
    const Weight& weight = *parts[size_t(row / each)];
    const Tensor& part = weight.value;
    row %= each;
    if (weight.stored) return dequantise(weight.stored->format, weight.stored->row(turns() ? rotary_row(row, head_dim, true) : row), out, length);
    const size_t size = size_t(size_of(part.dtype()));
    if (turned_over()) {
      for (int64_t i = 0; i < length; ++i) convert(part.raw() + size_t(i * part.dim(1) + row) * size, part.dtype(), out + i, DType::f32, 1);
      return;
    }
    if (turns()) row = rotary_row(row, head_dim, true);
    convert(part.raw() + size_t(row * length) * size, part.dtype(), out, DType::f32, length);
  }
};

// Rows are read, stored and handed on some megabytes at a time.
void write_rows(const Source& source, const std::string& name, const GgufType& type, const GgufWriter::Sink& sink, ThreadPool& pool) {
  constexpr int64_t kChunkValues = 4 << 20;
  const int64_t length = source.row_length(), rows = source.rows();
  if (rows == 0) return;
  const uint64_t row_bytes = gguf_bytes(type, length);
  const int64_t chunk = std::clamp<int64_t>(kChunkValues / length, 1, rows);
  std::vector<std::byte> bytes(size_t(chunk) * size_t(row_bytes));
  std::vector<std::vector<float>> scratch(size_t(pool.num_threads()), std::vector<float>(size_t(length)));
  std::atomic<bool> finite{true};
  const int64_t group = std::max<int64_t>(1, 4096 / length);   // rows of a task
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t end = std::min(begin + chunk, rows);
    pool.parallel((end - begin + group - 1) / group, [&](int64_t task, int thread) {
      float* values = scratch[size_t(thread)].data();
      for (int64_t row = begin + task * group; row < std::min(begin + (task + 1) * group, end); ++row) {
        std::byte* out = bytes.data() + size_t(row - begin) * size_t(row_bytes);
        source.read(row, values);
        if (const BlockFormat* format = std::get_if<BlockFormat>(&type)) {
          for (int64_t i = 0; i < length; ++i)
            if (!std::isfinite(values[i])) finite = false;
          quantise(*format, values, out, length);
        } else {
          convert(values, DType::f32, out, std::get<DType>(type), length);
        }
      }
    });
    if (!finite) throw Error{ErrorKind::unsupported, "tensor '" + name + "' has values that are no finite numbers, which " + name_of(type) + " cannot hold", ""};
    sink({reinterpret_cast<const char*>(bytes.data()), size_t(end - begin) * size_t(row_bytes)});
  }
}

// By their names in the file, in its order: what all layers share, then layer by layer.
using Sources = std::map<std::pair<int64_t, std::string>, Source>;

Sources sources_of(Model& model, ExportReport& report) {
  const Config& c = model.config();
  const GgufNames names = gguf_names(c.model_type, c.gated_mlp);
  Sources sources;
  for (auto& [ours, weight] : model.weights().all()) {
    const auto there = names.to_gguf(ours);
    if (!there) {
      report.left_out.push_back(ours);
      continue;
    }
    Source& source = sources[{layer_of(there->name), there->name}];
    source.change = there->change;
    source.head_dim = c.head_dim;
    if (source.parts.size() <= size_t(there->expert)) source.parts.resize(size_t(there->expert) + 1);
    source.parts[size_t(there->expert)] = &weight;
  }
  return sources;
}

}  // namespace

std::optional<GgufQuantisation> gguf_quantisation(std::string_view name) {
  if (name == "q4_k_m") return GgufQuantisation{"q4_k_m", BlockFormat::q4_k, true};
  if (name == "q5_k_m") return GgufQuantisation{"q5_k_m", BlockFormat::q5_k, true};
  if (const auto format = block_format_named(name)) return GgufQuantisation{std::string(name), *format, false};
  return std::nullopt;
}

GgufType gguf_stored_type(const std::string& name, const std::vector<int64_t>& shape, DType held, const std::optional<GgufQuantisation>& quantisation, const Config& config) {
  // Small, and read one by one: llama.cpp keeps them in full.
  if (shape.size() < 2 || ends_with_any(name, {"position_embd.weight", "token_types.weight", "ffn_gate_inp.weight", "attn_rel_b.weight"})) return DType::f32;
  if (!quantisation) return held;
  return fitting(quantisation->mixed ? mixed_format(name, quantisation->format, config) : quantisation->format, shape.back());
}

void add_gguf_tensors(GgufWriter& writer, Model& model, const GgufExport& options, ThreadPool& pool, ExportReport& report) {
  for (auto& [key, source] : sources_of(model, report)) {
    const std::string& name = key.second;
    const std::vector<int64_t> shape = source.shape();
    const GgufType type = gguf_stored_type(name, shape, source.dtype(), options.quantisation, model.config());
    if (options.quantisation && shape.size() >= 2 && shape.back() % values_per_block(options.quantisation->format) != 0 && type != GgufType(DType::f32)) report.wider.push_back(name);
    writer.add(name, type, shape, [source = source, name, type, &pool](const GgufWriter::Sink& sink) {
      write_rows(source, name, type, sink, pool);
      for (const Weight* part : source.parts)
        if (part->release) part->release();
    });
  }
}

}  // namespace orrery
