#include "generate/generation_config.h"

#include <algorithm>

namespace orrery {

namespace {

// Adds what is described, but not through bind(), which would call itself.
struct OwnOptions {
  template <class... Bound>
  static void add(OptionSet& set, GenerationConfig& config, const Description<Bound...>& about) {
    std::apply([&](const auto&... bound) { (set.append(bound.info, about.help, &(config.*(bound.member)), &config, "Choosing tokens"), ...); },
               about.options);
  }
};

}  // namespace

GenerationConfig& GenerationConfig::operator=(const GenerationConfig& other) {
  if (this == &other) return *this;
  do_sample = other.do_sample;
  max_new_tokens = other.max_new_tokens;
  max_length = other.max_length;
  stop_strings = other.stop_strings;
  ignore_eos = other.ignore_eos;
  seed = other.seed;
  end_ids = other.end_ids;
  samplers_.clear();
  for (const auto& sampler : other.samplers_) samplers_.push_back(sampler->clone());
  return *this;
}

void GenerationConfig::bind(OptionSet& set) {
  OwnOptions::add(set, *this, about);
  for (const auto& sampler : samplers_) sampler->bind(set);
}

Status GenerationConfig::set(const std::string& name, const Json& value) {
  OptionSet mine;
  bind(mine);
  return mine.from_json(Json{{name, value}}, "generation");
}

Status GenerationConfig::read_defaults(const Json& file, const std::string& where, const OptionSet* flags) {
  OptionSet mine;
  bind(mine);
  Json known = Json::object();
  if (file.is_object())
    for (const auto& [key, value] : file.items()) {
      if (value.is_null() || !mine.find(key) || (flags && flags->given(key))) continue;
      if (key == "max_new_tokens" && flags && flags->given("max_length")) continue;   // which would win over it
      known[key] = key == "stop_strings" && value.is_string() ? Json::array({value}) : value;
    }
  if (Status status = mine.from_json(known, where); !status) return status;
  if (!flags || flags->given("do_sample")) return done();
  for (const auto& sampler : samplers_) {
    if (!sampler->only_sampling()) continue;
    OptionSet options;
    sampler->bind(options);
    for (const Option& option : options.options())
      if (flags->given(option.info.name)) do_sample = true;
  }
  return done();
}

std::vector<std::string> GenerationConfig::not_followed(const Json& file) {
  // Each with the value, beside null, that asks for nothing.
  static const std::vector<std::pair<const char*, Json>> neutral = {
      {"num_beams", 1}, {"num_beam_groups", 1}, {"penalty_alpha", 0}, {"no_repeat_ngram_size", 0}, {"encoder_repetition_penalty", 1}, {"encoder_no_repeat_ngram_size", 0},
      {"min_length", 0}, {"length_penalty", 1}, {"diversity_penalty", 0}, {"bad_words_ids", Json()}, {"sequence_bias", Json()}, {"suppress_tokens", Json::array()},
      {"begin_suppress_tokens", Json::array()}, {"forced_bos_token_id", Json()}, {"forced_eos_token_id", Json()}, {"exponential_decay_length_penalty", Json()},
      {"guidance_scale", 1}, {"typical_p", 1}, {"epsilon_cutoff", 0}, {"eta_cutoff", 0}, {"top_h", Json()}};
  GenerationConfig config;
  OptionSet mine;
  config.bind(mine);
  std::vector<std::string> names;
  if (file.is_object())
    for (const auto& [name, nothing] : neutral)
      if (const auto found = file.find(name); found != file.end() && !found->is_null() && *found != nothing && !mine.find(name)) names.push_back(name);
  return names;
}

bool GenerationConfig::sampling() const { return do_sample.value_or(false); }

int64_t GenerationConfig::new_tokens(int64_t prompt_tokens, int64_t max_positions) const {
  int64_t count = max_new_tokens ? *max_new_tokens : max_length ? std::max<int64_t>(0, *max_length - prompt_tokens) : kDefaultNewTokens;
  return std::min(count, std::max<int64_t>(0, max_positions - prompt_tokens + 1));
}

void GenerationConfig::apply(Candidates& candidates, const std::function<void(const Sampler&)>& after) const {
  for (const auto& sampler : samplers_) {
    if (!sampler->active() || (!sampling() && sampler->only_sampling())) continue;
    sampler->apply(candidates);
    if (after) after(*sampler);
  }
}

bool GenerationConfig::changes_logits() const {
  return std::any_of(samplers_.begin(), samplers_.end(), [&](const auto& sampler) { return sampler->active() && (sampling() || !sampler->only_sampling()); });
}

}  // namespace orrery
