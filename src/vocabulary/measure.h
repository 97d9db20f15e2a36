// What a tokenizer does to texts, counted: words and their parts, unknown tokens, bytes that stand for characters, and
// what token ends cut through.
//
//   Gauge gauge(tokenizer);
//   Measure measure;
//   for (const std::string& text : texts) gauge.add(text, measure);
//   measure.fertility();                                    // tokens for each word
//
// A word is a run of letters, marks and digits; each Han character is a word, as is each run of kana.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tokenize/tokenizer.h"

namespace orrery {

inline constexpr int64_t kHeavyParts = 4;   // a word of so many parts is heavily split

struct Measure {
  int64_t texts = 0, bytes = 0, characters = 0, words = 0, tokens = 0;
  int64_t whole_words = 0, heavy_words = 0;
  int64_t word_parts = 0;                                   // tokens that have a part of a word
  int64_t unknown = 0, unknown_characters = 0;              // tokens, and the characters that they lose
  int64_t fallback = 0, fallback_characters = 0;            // tokens that are a byte of a character, and those characters
  int64_t inside_characters = 0, inside_graphemes = 0;      // token ends inside a character; inside what people see as one
  int64_t numbers = 0, broken_numbers = 0;                  // runs of digits; those of several tokens
  int64_t codes = 0, broken_codes = 0, code_tokens = 0;     // words between spaces with letters and digits; those cut between two letters or two digits
  std::map<int32_t, int64_t> used;                          // occurrences by id

  double fertility() const { return share(word_parts, words); }
  double tokens_per_character() const { return share(tokens, characters); }
  // Rényi entropy of order 2.5 of the tokens' frequencies, as a share of the most possible (Zouhar et al. 2023).
  double renyi_efficiency(int64_t vocab_size) const;

  static double share(int64_t part, int64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }
};

Json to_json(const Measure& measure, int64_t vocab_size);

// Calls f(begin, end) for each word, in bytes.
void each_word(std::string_view text, const std::function<void(size_t, size_t)>& f);

// A text as its tokens show it: the part that each covers, or "" where it shares a character with the one before.
struct SplitText {
  std::vector<std::string> pieces;
  std::vector<bool> unknown;
};

class Gauge {
 public:
  explicit Gauge(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  void add(std::string_view text, Measure& measure) const;
  SplitText split(std::string_view text) const;

 private:
  const Tokenizer& tokenizer_;
};

// The first bytes of a text, whole characters only.
std::string beginning(std::string_view text, size_t bytes = 400);

// "<0xE4>": a token that stands for one byte of a character.
bool is_byte_token(std::string_view token);

}  // namespace orrery
