// The steps of a tokenizer and how they are found by the type names of tokenizer.json.
//
//   text → Normalizer → PreTokenizer → model → PostProcessor → ids          ids → tokens → Decoder → text
//
// A step is one file in tokenize/steps/ and one line in steps.inc. It defines a StepKind: the type name and a maker for
// each role that the name can play (ByteLevel plays four). Makers read their fields from JSON and throw Error on
// malformed ones; Tokenizer::load turns that into a Result.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenize/encoding.h"
#include "tokenize/pieces.h"
#include "tokenize/word_scan.h"

namespace orrery {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void normalize(AlignedText& text) const = 0;
  // Whether parts of a text, cut before white space of ASCII or between two characters of ASCII with two more around them, become what
  // they become in the whole; and whether they do next to any character of ASCII.
  virtual bool is_local() const { return false; }
  virtual bool is_local_at_ascii() const { return false; }
  // Whether it surely leaves a text, and any part of that, as it is.
  virtual bool leaves(std::string_view /*text*/) const { return false; }
};

// How a pre-tokenizer makes words. `scan` is null for one that cuts nothing.
struct Words {
  WordScanner scan = nullptr;
  bool bytes = false;     // and reads them as bytes
};

// Where else a text may be cut and its parts read one by one, with the same tokens: before a space, or before white space of ASCII.
enum class SafeCuts { none, spaces, white_space };

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void pre_tokenize(Pieces& pieces) const = 0;
  virtual bool needs_origins() const { return false; }   // it asks where in the original a piece begins
  // What this step does in one go, where it only cuts a text into words, spelled as bytes or not; else no scanner.
  virtual Words words() const { return {}; }
  virtual SafeCuts safe_cuts() const { return SafeCuts::none; }
  virtual bool is_local() const { return false; }        // what becomes of a piece hangs on that piece alone
  virtual bool drops_white_space() const { return false; }    // no piece has any
  virtual bool cuts_at_spaces_alone() const { return false; } // white space, or what stands for it
  virtual bool adds_prefix() const { return false; }          // in front of a piece, which then says where pieces begin
  virtual bool isolates(char /*ascii*/) const { return false; }   // it is a piece by itself, wherever it stands
  // Where it surely makes one piece of a text, for which it asks no origin: what it puts in front of that.
  virtual std::optional<std::string_view> before_whole(std::string_view /*text*/) const { return std::nullopt; }
};

// Gets one encoding for each input sequence; what it returns is joined end to end.
class PostProcessor {
 public:
  virtual ~PostProcessor() = default;
  virtual std::vector<Encoding> process(std::vector<Encoding> sequences, bool add_special) const = 0;
  virtual size_t added_tokens(bool /*pair*/) const { return 0; }   // how many it adds to one text, or to two
  virtual bool keeps_offsets() const { return true; }              // of the tokens that it is given
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void decode(std::vector<std::string>& tokens) const = 0;
  // What one token in the middle of a text stands for; may be a part of a character.
  virtual std::string token_bytes(std::string token) const { return token; }
};

struct StepKind {
  std::string_view type;
  std::unique_ptr<Normalizer> (*normalizer)(const Json&) = nullptr;
  std::unique_ptr<PreTokenizer> (*pre_tokenizer)(const Json&) = nullptr;
  std::unique_ptr<PostProcessor> (*post_processor)(const Json&) = nullptr;
  std::unique_ptr<Decoder> (*decoder)(const Json&) = nullptr;
};

// The step that `config` ({"type": …, fields}) describes. Throws Error, of kind `unsupported` for a type not known here.
std::unique_ptr<Normalizer> make_normalizer(const Json& config);
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& config);
std::unique_ptr<PostProcessor> make_post_processor(const Json& config);
std::unique_ptr<Decoder> make_decoder(const Json& config);

// Fields of a step's JSON; each throws a bad_file Error naming the type and the field. One with a fallback may be absent.
bool flag_field(const Json& config, const char* name);
bool flag_field(const Json& config, const char* name, bool fallback);
std::string text_field(const Json& config, const char* name);
std::string text_field(const Json& config, const char* name, std::string_view fallback);
char32_t char_field(const Json& config, const char* name);
int64_t count_field(const Json& config, const char* name);                     // a whole number >= 0
int64_t count_field(const Json& config, const char* name, int64_t fallback);
const Json& list_field(const Json& config, const char* name);                  // an array
[[noreturn]] void bad_field(const Json& config, const char* name, const std::string& expected);

}  // namespace orrery
