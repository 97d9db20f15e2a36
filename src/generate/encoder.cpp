#include "generate/encoder.h"

#include <algorithm>

namespace orrery {

void check_ids(const Config& config, std::span<const int32_t> ids, int64_t position, const std::string& where) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= config.vocab_size)
      throw Error{ErrorKind::out_of_range,
                  "token id " + std::to_string(ids[i]) + " at position " + std::to_string(position + int64_t(i)) + ": the model knows 0 to " +
                      std::to_string(config.vocab_size - 1),
                  where};
}

std::shared_ptr<const Plan> Encoder::compiled(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options) {
  Graph graph = model.graph({.kv_dtype = options.kv_dtype, .sites = options.sites});
  if (!graph.outputs.contains(output))
    throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " has no " + output, model.folder().string()};
  std::erase_if(graph.outputs, [&](const auto& other) { return other.first != output; });
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", options.max_rows}, {"tokens.sequences", options.max_sequences}};
  compile_options.max_positions = std::min(options.max_rows, model.config().max_positions);
  return compile(std::move(graph), model.weights(), compile_options, &pool);
}

Encoder::Encoder(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options)
    : model_(&model), output_(output), options_(options), run_(compiled(model, pool, output, options), pool) {
  const Graph& graph = run_.plan().graph();
  const Dims& dims = graph.values[size_t(graph.outputs.at(output))].dims;
  per_token_ = graph.symbols[size_t(dims[0].symbol)] == "tokens";
  width_ = dims[1].factor;
  ids_.reserve(size_t(options.max_rows));
  types_.reserve(size_t(options.max_rows));
}

void check_sequence(const Model& model, const TokenSequence& sequence, int64_t limit) {
  const Config& config = model.config();
  const std::string where = model.folder().string();
  const int64_t count = int64_t(sequence.ids.size());
  if (count == 0) throw Error{ErrorKind::bad_usage, "the text has no tokens", where};
  if (count > limit)
    throw Error{ErrorKind::out_of_range,
                std::to_string(count) + " tokens are more than the " + std::to_string(limit) +
                    (limit == config.max_positions ? " positions of the model" : " that a run has room for"),
                where, "shorten the text"};
  check_ids(config, sequence.ids, 0, where);
  if (!sequence.type_ids.empty() && sequence.type_ids.size() != sequence.ids.size())
    throw Error{ErrorKind::bad_usage, std::to_string(sequence.type_ids.size()) + " token types for " + std::to_string(count) + " tokens", where};
  for (const int32_t type : sequence.type_ids)
    if (type < 0 || (config.type_vocab_size > 0 && type >= config.type_vocab_size))
      throw Error{ErrorKind::out_of_range, "token type " + std::to_string(type) + " of a model that has " + std::to_string(config.type_vocab_size), where};
}

std::vector<Tensor> Encoder::run(std::span<const TokenSequence> sequences) {
  for (const TokenSequence& sequence : sequences) check_sequence(*model_, sequence, std::min(options_.max_rows, model_->config().max_positions));
  std::vector<Tensor> results;
  for (size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    Rows& rows = run_.rows("tokens");
    rows.count = 0;
    rows.sequences.clear();
    ids_.clear();
    types_.clear();
    for (; end < sequences.size() && int64_t(end - begin) < options_.max_sequences; ++end) {
      const TokenSequence& sequence = sequences[end];
      if (rows.count + int64_t(sequence.ids.size()) > options_.max_rows) break;
      rows.append(int64_t(sequence.ids.size()), 0, uint32_t(end));
      ids_.insert(ids_.end(), sequence.ids.begin(), sequence.ids.end());
      types_.insert(types_.end(), sequence.type_ids.begin(), sequence.type_ids.end());
      types_.resize(ids_.size(), 0);
    }
    run_.input("ids", ids_.data());
    run_.input("type_ids", types_.data());
    run_.run({.interventions = &options_.interventions});
    const float* output = run_.output<float>(output_);     // [tokens or sequences, width]
    for (size_t i = begin; i < end; ++i) {
      const SequenceRows& at = rows.sequences[i - begin];
      const int64_t first = per_token_ ? at.begin : int64_t(i - begin), count = per_token_ ? at.count : 1;
      results.push_back(Tensor::from(std::span(output + first * width_, size_t(count * width_)), {count, width_}));
    }
  }
  return results;
}

}  // namespace orrery
