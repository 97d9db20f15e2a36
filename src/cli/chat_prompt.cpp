#include "cli/chat_prompt.h"

#include <algorithm>

#include "cli/loading.h"
#include "cli/model_path.h"

namespace orrery::cli {
namespace {

// The names that the tokenizer's roles have, for checkpoints whose configs do not say.
void add_roles(chat::Dict& variables, const Tokenizer& tokenizer) {
  const SpecialRoles& roles = tokenizer.roles();
  const std::pair<const char*, std::optional<int32_t>> all[] = {{"bos_token", roles.bos}, {"eos_token", roles.eos}, {"unk_token", roles.unk}, {"pad_token", roles.pad}};
  for (const auto& [name, id] : all)
    if (id && !variables.find(name))
      if (const auto token = tokenizer.token_of(*id)) variables.set(chat::Value::text(name), chat::Value::text(*token));
}

chat::Value message(const char* role, const std::string& content) {
  chat::Dict made;
  made.set(chat::Value::text("role"), chat::Value::text(role));
  made.set(chat::Value::text("content"), chat::Value::text(chat::Text::from_input(content)));
  return chat::Value::dict(std::move(made));
}

}  // namespace

chat::ChatTemplate ChatPrompts::template_for(bool has_tools) const {
  const bool is_name = std::any_of(files_->templates.begin(), files_->templates.end(), [&](const auto& t) { return t.name == wanted_; });
  if (wanted_.empty() || is_name || !std::filesystem::exists(wanted_)) return files_->choose(wanted_, has_tools).value();
  return chat::ChatTemplate::parse(read_text(wanted_), wanted_).value();
}

MadePrompt ChatPrompts::of(chat::Conversation conversation) {
  if (!files_) files_ = chat_files(model_path(model_)).value();
  for (const auto& [name, token] : files_->special_tokens.items)
    if (!conversation.variables.find(name)) conversation.variables.set(name, token);
  add_roles(conversation.variables, tokenizer_);
  const chat::ChatTemplate chosen = template_for(!conversation.tools.is_none());
  const chat::Text text = chat::apply(chosen, conversation).value();
  MadePrompt made{text.bytes, chat::encode_prompt(tokenizer_, text, chosen, trust_)};
  if (made.prompt.defused > 0) context_.warn("the conversation names control tokens, which were encoded as text: " + std::to_string(made.prompt.defused));
  return made;
}

chat::Conversation one_message(const std::string& user, const std::optional<std::string>& system) {
  chat::Conversation made;
  std::vector<chat::Value> messages;
  if (system) messages.push_back(message("system", *system));
  messages.push_back(message("user", user));
  made.messages = chat::Value::list(std::move(messages));
  made.add_generation_prompt = true;
  return made;
}

}  // namespace orrery::cli
