#include "generate/generator.h"

#include <algorithm>
#include <chrono>

#include "generate/encoder.h"
#include "generate/stop_strings.h"
#include "tokenize/check_vocabulary.h"

namespace orrery {

using Clock = std::chrono::steady_clock;

const char* name_of(FinishReason reason) { return reason == FinishReason::stop ? "stop" : "length"; }

std::vector<int32_t> start_of_text(const Config& config, const Tokenizer* tokenizer) {
  if (tokenizer && tokenizer->bos_id()) return {*tokenizer->bos_id()};
  if (config.bos_id) return {*config.bos_id};
  throw Error{ErrorKind::bad_usage, "the prompt is empty and the model has no beginning-of-text token to start from", config.model_type,
              "give a prompt"};
}

std::vector<int32_t> end_of_text(const Model& model, const Tokenizer* tokenizer) {
  std::vector<int32_t> ids;
  const auto add_id = [&](int64_t id, const char* file) {
    if (id >= model.config().vocab_size)
      throw Error{ErrorKind::bad_file, "eos_token_id " + std::to_string(id) + " is not below vocab_size " + std::to_string(model.config().vocab_size), (model.folder() / file).string()};
    if (id >= 0) ids.push_back(int32_t(id));
  };
  const auto add = [&](const Json& id) {
    if (id.is_number_integer()) add_id(id.get<int64_t>(), "generation_config.json");
  };
  if (const Json& file = model.generation_config(); file.is_object())
    if (const auto found = file.find("eos_token_id"); found != file.end()) {
      if (found->is_array()) std::for_each(found->begin(), found->end(), add);
      else add(*found);
    }
  if (ids.empty())
    for (const int32_t id : model.config().eos_ids) add_id(id, "config.json");
  if (ids.empty() && tokenizer && tokenizer->eos_id()) ids.push_back(*tokenizer->eos_id());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// A prompt that is being continued.
struct Generator::Active {
  size_t index = 0;
  uint32_t sequence = 0;
  CacheSequence source, cache;         // source: of an encoder-decoder
  std::vector<int32_t> ids;            // prompt (of an encoder-decoder: the start) and continuation
  size_t fed = 0;                      // how many of them the engine has
  int64_t allowed = 0;                 // new tokens
  std::optional<DecodeStream> stream;
  StopStrings stop;
  Clock::time_point start;
  Generation made;
};

Generator::Generator(Engine& engine, const Tokenizer* tokenizer, GenerationConfig config, std::optional<int64_t> log_probs)
    : engine_(&engine), tokenizer_(tokenizer), config_(std::move(config)), log_probs_(log_probs) {
  if (tokenizer) check_vocabulary(*tokenizer, engine.vocab_size(), engine.model().folder().string());
  if (!tokenizer && !config_.stop_strings.empty())
    throw Error{ErrorKind::bad_usage, "stop strings need a tokenizer, and the model has none", engine.model().folder().string()};
}

void Generator::prepare(std::vector<Prompt>& prompts) const {
  for (size_t i = 0; i < prompts.size(); ++i) {
    const bool source = engine_->model().config().encoder_decoder;
    if (prompts[i].ids.empty() && !source) prompts[i].ids = start_of_text(engine_->model().config(), tokenizer_);
    try {
      if (source) engine_->check_source(prompts[i].ids);
      else engine_->check(prompts[i].ids, 0);
    } catch (Error& error) {
      if (prompts.size() > 1) error.where += (error.where.empty() ? "prompt " : ", prompt ") + std::to_string(i + 1);
      throw;
    }
  }
}

// Chooses the next token of a text; false when it was the last.
bool Generator::take(Active& text, std::span<const float> logits, const GeneratorEvents& events) {
  Choice told;
  const int32_t id = choose(config_, candidates_, logits, {.history = text.ids, .generated = int64_t(text.made.ids.size()), .end_ids = config_.end_ids}, text.sequence,
                            events.choice ? &told : nullptr);
  if (events.choice) events.choice(text.index, told, logits);
  text.ids.push_back(id);
  Generation& made = text.made;
  made.ids.push_back(id);
  if (log_probs_) made.log_probs.push_back(log_probs(logits, id, *log_probs_));
  std::string piece = text.stream ? text.stop.push(text.stream->push(id)) : std::string();
  const bool ended = !config_.ignore_eos && std::find(config_.end_ids.begin(), config_.end_ids.end(), id) != config_.end_ids.end();
  const bool last = ended || text.stop.found() || int64_t(made.ids.size()) >= text.allowed;
  if (last) {
    if (text.stream && !text.stop.found()) {
      piece += text.stop.push(text.stream->finish());
      if (!text.stop.found()) piece += text.stop.finish();
    }
    made.finish_reason = ended || text.stop.found() ? FinishReason::stop : FinishReason::length;
    made.seconds = std::chrono::duration<double>(Clock::now() - text.start).count();
  }
  made.text += piece;
  if (events.piece) events.piece({text.index, id, piece, log_probs_ ? &made.log_probs.back() : nullptr});
  return !last;
}

std::vector<Generation> Generator::run(std::vector<Prompt> prompts, const GeneratorEvents& events) {
  prepare(prompts);
  std::vector<Generation> results(prompts.size());
  std::vector<std::unique_ptr<Active>> active;
  std::vector<Feed> feeds;
  const auto finish = [&](Active& text) {
    results[text.index] = std::move(text.made);
    if (events.finished) events.finished(text.index, results[text.index]);
  };
  const auto source_of = [](const Active& text) { return text.source.cache ? &text.source : nullptr; };
  for (size_t next = 0; next < prompts.size() || !active.empty();) {
    while (next < prompts.size() && int64_t(active.size()) < engine_->max_batch()) {
      auto text = std::make_unique<Active>();
      text->index = next;
      text->sequence = prompts[next].sequence;
      text->made.prompt_tokens = int64_t(prompts[next].ids.size());
      std::vector<int32_t> source;
      if (engine_->model().config().encoder_decoder) {
        source = std::move(prompts[next].ids);
        text->ids = {decoder_start(engine_->model())};
      } else {
        text->ids = std::move(prompts[next].ids);
      }
      text->allowed = config_.new_tokens(int64_t(text->ids.size()), engine_->max_positions());
      text->start = Clock::now();
      ++next;
      if (text->allowed == 0) {
        finish(*text);
        continue;
      }
      text->cache = engine_->sequence();
      if (!source.empty()) text->source = engine_->encode(source, uint32_t(text->index), events.stop);
      if (tokenizer_) {
        text->stream.emplace(*tokenizer_, /*skip_special=*/true);
        if (source.empty())
          for (const int32_t id : text->ids) text->stream->push(id);   // what was shown decides about the first space
        text->stop = StopStrings(config_.stop_strings);
      }
      text->ids.reserve(text->ids.size() + size_t(text->allowed));
      text->made.ids.reserve(size_t(text->allowed));
      active.push_back(std::move(text));
    }
    if (active.empty()) break;
    feeds.clear();
    for (const auto& text : active) feeds.push_back({&text->cache, std::span<const int32_t>(text->ids).subspan(text->fed), uint32_t(text->index), source_of(*text)});
    const float* logits = engine_->forward(feeds, events.stop);     // [active, vocab]
    for (size_t i = 0; i < active.size(); ++i) {
      Active& text = *active[i];
      text.fed = text.ids.size();
      if (take(text, {logits + int64_t(i) * engine_->vocab_size(), size_t(engine_->vocab_size())}, events)) continue;
      finish(text);
      active[i].reset();
    }
    std::erase(active, nullptr);
  }
  return results;
}

}  // namespace orrery
