// More tokens for a vocabulary, learned from a domain's text; every old id stays what it was.
//
// Words are cut into the vocabulary's own tokens, and byte-pair learning goes on from there: the most frequent pair of
// neighbouring tokens becomes a token. For BPE the merges are appended, so that each text is cut as before and then joined
// further: no text gets longer, and no token is out of reach (arXiv 2509.26124, 2512.03989). A Unigram piece gets the score
// of its parts or of its own frequency, the higher one; a WordPiece token is found as the longest that fits.
//
//   VocabExtension extension(tokenizer);
//   for (const std::string& text : texts) extension.add(text);
//   ExtendedVocab extended = extension.learn(1000);
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenize/tokenizer.h"

namespace orrery {

enum class ExtensionMethod { continue_learning, append_merges };

struct NewToken {
  int32_t id;
  std::string text;
  std::vector<int32_t> parts;   // the old tokens that it stands for
};

struct ExtendedVocab {
  Json tokenizer_json;
  std::vector<NewToken> tokens;
  Tokenizer tokenizer(const Json& config = Json::object()) const;
};

class VocabExtension {
 public:
  // Throws Error{unsupported} where the model cannot be extended (WordLevel). The tokenizer must outlive this.
  explicit VocabExtension(const Tokenizer& tokenizer);

  void add(std::string_view text);
  // At most `tokens` new tokens, each made by a pair that occurs at least `min_frequency` times. Throws Error{unsupported}
  // where append_merges has no merges to append to.
  ExtendedVocab learn(int64_t tokens, int64_t min_frequency = 2, ExtensionMethod method = ExtensionMethod::continue_learning) const;

 private:
  using Merges = std::vector<std::pair<std::string, std::string>>;
  Merges continued(int64_t tokens, int64_t min_frequency) const;
  Merges appended(int64_t tokens, int64_t min_frequency) const;

  const Tokenizer& tokenizer_;
  std::string type_, prefix_;
  std::map<std::vector<int32_t>, int64_t> words_;   // as old tokens → occurrences
};

// New tokens that no text takes: steps on the way to longer ones, or cut otherwise where they stand.
int64_t unused_tokens(const ExtendedVocab& extended, const Tokenizer& after, const std::vector<std::string>& texts);

// Tokens that texts take before and after.
struct Gain {
  int64_t texts = 0, tokens_before = 0, tokens_after = 0, added = 0, texts_longer = 0;
  double shorter() const { return tokens_before == 0 ? 0 : 1 - static_cast<double>(tokens_after) / static_cast<double>(tokens_before); }
};
// Learns from four fifths of the texts and measures on the rest.
Gain extension_gain(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int64_t tokens, ExtensionMethod method = ExtensionMethod::continue_learning);

}  // namespace orrery
