// The model of a tokenizer: from one piece of text to ids. BPE, Unigram, WordPiece, WordLevel.
//
// A model is one file in tokenize/models/ and one line in models.inc: its type name in tokenizer.json and its maker.
// A model is immutable; a ModelRun is one caller's use of it at a time, with scratch space and a cache of words.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenize/ascii_pairs.h"
#include "tokenize/vocab.h"

namespace orrery {

// A token of a piece: bytes [begin, end) of it. They may run past the piece where the reference's do.
struct TokenSpan {
  int32_t id;
  uint32_t begin, end;
};

class ModelRun {
 public:
  virtual ~ModelRun() = default;
  // Appends the piece's tokens. With `bytes` each byte stands for its character of the byte-level alphabet (only asked
  // of models that read bytes). Throws Error where the piece needs the unknown token and the vocabulary has none.
  virtual void tokenize(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) = 0;
  // The same, for a caller that remembers pieces itself.
  virtual void tokenize_once(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) { tokenize(piece, bytes, out); }
  // A text begins: what a model draws by chance from here on is told by these two alone.
  virtual void begin_text(uint64_t /*seed*/, uint64_t /*stream*/) {}
};

// Pairs of characters that no token spans and that are never unknown side by side: a piece cut between them has the tokens of the whole,
// if it is no longer than that.
struct SafePairs {
  AsciiPairs pairs;
  size_t longest = SIZE_MAX;   // bytes
};

class SentencePiece;

class TokenModel {
 public:
  virtual ~TokenModel() = default;
  virtual std::unique_ptr<ModelRun> run() const = 0;
  virtual bool reads_bytes() const { return false; }
  // Tokens are drawn by chance: those of a piece, or of a part of it, need not be those it had before.
  virtual bool draws() const { return false; }
  // A ▁ is never joined to what stands before it, unless that is a ▁.
  virtual bool parts_at_metaspace() const { return false; }
  virtual SafePairs safe_pairs() const { return {}; }
  virtual const Vocab& vocab() const = 0;
  // The id that is told by the text it covers; all others are told by the vocabulary.
  virtual int32_t told_by_text() const { return Vocab::kAbsent; }
  // How a token of the text is told; `covered` is the part of the piece that it stands for.
  std::string_view shown(int32_t id, std::string_view covered) const;
  virtual Json to_json() const = 0;   // as in tokenizer.json, vocabulary and all
  // For people: how the model came to the piece's tokens, as README.md of this folder says. `bytes` as for a ModelRun.
  virtual Json explain(std::string_view piece, bool bytes) const = 0;
  // Set where a sentencepiece model does everything, from the raw text on.
  virtual const SentencePiece* sentencepiece() const { return nullptr; }
};

// What a tokenizer.json says of its model. The long lists are apart: they are read without building JSON for them.
struct ModelConfig {
  Json fields = Json::object();      // all but vocab and merges
  TokenList vocab;
  std::vector<double> scores;        // of the vocabulary's entries, where it is a list with scores
  MergeList merges;                  // in the order of their ranks
};

struct ModelKind {
  std::string_view type;
  std::unique_ptr<TokenModel> (*make)(ModelConfig config);
};

// Throws Error: bad_file, or unsupported for a type not known here.
std::unique_ptr<TokenModel> make_model(ModelConfig config);

Json vocab_json(const Vocab& vocab);   // {token: id, …}

// The id of a model's unknown token and, where it has none, the Error when it is needed.
class UnknownToken {
 public:
  UnknownToken() = default;
  UnknownToken(std::string token, const Vocab& vocab) : token_(std::move(token)), id_(vocab.find(token_)) {}
  int32_t id(std::string_view unknown = {}) const;   // for this part of the text, where it is at hand; throws Error
  const std::string& token() const { return token_; }

 private:
  std::string token_;
  int32_t id_ = Vocab::kAbsent;
};

}  // namespace orrery
