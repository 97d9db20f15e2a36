// Conversations to the ids that a model's chat template makes of them: what `tokenize --chat` shows and `generate --chat` goes on from.
//
//   ChatPrompts prompts(context, tokenizer, "llama", "", false);
//   const MadePrompt made = prompts.of(chat::read_conversation(text, "chat.json").value());
#pragma once

#include <optional>
#include <string>

#include "chat/conversation.h"
#include "chat/prompt.h"
#include "chat/template_files.h"
#include "cli/context.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

struct MadePrompt {
  std::string text;
  chat::ChatPrompt prompt;
};

class ChatPrompts {
 public:
  // `wanted` is the name of a template, a file of one, or empty. `trust` lets conversations write control tokens.
  ChatPrompts(const Context& context, const Tokenizer& tokenizer, std::string model, std::string wanted, bool trust)
      : context_(context), tokenizer_(tokenizer), model_(std::move(model)), wanted_(std::move(wanted)), trust_(trust) {}

  // Warns where the conversation names control tokens, which stay text. Throws Error where there is no template, or it refuses.
  MadePrompt of(chat::Conversation conversation);

 private:
  chat::ChatTemplate template_for(bool has_tools) const;

  const Context& context_;
  const Tokenizer& tokenizer_;
  std::string model_, wanted_;
  bool trust_;
  std::optional<chat::ChatFiles> files_;   // read when first asked for
};

// A user's message, after a system message where there is one; the model is to answer.
chat::Conversation one_message(const std::string& user, const std::optional<std::string>& system);

}  // namespace orrery::cli
