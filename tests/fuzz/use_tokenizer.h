// What is promised of every tokenizer that loads, whatever it was read from.
#pragma once

#include <string_view>

#include "base/utf8.h"
#include "check.h"
#include "tokenize/tokenizer.h"

// Encodes a text, decodes the ids and streams them without a crash; its own tokenizer.json loads to the same ids. Throws Error
// where the vocabulary lacks the unknown token that the text needs, and for a text that grows without end.
inline void use_tokenizer(const orrery::Tokenizer& tokenizer, std::string_view text) {
  const orrery::Encoding e = tokenizer.encode(text, {.pair = text});
  FUZZ_CHECK(tokenizer.encode_ids(text, {.pair = text}) == e.ids);
  const auto saved = orrery::Tokenizer::from_json(tokenizer.to_json());
  FUZZ_CHECK(saved.ok() && saved->encode_ids(text, {.pair = text}) == e.ids);
  tokenizer.decode(e.ids, true);
  orrery::DecodeStream stream(tokenizer);
  for (const int32_t id : e.ids) FUZZ_CHECK(orrery::is_valid_utf8(stream.push(id)));
  stream.finish();
  for (const int32_t id : e.ids) tokenizer.token_bytes(id);
}
