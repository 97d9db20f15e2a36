#include "generate/encoder.h"

#include <algorithm>

namespace orrery {

void check_ids(const Config& config, std::span<const int32_t> ids, int64_t position, const std::filesystem::path& where) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= config.vocab_size)
      throw Error{ErrorKind::out_of_range,
                  "token id " + std::to_string(ids[i]) + " at position " + std::to_string(position + int64_t(i)) + ": the model knows 0 to " +
                      std::to_string(config.vocab_size - 1),
                  where.string()};
}

std::shared_ptr<const Plan> Encoder::compiled(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options) {
  Graph graph = model.graph({.kv_dtype = options.kv_dtype, .sites = options.sites});
  if (!graph.outputs.contains(output))
    throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " has no " + output, model.folder().string()};
  std::erase_if(graph.outputs, [&](const auto& other) { return other.first != output; });
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", options.max_rows}, {"tokens.sequences", options.max_sequences}, {"source", options.max_rows}, {"source.sequences", options.max_sequences}};
  compile_options.max_positions = std::min(options.max_rows, model.config().max_positions);
  return compile(std::move(graph), model.weights(), compile_options, &pool);
}

Encoder::Encoder(Model& model, ThreadPool& pool, const std::string& output, const EncoderOptions& options)
    : model_(&model), output_(output), options_(options), run_(compiled(model, pool, output, options), pool) {
  model.weights().keep_packed();
  const Graph& graph = run_.plan().graph();
  const Dims& dims = graph.values[size_t(graph.outputs.at(output))].dims;
  space_ = graph.symbols[size_t(dims[0].symbol)];
  per_token_ = space_ == "tokens" || space_ == "source";
  width_ = dims[1].factor;
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
  if (config.encoder_decoder) {
    if (sequence.source.empty()) throw Error{ErrorKind::bad_usage, "there is no text for the encoder to read", where};
    if (int64_t(sequence.source.size()) > limit)
      throw Error{ErrorKind::out_of_range, std::to_string(sequence.source.size()) + " tokens are more than the " + std::to_string(limit) + " that the encoder has room for", where, "shorten the text"};
    check_ids(config, sequence.source, 0, where);
  }
  for (const int32_t type : sequence.type_ids)
    if (type < 0 || (config.type_vocab_size > 0 && type >= config.type_vocab_size))
      throw Error{ErrorKind::out_of_range, "token type " + std::to_string(type) + " of a model that has " + std::to_string(config.type_vocab_size), where};
}

TokenSequence text_for(const Model& model, std::vector<int32_t> ids) {
  if (!model.config().encoder_decoder) return {.ids = std::move(ids)};
  return {.ids = {decoder_start(model)}, .source = std::move(ids)};
}

size_t SequenceBatch::fill(std::span<const TokenSequence> sequences, size_t begin, int64_t max_rows, int64_t max_sequences, Workspace& run) {
  const bool sources = run.plan().graph().find_symbol("source") >= 0;
  Rows none;
  Rows& rows = run.rows("tokens");
  Rows& source = sources ? run.rows("source") : none;
  rows = source = {};
  ids_.clear();
  types_.clear();
  source_.clear();
  size_t end = begin;
  for (; end < sequences.size() && int64_t(end - begin) < max_sequences; ++end) {
    const TokenSequence& sequence = sequences[end];
    if (rows.count + int64_t(sequence.ids.size()) > max_rows || source.count + int64_t(sequence.source.size()) > max_rows) break;
    rows.append(int64_t(sequence.ids.size()), 0, uint32_t(end));
    ids_.insert(ids_.end(), sequence.ids.begin(), sequence.ids.end());
    types_.insert(types_.end(), sequence.type_ids.begin(), sequence.type_ids.end());
    types_.resize(ids_.size(), 0);
    source.append(int64_t(sequence.source.size()), 0, uint32_t(end));
    source_.insert(source_.end(), sequence.source.begin(), sequence.source.end());
  }
  run.input("ids", ids_.data());
  run.input("type_ids", types_.data());
  run.input("source.ids", source_.data());
  return end;
}

std::vector<Tensor> Encoder::run(std::span<const TokenSequence> sequences) {
  for (const TokenSequence& sequence : sequences) check_sequence(*model_, sequence, std::min(options_.max_rows, model_->config().max_positions));
  std::vector<Tensor> results;
  for (size_t begin = 0, end = 0; begin < sequences.size(); begin = end) {
    end = batch_.fill(sequences, begin, options_.max_rows, options_.max_sequences, run_);
    run_.run({.interventions = &options_.interventions});
    const float* output = run_.output<float>(output_);     // [tokens or sequences, width]
    for (size_t i = begin; i < end; ++i) {
      const SequenceRows& at = run_.rows(per_token_ ? space_ : "tokens").sequences[i - begin];
      const int64_t first = per_token_ ? at.begin : int64_t(i - begin), count = per_token_ ? at.count : 1;
      results.push_back(Tensor::from(std::span(output + first * width_, size_t(count * width_)), {count, width_}));
    }
  }
  return results;
}

}  // namespace orrery
