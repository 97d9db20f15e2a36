// Decoding by look-up: what each token stands for, laid end to end in one memory. For the decoders that make a text token by token, but
// for what they do to its ends:
//
//   WordPiece, Metaspace                  the first token is told apart
//   ByteLevel                             the text is repaired as a whole
//   ▁ as spaces, ByteFallback, Fuse, Strip   runs of bytes are repaired, then spaces at the beginning go (Llama 2)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenize/step.h"

namespace orrery {

class DecodeTable {
 public:
  struct Token {
    std::optional<std::string_view> text;   // none: decoding leaves it out
    bool special = false;
  };
  // Nothing where the decoder, of this JSON, is another. `tokens` by id. The decoder outlives the table.
  static std::optional<DecodeTable> make(const Json& json, const Decoder& decoder, std::span<const Token> tokens);

  // As the decoder's.
  std::string decode(std::span<const int32_t> ids, bool skip_special) const;

 private:
  enum class Kind { tokens, bytes, fallback };
  static constexpr uint8_t kAbsent = 1, kSpecial = 2, kByte = 4;
  static constexpr size_t kPadding = 16;
  struct Entry {
    uint32_t at = 0;
    uint32_t size : 24 = 0, flags : 8 = kAbsent;
  };

  const Entry& entry(int32_t id) const { return static_cast<uint32_t>(id) < entries_.size() ? entries_[static_cast<uint32_t>(id)] : absent_; }
  char* write_run(std::span<const int32_t> ids, size_t& i, unsigned skipped, char* to) const;

  Kind kind_ = Kind::tokens;
  int64_t strip_ = 0;              // spaces that go from the beginning
  std::vector<Entry> entries_;
  std::string bytes_;              // padded
  std::vector<std::string> first_; // by id: of the first token
  Entry absent_;
};

}  // namespace orrery
