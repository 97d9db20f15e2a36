// How texts are cut and filled up where a caller wants that and does not say all of it: what the files of the tokenizer have.
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {

// transformers writes a number of 30 digits where a tokenizer has no greatest length.
constexpr double kNoLength = 1e20;

bool is_left(const Json& config, const char* key, bool otherwise) {
  const auto found = config.find(key);
  return found != config.end() && found->is_string() ? *found == "left" : otherwise;
}

}  // namespace

Truncation Tokenizer::usual_truncation() const {
  Truncation made = parts_->truncation.value_or(Truncation{.max_length = 0});
  made.stride = 0;
  made.strategy = Truncation::Strategy::longest_first;
  made.left = is_left(parts_->config, "truncation_side", made.left);
  const auto most = parts_->config.find("model_max_length");
  if (most != parts_->config.end() && most->is_number() && most->get<double>() >= 1 && most->get<double>() < kNoLength) made.max_length = static_cast<size_t>(most->get<double>());
  return made;
}

Padding Tokenizer::usual_padding() const {
  Padding made = parts_->padding.value_or(Padding{.id = -1});
  made.left = is_left(parts_->config, "padding_side", made.left);
  if (const std::optional<int32_t> id = roles().pad; id && (made.id < 0 || parts_->config.contains("pad_token"))) {
    made.id = *id;
    made.token = *token_of(*id);
  }
  return made;
}

}  // namespace orrery
