// What a Tokenizer is made of, for the sources of this folder alone.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/added_tokens.h"
#include "tokenize/decode_table.h"
#include "tokenize/model.h"
#include "tokenize/pieces.h"
#include "tokenize/run_pool.h"
#include "tokenize/step.h"
#include "tokenize/tokenizer.h"
#include "tokenize/tokenizer_file.h"
#include "tokenize/word_parts.h"
#include "tokenize/word_scan.h"

namespace orrery {

// How texts are tokenised part by part. `whole`: not at all. `pieces`: parts are the model's pieces, read as bytes. `apart`: each goes
// through all steps by itself. `metaspace`: spaces become ▁, and one more stands before the first part of each text.
enum class WordWay { whole, pieces, apart, metaspace };
struct WordPlan {
  WordWay how = WordWay::whole;
  WordScanner scan = nullptr;   // of pieces
  PartCuts cuts, wide_cuts;     // of the others; the wide ones for texts of more than `longest` bytes
  size_t longest = SIZE_MAX;
  bool goes_on = false;         // a part that is not fresh and begins with no space goes on with the word before it
  StringSet refused;            // texts that hold one of these are tokenised as a whole
};

// What lies between two added tokens in a text, or some of its words; or one of these tokens.
struct Stretch {
  explicit Stretch(std::string_view text) : open(text), end(static_cast<uint32_t>(text.size())) {}
  Stretch(const Pieces& pieces, const Piece& piece) : open(pieces.text(piece)), place(piece.begin), end(piece.end - piece.begin), token(piece.token) {}

  std::string_view open;           // all that lies there
  uint32_t place = 0;              // of that in the text
  uint32_t begin = 0, end;         // of its bytes those that are read; a word begins at either
  int32_t token = Piece::kOpen;
};

struct Tokenizer::Parts {
  explicit Parts(TokenizerFile file);

  Encoding encode(std::string_view text, const EncodeOptions& options, bool ids_only) const;
  Encoding encode_words(std::span<const std::string> given, int32_t sequence, const EncodeOptions& options) const;
  Encoding finish(std::vector<Encoding> sequences, const EncodeOptions& options) const;
  // `stream` tells the texts of one sequence apart, where tokens are drawn by chance.
  Encoding encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only, uint32_t stream = 0) const;
  void normalize(Pieces& pieces, const EncodeOptions& options) const;

  // word_plan.cpp: which texts are tokenised part by part
  WordPlan plan_words() const;
  bool keeps_white_space() const;
  void plan_cuts(WordPlan& plan) const;
  bool goes_by_parts(std::string_view text) const;   // of valid UTF-8
  bool is_left(std::string_view text) const { return !normalizer || normalizer->leaves(text); }
  bool begins_with_nothing(std::string_view text) const;
  // What stands around the tokens of any text; and, where nothing else becomes of those (is_all), their segment.
  struct Around {
    Encoding before, after;
    int32_t type_id = 0;
    bool is_all = false;
  };
  std::optional<Around> plan_around(bool add_special) const;

  // encode_parts.cpp: encode_one of such texts, or encode_ids, or all of encode
  std::optional<std::vector<int32_t>> quick_ids(std::string_view text, const EncodeOptions& options) const;
  std::vector<int32_t> quick_ids(std::string_view text, const EncodeOptions& options, const Around& around) const;
  void add_ids(std::string_view text, bool is_normal, const EncodeOptions& options, const Around& around, Run& run, IdBuffer& ids) const;
  void cut_added(Pieces& pieces, const EncodeOptions& options) const;
  void add_ids(const Stretch& stretch, Run& run, IdBuffer& ids) const;
  void add_ids_of_words(const Stretch& stretch, Run& run, IdBuffer& ids) const;
  void add_ids_of_parts(const Stretch& stretch, Run& run, IdBuffer& ids) const;
  class PartRows;
  void add_rows(const Stretch& stretch, Run& run, PartRows& rows) const;
  size_t scan_words(const Stretch& stretch, size_t at, std::span<uint32_t> ends) const;
  const PartCuts& cuts_of(std::string_view open) const { return open.size() <= words.longest ? words.cuts : words.wide_cuts; }
  Encoding encode_parts(std::string_view text, int32_t sequence, const EncodeOptions& options) const;
  std::optional<Encoding> quick_encoding(std::string_view text, const EncodeOptions& options) const;
  const Around* quick_around(const EncodeOptions& options) const;   // null where no text can be encoded at once
  bool is_quick(std::string_view text) const;                       // else one can be
  void quick_encoding(std::string_view text, const EncodeOptions& options, const Around& around, Run& run, Encoding& out) const;
  void begin_rows(const Around& around, TokenRows& rows, Encoding& out) const;
  void finish_rows(const Around& around, TokenRows& rows, Encoding& out) const;
  void add_all_rows(std::string_view text, const EncodeOptions& options, Run& run, TokenTexts& texts) const;
  bool goes_on(std::string_view text, const WordPart& part) const;
  void normalize_part(Pieces& pieces, bool in_word) const;
  void cut_part(Pieces& pieces) const;
  struct PartTokens;
  void find_ids(std::string_view text, const WordPart& part, ModelRun& run, std::vector<TokenSpan>& out) const;
  void find_ids_of_part(std::string_view text, const WordPart& part, ModelRun& run, PartTokens& tokens, std::vector<TokenSpan>& out) const;
  void find_ids_of_own_part(std::string_view text, const WordPart& part, ModelRun& run, std::vector<TokenSpan>& out) const;
  void tokenize_part(std::string_view text, const WordPart& part, ModelRun& run, PartTokens& out) const;

  // encode_texts.cpp: encode_ids and encode of many texts
  IdLists ids_of_each(std::span<const std::string_view> texts, const EncodeOptions& options, const Around& around) const;
  void encode_each(std::span<const std::string_view> texts, const EncodeOptions& options, const Around& around, const EachEncoding& each) const;
  bool is_short(std::string_view text) const;
  size_t short_words(std::string_view text, std::span<uint32_t> bounds, size_t most) const;
  size_t short_parts(std::string_view text, std::span<WordPart> parts) const;

  // encode_threads.cpp: the same on the threads of options.pool
  bool goes_on_threads(std::string_view text, const EncodeOptions& options) const;
  std::vector<int32_t> ids_on_threads(std::string_view text, bool is_normal, const EncodeOptions& options, const Around& around) const;
  Encoding encode_on_threads(std::string_view text, int32_t sequence, const EncodeOptions& options) const;
  using Share = std::vector<Stretch>;
  std::vector<Share> shares_of(const Pieces& pieces, const EncodeOptions& options) const;
  size_t word_after(std::string_view open, size_t from) const;

  // Of a text that is not UTF-8, as a tokenizer of raw bytes reads it.
  Encoding encode_bytes(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only, uint32_t stream) const;
  Encoding encode_sentencepiece(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only) const;
  std::string decode_sentencepiece(std::span<const int32_t> ids, bool skip_special) const;
  std::string token_bytes(int32_t id) const;

  std::optional<std::string_view> text_of(int32_t id) const;   // what decoding begins with
  const DecodeTable* decode_table() const;                      // null where the decoder has none

  Json json;     // all of tokenizer.json but the model and the added tokens
  Json config;   // tokenizer_config.json
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::shared_ptr<const TokenModel> model;   // encodings read its vocabulary, for as long as they live
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  AddedTokens added;
  int32_t own_id_limit = 0;
  SpecialRoles roles;
  std::optional<Truncation> truncation;
  std::optional<Padding> padding;
  WordPlan words;
  std::array<std::optional<Around>, 2> around_text;   // without and with special tokens
  bool specials_as_text = false;   // for every text, by the config
  bool reads_bytes = false;        // text that is not UTF-8 is not repaired: bytes are tokens (tiktoken)
  mutable RunPool runs;   // guarded by itself

 private:
  // Made when first asked for.
  mutable std::once_flag decoding_made_;
  mutable std::optional<DecodeTable> decoding_;
};

}  // namespace orrery
