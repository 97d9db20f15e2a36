// `orrery tokenize MODEL --chat FILE`: a conversation to the prompt that the model's chat template makes of it, and its ids.
#pragma once

#include <filesystem>
#include <string>

#include "cli/context.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

struct ChatOptions {
  std::filesystem::path chat;
  std::string chat_template;
  bool add_generation_prompt = false, continue_final_message = false;
  static constexpr auto about = describe(
      "chat", "",
      option(&ChatOptions::chat, "chat", "Read a conversation, a JSON list of messages or an object with \"messages\", and put it through the chat template. What it says never becomes a control token, except with --allow-special all.", unit("FILE")),
      option(&ChatOptions::chat_template, "chat_template", "One of the model's chat templates by its name, or a file of one.", unit("NAME")),
      option(&ChatOptions::add_generation_prompt, "add_generation_prompt", "End where the model is to answer."),
      option(&ChatOptions::continue_final_message, "continue_final_message", "Leave the last message open, for the model to go on with."));
};

void tokenize_chat(Context& context, const Tokenizer& tokenizer, const std::string& model, const ChatOptions& options);

}  // namespace orrery::cli
