// The tokens of a text's parts, as words met before or found the long way, told to rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/offset_map.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

// A part's tokens, found the long way.
struct Tokenizer::Parts::PartTokens {
  struct Token {
    int32_t id;
    Span span;          // of the text; as the model told it where it runs past its piece
    int32_t word;       // 0 is the first that begins in the part, -1 the one before it
    std::string shown;  // only of a token told by the text it covers
  };
  std::vector<Token> all;
  uint32_t words = 0;   // that begin in the part
  bool plain = false;   // fits a FoundWord
  FoundWord found;
  std::vector<TokenSpan> spans;

  bool count_characters(std::string_view part, int32_t told_by_text);
};

// The rows of one text: its stretches' parts in turn, as WordTokens tells them.
class Tokenizer::Parts::PartRows {
 public:
  PartRows(const Parts& parts, const OffsetMap& offsets_of, ModelRun& model, TokenRows& rows, TokenTexts& texts)
      : parts_(parts), offsets_of_(offsets_of), model_(model), rows_(rows), texts_(texts), told_by_text_(parts.model->told_by_text()) {}

  // What the next parts are of.
  void begin(const Stretch& stretch) {
    open_ = stretch.open;
    place_ = stretch.place;
  }

  // Of a part that was not met before: what is to be emitted; or null, and its rows are told.
  const FoundWord* find(const WordPart& part);

  [[gnu::always_inline]] void emit(const WordPart& part, const KnownWord& known) {
    if (told_by_text_ != Vocab::kAbsent) keep_told_by_text(part, known);
    rows_.add(known, place_ + part.begin, place_ + part.end, word_, offsets_of_);
    word_ += static_cast<int32_t>(known.words);
  }

  // An added token, and all its text.
  void add(int32_t id) {
    texts_.keep(rows_.size(), std::string(open_));
    rows_.add(id, offsets_of_({place_, place_ + static_cast<uint32_t>(open_.size())}), word_++);
  }

  int32_t next_word() const { return word_; }
  bool in_characters() const { return offsets_of_.unit() == OffsetUnit::chars; }

 private:
  void keep_told_by_text(WordPart part, KnownWord known);

  const Parts& parts_;
  const OffsetMap& offsets_of_;
  ModelRun& model_;
  TokenRows& rows_;
  TokenTexts& texts_;
  const int32_t told_by_text_;
  int32_t word_ = 0;   // the number of the next word to begin
  std::string_view open_;
  uint32_t place_ = 0;
  PartTokens tokens_;
};

}  // namespace orrery
