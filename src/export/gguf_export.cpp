#include "export/gguf_export.h"

#include <algorithm>
#include <map>

#include "base/file.h"
#include "export/gguf_parts.h"
#include "tokenize/convert.h"

namespace orrery {

namespace {

// llama.cpp's number for what most matrices are stored as.
uint32_t file_type(const Model& model, const std::optional<GgufQuantisation>& quantisation) {
  static const std::map<std::string, uint32_t> kNumbers = {{"f32", 0},  {"f16", 1},  {"q4_0", 2}, {"q4_1", 3},    {"q8_0", 7}, {"q5_0", 8},    {"q5_1", 9},
                                                           {"q4_k", 14}, {"q4_k_m", 15}, {"q5_k", 16}, {"q5_k_m", 17}, {"q6_k", 18}, {"bf16", 32}};
  if (quantisation) return kNumbers.at(quantisation->name);
  for (const auto& [name, weight] : model.weights().all())
    if (weight.shape().size() == 2) return kNumbers.at(name_of(weight.value.dtype()));
  return 0;
}

GgufKeys keys_without_tokenizer(const Config& c) {
  GgufKeys keys = {{"tokenizer.ggml.model", std::string("none")}};
  if (c.bos_id) keys.emplace_back("tokenizer.ggml.bos_token_id", uint32_t(*c.bos_id));
  if (!c.eos_ids.empty()) keys.emplace_back("tokenizer.ggml.eos_token_id", uint32_t(c.eos_ids.front()));
  return keys;
}

std::string bytes_of(const std::filesystem::path& file) { return read_file(file).value(); }

// The files of a tokenizer: a tokenizer.json where one can say it.
std::vector<std::pair<std::string, std::string>> tokenizer_bytes(const Tokenizer& tokenizer, const std::filesystem::path& beside) {
  const AtomicDirectory scratch(std::filesystem::path(beside).concat(".tokenizer"));   // never committed
  scratch.ready().value();
  const std::filesystem::path folder = scratch.path() / "files";
  if (!convert_tokenizer(tokenizer, "tokenizer.json", folder)) tokenizer.save(folder).value();
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.emplace_back(entry.path().filename().string(), bytes_of(entry.path()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

ExportReport export_gguf(Model& model, const Tokenizer* tokenizer, const std::filesystem::path& path, const GgufExport& options, ThreadPool& pool) {
  try {
    ExportReport report;
    GgufWriter writer;
    writer.set(gguf_model_keys(model));
    if (!options.name.empty()) writer.set("general.name", options.name);
    writer.set("general.file_type", file_type(model, options.quantisation));
    if (options.quantisation) writer.set("general.quantization_version", uint32_t(2));
    if (tokenizer) writer.set(gguf_vocabulary_keys(*tokenizer, model.config().vocab_size));
    else writer.set(keys_without_tokenizer(model.config()));
    if (tokenizer && !options.chat_template.empty()) writer.set("tokenizer.chat_template", options.chat_template);
    add_gguf_tensors(writer, model, options, pool, report);
    if (const auto divisors = gguf_rope_divisors(model.config()))
      writer.add("rope_freqs.weight", DType::f32, divisors->shape(), [divisors](const GgufWriter::Sink& sink) { sink({reinterpret_cast<const char*>(divisors->raw()), size_t(divisors->bytes())}); });
    report.tensors = writer.tensors();
    writer.write(path, [&](size_t done) { if (options.progress) options.progress(done, report.tensors); }).value();
    report.bytes = std::filesystem::file_size(path);
    return report;
  } catch (Error& error) {
    if (error.where.empty()) error.where = model.folder().string();
    throw;
  }
}

ExportReport export_folder(const Model& model, const Tokenizer* tokenizer, const std::filesystem::path& folder, std::optional<DType> dtype) {
  model.save(folder, dtype, tokenizer ? tokenizer_bytes(*tokenizer, folder) : std::vector<std::pair<std::string, std::string>>{}).value();
  ExportReport report;
  report.tensors = Checkpoint::open(folder).value().names().size();
  for (const auto& entry : std::filesystem::directory_iterator(folder)) report.bytes += entry.file_size();
  return report;
}

}  // namespace orrery
