// The tokenizers of sentencepiece, from their .model files, with that library's answers: its normaliser, the four kinds of
// model (Unigram, BPE, words, characters), byte fallback, pieces defined by the user, and its way back to text.
//   Kudo and Richardson 2018, "SentencePiece".
//
//   const SentencePiece model(file_bytes);
//   for (const SentencePiece::Token& t : model.encode("Hello world")) …   // t.id, t.piece, t.begin, t.end
//   std::string text = model.decode(ids);
//
// Immutable. Text may be any bytes: each one that is not valid UTF-8 is read as U+FFFD.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/utf8.h"
#include "tokenize/byte_trie.h"
#include "tokenize/charsmap.h"
#include "tokenize/models/char_cuts.h"

namespace orrery {

class SentencePiece {
 public:
  enum class Model { unigram = 1, bpe = 2, word = 3, character = 4 };
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::normal;
  };
  // How texts are normalised before they are cut, and, in another such, what is done to decoded text.
  struct Rules {
    std::string name;
    std::string charsmap;   // the file's bytes; empty for none
    bool add_dummy_prefix = true, remove_extra_whitespaces = true, escape_whitespaces = true;
  };

  explicit SentencePiece(std::string_view file);   // throws Error (bad_file)
  SentencePiece(const SentencePiece&) = delete;
  SentencePiece& operator=(const SentencePiece&) = delete;

  struct Token {
    int32_t id;
    std::string piece;       // as the file has it, or the text of an unknown part
    uint32_t begin, end;     // bytes of the text; of a character spelled in bytes the last token has them all
  };
  std::vector<Token> encode(std::string_view text) const;
  void encode_ids(std::string_view text, std::vector<int32_t>& ids) const;   // appends those of encode(text)

  // The best `count` ways to cut a text, the best first, with the sums of their scores. Unigram models alone; others throw Error.
  struct Path {
    double score;
    std::vector<Token> tokens;
  };
  std::vector<Path> nbest(std::string_view text, int64_t count) const;
  // One of the ways, by chance (Kudo 2018, "Subword Regularization"). Unigram: with probability in proportion to exp(alpha * score), among
  // the best `size` ways or, where that is less than 0, among all. BPE: each joining is left out with probability alpha (Provilkov
  // et al. 2020, "BPE-Dropout"). The other models throw Error.
  std::vector<Token> sample(std::string_view text, double alpha, int64_t size, Random& random) const;

  std::string decode(std::span<const int32_t> ids) const;   // ids that the model lacks are left out
  std::string token_bytes(int32_t id) const;                 // of a piece in the middle of a text
  bool is_control(int32_t id) const { return id >= 0 && static_cast<size_t>(id) < pieces_.size() && pieces_[static_cast<size_t>(id)].type == Type::control; }
  std::string normalize(std::string_view text) const { return normalize(text, rules_, map_, false).text; }
  // For people: the best way to cut the text and the next best (Unigram), or the pairs joined, in order (BPE).
  Json explain(std::string_view text) const;

  Model model() const { return model_; }
  const std::vector<Piece>& pieces() const { return pieces_; }   // by id
  const Rules& rules() const { return rules_; }
  bool byte_fallback() const { return byte_fallback_; }           // characters that no piece has are spelled in bytes
  bool whitespace_suffix() const { return whitespace_suffix_; }   // a space belongs to the word before it
  int32_t unknown_id() const { return unknown_; }
  // The ids of the tokens that begin and end a text and that fill it up; -1 for none.
  int32_t bos_id() const { return bos_; }
  int32_t eos_id() const { return eos_; }
  int32_t pad_id() const { return pad_; }

 private:
  static constexpr float kUnknownPenalty = 10;

  struct Part {   // of the normalised text
    uint32_t begin, end;
    int32_t id;
  };
  struct Normalized {
    std::string text;
    std::vector<uint32_t> origin;   // [text bytes + 1] the byte of the input where each begins; empty where none was asked for
  };
  class Bpe;

  Normalized normalize(std::string_view text, const Rules& rules, const Charsmap& map, bool with_origin = true) const;
  std::vector<Part> split(std::string_view text) const;
  // offer(end, score, id) for each token that begins at `begin`, the unknown one where no character is a token.
  template <class Offer>
  void each_token(std::string_view text, size_t begin, Offer offer) const {
    const size_t next = begin + decode_utf8(text, begin).size;
    bool is_piece = false;
    trie_.each_prefix(text, begin, [&](size_t end, int32_t id) {
      const Piece& piece = pieces_[static_cast<size_t>(id)];
      if (piece.type == Type::unused) return;
      offer(end, piece.type == Type::user_defined ? static_cast<float>(end - begin) * max_score_ - 0.1f : piece.score, id);
      is_piece = is_piece || end == next;
    });
    if (!is_piece) offer(next, min_score_ - kUnknownPenalty, unknown_);
  }
  void split_unigram(std::string_view text, std::vector<Part>& out) const;
  std::vector<Token> tokens_of(const Normalized& normalized, std::span<const Part> parts) const;
  std::vector<Path> nbest(const Normalized& normalized, int64_t count) const;
  void sample_unigram(std::string_view text, double alpha, Random& random, std::vector<Part>& out) const;
  // skips(): whether this joining is left out.
  void split_bpe(std::string_view text, std::vector<Part>& out, const std::function<bool()>& skips = {}) const;
  bool split_bpe_by_parts(std::string_view text, std::vector<Part>& out) const;
  void split_words(std::string_view text, std::vector<Part>& out) const;
  void split_characters(std::string_view text, std::vector<Part>& out) const;
  // The bytes of the user's piece that begins at `at`, else of one character.
  size_t unit_end(std::string_view text, size_t at, bool& is_users) const;
  int32_t id_of(std::string_view piece) const;   // the unknown id where it is none

  Model model_ = Model::unigram;
  std::vector<Piece> pieces_;
  std::unordered_map<std::string_view, int32_t> ids_, reserved_;   // of pieces that text can be, and the others
  ByteTrie trie_, users_;
  Rules rules_, denormal_rules_;
  Charsmap map_, denormal_map_;
  bool whitespace_suffix_ = false, byte_fallback_ = false, denormalizes_ = false;
  std::string unknown_surface_ = " \xE2\x81\x87 ";
  int32_t unknown_ = -1, bos_ = -1, eos_ = -1, pad_ = -1;
  float min_score_, max_score_;
  std::array<int32_t, 256> byte_ids_;
  std::array<bool, 128> stays_{};   // visible characters of ASCII that no rule changes before another of ASCII
  // For BPE, where no piece is the user's or out of use: where texts may be cut, and characters' ids + 1, by CharTokens::place.
  std::unique_ptr<const CharCuts> cuts_;
  ZeroArray<int32_t> char_ids_;
};

}  // namespace orrery
