// A tokenizer: text to ids and back, as the tokenizer.json (or the older vocabulary files) of a checkpoint says, with the
// same answers as Hugging Face's `tokenizers`.
//
//   Result<Tokenizer> tokenizer = Tokenizer::load("models/gpt2");
//   Encoding e = tokenizer->encode("Hello world");        // e.ids, e.tokens(), e.offsets, …
//   std::string text = tokenizer->decode(e.ids, true);
//
// Immutable once loaded: any number of threads may use one. Text that is not valid UTF-8 is read with U+FFFD for each
// maximal invalid part (base/utf8.h says where).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "tokenize/encoding.h"
#include "tokenize/id_buffer.h"
#include "tokenize/truncation.h"

namespace orrery {

struct TokenizerFile;
class SentencePiece;
class ThreadPool;

struct EncodeOptions {
  bool add_special = true;         // the tokens of the post-processor: <s>, [CLS] …
  bool specials_as_text = false;   // "<s>" in the text is five characters, not the control token: for text from users
  OffsetUnit unit = OffsetUnit::chars;
  std::optional<std::string_view> pair = {};   // a second text
  // Cuts to a length that holds the special tokens too; where they alone are longer nothing is cut, as in the reference.
  std::optional<Truncation> truncation = {};
  // Of a tokenizer that draws by chance (BPE with dropout): the same seed gives the same tokens of a text, on any thread.
  uint64_t seed = 0;
  // A long text is read on the threads of this pool, which must be idle, with the very tokens that one thread gives; each has shares
  // of it of at least so many bytes. One that the tokenizer has to read as a whole is left to one thread.
  ThreadPool* pool = nullptr;
  size_t least_share = size_t(1) << 17;
};

// The ids of many texts, end to end.
struct IdLists {
  IdBuffer ids;
  std::vector<size_t> ends;   // of each text's

  size_t size() const { return ends.size(); }
  std::span<const int32_t> operator[](size_t i) const {
    const size_t begin = i == 0 ? 0 : ends[i - 1];
    return ids.ids().subspan(begin, ends[i] - begin);
  }
};

// What a rank file of tiktoken does not say: how texts are cut into words, and the special tokens.
struct RankOptions {
  static constexpr int32_t kNext = -1;   // the id after the one before, or after the last rank
  std::string pattern = {};              // as that library reads it (fancy-regex)
  std::vector<std::pair<std::string, int32_t>> special = {};
};

// What a text becomes on its way to the tokens. Texts that bytes stand for (byte-level BPE) are shown as they read.
struct TokenizerStages {
  std::string normalized;                // after the normalisers
  std::vector<std::string> pieces;       // pre-tokens, which tokens never span, and added tokens as they stood in the text
  std::vector<Offsets> offsets;          // of the pieces in the text
};

// The roles that tokenizer_config.json and special_tokens_map.json give to tokens. Without those files: the special
// tokens of the usual names ("<s>", "</s>", "<|endoftext|>", "[PAD]", …).
struct SpecialRoles {
  std::optional<int32_t> bos, eos, unk, pad, cls, sep, mask;
};

class Tokenizer {
 public:
  // A folder (tokenizer.json, else vocab.json + merges.txt, else vocab.txt, else a sentencepiece .model, else a rank file of
  // tiktoken; with tokenizer_config.json and special_tokens_map.json, as transformers' from_pretrained reads them), or one of
  // these files. `ranks` is for rank files whose name is not known.
  static Result<Tokenizer> load(const std::filesystem::path& path, const std::optional<RankOptions>& ranks = {});
  // The vocabulary of a GGUF file, from its metadata (tokenizer.ggml.…); `where` names the file in errors.
  static Result<Tokenizer> from_gguf(const Json& metadata, std::string_view where);
  // The text of a tokenizer.json; `where` names it in errors.
  static Result<Tokenizer> parse(std::string_view text, std::string_view where = "tokenizer.json");
  // The same as values; `config` that of a tokenizer_config.json.
  static Result<Tokenizer> from_json(const Json& json, const Json& config = Json::object());

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // tokenizer.json (of a sentencepiece model tokenizer.model) and tokenizer_config.json into a folder, made if need be. Loads
  // to the same ids here and in `tokenizers` (in sentencepiece).
  Json to_json() const;
  Status save(const std::filesystem::path& folder) const;

  // Throws Error only where the text needs an unknown token that the vocabulary lacks, or is or becomes absurdly long.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Those of many texts, the seed one more for each: each(i, encoding) is called in their order. Faster than one by one where they are
  // short: what an encoding holds is used again for the next, unless it was moved from.
  using EachEncoding = std::function<void(size_t, Encoding&)>;
  void encode_each(std::span<const std::string_view> texts, const EncodeOptions& options, const EachEncoding& each) const;
  // Of words cut already. Each is tokenised by itself; `words` says which one a token is of, and offsets count within it.
  Encoding encode_words(std::span<const std::string> words, const EncodeOptions& options = {}) const;
  Encoding encode_words(std::span<const std::string> words, std::span<const std::string> pair, const EncodeOptions& options = {}) const;
  // What the tokenizer.json asks for. Nothing here follows it unless told to: the caller knows whether texts may be cut.
  const std::optional<Truncation>& truncation() const;
  const std::optional<Padding>& padding() const;
  // For a caller who wants texts cut or filled up and does not say all of it: as transformers has it from tokenizer_config.json
  // (model_max_length, truncation_side, padding_side, pad_token), else from those sections. A max_length of 0 is none, and so is a pad id of -1.
  Truncation usual_truncation() const;
  Padding usual_padding() const;
  // The ids alone: no tokens, no offsets.
  std::vector<int32_t> encode_ids(std::string_view text, const EncodeOptions& options = {}) const;
  // Those of many texts, the seed one more for each. Faster than one by one where they are short.
  IdLists encode_ids(std::span<const std::string_view> texts, const EncodeOptions& options = {}) const;

  TokenizerStages stages(std::string_view text, const EncodeOptions& options = {}) const;
  // For people: {"steps": [{"step", "pieces"}], "pieces": [{"text", "tokens", "ids", "why"}]}: what each step made of the text
  // and how the model came to its tokens (README.md of this folder).
  Json explain(std::string_view text, const EncodeOptions& options = {}) const;

  // Ids that the vocabulary lacks are left out. skip_special: special added tokens too.
  std::string decode(std::span<const int32_t> ids, bool skip_special = false) const;
  bool decodes(int32_t id, bool skip_special) const;   // whether decode() looks at it
  // The bytes that a token in the middle of a text stands for; perhaps a part of a character. Empty for an unknown id.
  std::string token_bytes(int32_t id) const;

  std::optional<int32_t> id_of(std::string_view token) const;
  std::optional<std::string> token_of(int32_t id) const;
  bool is_special(int32_t id) const;
  int32_t vocab_size() const;   // different tokens, the added ones too
  int32_t id_limit() const;     // one more than the largest id
  int32_t own_id_limit() const; // the same without tokens that only tokenizer_config.json adds: a model may lack their rows

  const SentencePiece* sentencepiece() const;   // of a .model; else null

  const SpecialRoles& roles() const;
  std::optional<int32_t> bos_id() const { return roles().bos; }
  std::optional<int32_t> eos_id() const { return roles().eos; }
  std::optional<int32_t> pad_id() const { return roles().pad; }

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  static Result<Tokenizer> build(Result<TokenizerFile> file);
  std::unique_ptr<const Parts> parts_;
};

// Text from ids as they come, one at a time, as a chat shows it: never half a character, and all pieces together are
// decode() of all ids. (One exception: byte-fallback vocabularies make a whole run of byte tokens U+FFFD if its end turns
// out invalid; what was shown of it stays.)
//
//   DecodeStream stream(tokenizer, true);
//   for (int32_t id : ids) out << stream.push(id);
//   out << stream.finish();
class DecodeStream {
 public:
  explicit DecodeStream(const Tokenizer& tokenizer, bool skip_special = false);
  std::string push(int32_t id);   // the text that became certain; often one token's, empty inside a character
  std::string finish();           // what was held back: U+FFFD for an unfinished character

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::vector<int32_t> window_;   // the tokens shown last, which decide about spaces, and those held back
  size_t shown_ = 0;              // how many of the window were shown,
  std::string prefix_;            // and their text
};

}  // namespace orrery
