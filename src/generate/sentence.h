// One vector for a text, and the classes of a text.
//
//   SentenceSettings settings = read_sentence_settings(folder).value();       // what sentence-transformers wrote
//   std::vector<float> vector = pooled(states, settings.pooling);             // states [tokens, hidden]
//   normalize(vector);
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generate/encoder.h"
#include "tokenize/tokenizer.h"

namespace orrery {

enum class Pooling : uint8_t { mean, cls, last };   // of all tokens; the first; the last
const char* name_of(Pooling pooling);
Pooling pooling_named(const std::string& name);     // throws Error

struct SentenceSettings {
  Pooling pooling = Pooling::mean;
  bool normalize = false;
  std::optional<int64_t> max_tokens = {};           // longer texts are cut
};

// From modules.json, N_Pooling/config.json and sentence_bert_config.json; the defaults above where they are absent.
Result<SentenceSettings> read_sentence_settings(const std::filesystem::path& folder);

std::vector<float> pooled(const Tensor& states, Pooling pooling);             // states [tokens, hidden]
void normalize(std::vector<float>& vector);                                    // to length 1; zeros stay

// The tokens of a text, cut to `limit`: tokens before the special ones at the end go. `cut` tells whether any did.
TokenSequence encode_for_model(const Tokenizer& tokenizer, const std::string& text, const std::optional<std::string>& pair, int64_t limit, bool* cut = nullptr);

struct ClassScore {
  std::string label;      // the config's name, or "LABEL_3"
  double score = 0;       // softmax
};
// All classes of one row of logits, in the config's order.
std::vector<ClassScore> class_scores(const Config& config, std::span<const float> logits);
const ClassScore& likeliest(const std::vector<ClassScore>& scores);

}  // namespace orrery
