// Added tokens: strings found in the text before the model sees it ("<s>", "[MASK]", "<|user|>").
//
// Twice: those with normalized = false in the raw text; then, in each piece between them after its own normalisation,
// those with normalized = true in their own normalised form. Leftmost, longest, not overlapping.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "tokenize/step.h"
#include "tokenize/vocab.h"

namespace orrery {

struct AddedToken {
  int32_t id = Vocab::kAbsent;
  std::string content;
  bool single_word = false;   // only where neither neighbour is a word character
  bool lstrip = false;        // takes the white space on its left
  bool rstrip = false;
  bool normalized = true;     // looked for in the normalised text
  bool special = false;       // left out by decode(skip_special), and kept from user text by specials_as_text
};

// Finds the longest of a set of strings at each place of a text.
class StringSet {
 public:
  void add(std::string_view text, int32_t value);   // the first value of a string counts; empty strings are no members
  bool empty() const { return nodes_.empty(); }

  struct Match {
    size_t begin, end;
    int32_t value;
  };
  // The first match that begins at `from` or later.
  std::optional<Match> find(std::string_view text, size_t from) const;
  bool is_in(std::string_view text) const { return !empty() && candidate(text, 0) < text.size() && find(text, 0); }

 private:
  uint32_t child(uint32_t node, unsigned char byte) const;   // 0 for none
  size_t candidate(std::string_view text, size_t from) const;   // where a member may begin, from `from` on; npos for nowhere

  struct Node {
    int32_t value = -1;
  };
  std::vector<Node> nodes_;
  std::unordered_map<uint64_t, uint32_t> edges_;   // node * 256 + byte → node
  std::array<uint32_t, 256> first_{};              // the root's edges
  std::string begins_;                             // the bytes of those
  std::bitset<256> second_;                        // bytes that follow one of them; all, where one is a member by itself
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // `list` is tokenizer.json's added_tokens. As in the reference a token that the model knows has the model's id, and a
  // new one the next free id, whatever the file says. Throws Error.
  AddedTokens(const Json& list, const Vocab& vocab, const Normalizer* normalizer);

  // The passes: cuts the open pieces. With `specials_as_text` special tokens are not looked for.
  void cut_raw(Pieces& pieces, bool specials_as_text) const { cut(pieces, raw_, specials_as_text); }
  void cut_normalized(Pieces& pieces, bool specials_as_text) const { cut(pieces, normalized_, specials_as_text); }

  bool may_be_in(std::string_view text) const { return raw_.is_in(text) || normalized_.is_in(text); }   // of its raw and its normalised form
  bool look_at_normalized() const { return !normalized_.empty(); }   // whether cut_normalized has anything to look for
  std::vector<std::string> normalized_texts() const;                  // what it looks for

  const AddedToken* find(std::string_view content) const;
  const AddedToken* find(int32_t id) const;
  // What decoding begins with: the normalised form of a token that was looked for in that form.
  const std::string& text(const AddedToken& token) const;
  bool is_special_text(const std::string& text) const { return special_texts_.contains(text); }
  const std::vector<AddedToken>& all() const { return tokens_; }   // in the order of ids
  Json to_json() const;

 private:
  void cut(Pieces& pieces, const StringSet& set, bool specials_as_text) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<std::string, int32_t> ids_;   // of contents
  std::unordered_map<int32_t, size_t> places_;     // of ids, in tokens_
  std::unordered_map<int32_t, std::string> normalized_texts_;
  std::unordered_set<std::string> special_texts_;
  StringSet raw_, normalized_;
};

}  // namespace orrery
