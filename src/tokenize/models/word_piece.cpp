// WordPiece (BERT): the longest token that begins the word, then the longest continuation ("##ing"), and so on. A word
// with any part that is no token, or of more than max_input_chars_per_word characters, is unknown as a whole.
#include <algorithm>

#include "base/utf8.h"
#include "tokenize/model.h"
#include "tokenize/models/char_tokens.h"
#include "tokenize/step.h"
#include "tokenize/word_cache.h"

namespace orrery::token_models {

namespace {

class WordPiece : public TokenModel {
 public:
  explicit WordPiece(ModelConfig config)
      : vocab_(std::move(config.vocab)),
        unknown_(text_field(config.fields, "unk_token"), vocab_),
        prefix_(text_field(config.fields, "continuing_subword_prefix")),
        max_chars_(static_cast<size_t>(count_field(config.fields, "max_input_chars_per_word"))) {}

  std::unique_ptr<ModelRun> run() const override { return std::make_unique<Run>(*this); }
  const Vocab& vocab() const override { return vocab_; }
  Json to_json() const override {
    return {{"type", "WordPiece"},
            {"unk_token", unknown_.token()},
            {"continuing_subword_prefix", prefix_},
            {"max_input_chars_per_word", max_chars_},
            {"vocab", vocab_json(vocab_)}};
  }

  // Each match: the token, and how many longer texts were tried before it.
  Json explain(std::string_view piece, bool) const override {
    std::vector<TokenSpan> tokens;
    const size_t characters = count_code_points(piece);
    const bool known = characters <= max_chars_ && Run(*this).split(piece, tokens);
    Json matches = Json::array();
    for (const TokenSpan& token : tokens)
      matches.push_back({{"token", std::string(vocab_.token(token.id).value_or(""))}, {"longer_tried", count_code_points(piece.substr(token.end))}});
    Json out = {{"model", "WordPiece"}, {"matches", std::move(matches)}, {"unknown", !known}};
    if (characters > max_chars_) out["too_long"] = true;
    if (!known && characters <= max_chars_) out["stuck_at"] = std::string(piece.substr(tokens.empty() ? 0 : tokens.back().end));
    return out;
  }

 private:
  struct Run : ModelRun {
    explicit Run(const WordPiece& of) : model(of) {}

    void tokenize(std::string_view piece, bool, std::vector<TokenSpan>& out) override {
      const auto find = [&](std::string_view word, std::vector<TokenSpan>& tokens) {
        const size_t before = tokens.size();
        if (count_code_points(word) <= model.max_chars_ && split(word, tokens)) return true;
        tokens.resize(before);
        tokens.push_back({model.unknown_.id(word), 0, static_cast<uint32_t>(word.size())});
        return true;
      };
      if (const size_t place = CharTokens::place(piece); place != CharTokens::kNowhere) chars.tokenize(place, piece, out, find);
      else cache.tokenize(piece, out, find);
    }

    bool split(std::string_view piece, std::vector<TokenSpan>& out) {
      for (size_t begin = 0; begin < piece.size();) {
        std::string_view rest = piece.substr(begin);
        size_t prefix = 0;
        if (begin > 0) {
          prefix = model.prefix_.size();
          continued.assign(model.prefix_).append(rest);
          rest = continued;
        }
        size_t end = std::min(rest.size(), model.vocab_.longest());
        while (end < rest.size() && end > prefix && (static_cast<unsigned char>(rest[end]) & 0xC0) == 0x80) end--;
        int32_t id = Vocab::kAbsent;
        for (; end > prefix; end = previous_utf8(rest, end)) {
          id = model.vocab_.find(rest.substr(0, end));
          if (id != Vocab::kAbsent) break;
        }
        if (id == Vocab::kAbsent) return false;
        out.push_back({id, static_cast<uint32_t>(begin), static_cast<uint32_t>(begin + end - prefix)});
        begin += end - prefix;
      }
      return true;
    }

    const WordPiece& model;
    WordCache cache;
    CharTokens chars;
    std::string continued;
  };

  Vocab vocab_;
  UnknownToken unknown_;
  std::string prefix_;
  size_t max_chars_;
};

}  // namespace

const ModelKind& word_piece() {
  static const ModelKind kind = {.type = "WordPiece", .make = [](ModelConfig config) -> std::unique_ptr<TokenModel> {
                                   return std::make_unique<WordPiece>(std::move(config));
                                 }};
  return kind;
}

}  // namespace orrery::token_models
