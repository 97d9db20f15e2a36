// A rendered conversation to ids, so that what came from messages never becomes a control token.
//
//   ChatPrompt prompt = encode_prompt(tokenizer, text, *chat_template);
//
// Control tokens are the special tokens of the tokenizer, and those of its other added tokens that the template writes
// itself. Where one stands in the text and any of its bytes came from the conversation, it is encoded as plain text; the
// rest as always, so a conversation without such places has the ids that the whole text has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/template.h"
#include "tokenize/tokenizer.h"

namespace orrery::chat {

struct ChatPrompt {
  std::vector<int32_t> ids;
  std::vector<std::string> tokens;
  std::vector<uint8_t> generated;   // 1 for tokens of {% generation %}: what a model wrote
  int64_t defused = 0;              // control tokens of the conversation that were encoded as text
};

// `trust_input` lets the conversation write control tokens. Throws Error where the tokenizer makes one of plain text.
ChatPrompt encode_prompt(const Tokenizer& tokenizer, const Text& text, const ChatTemplate& chat_template, bool trust_input = false);

}  // namespace orrery::chat
