#include "cli/tokenize_chat.h"

#include <algorithm>

#include "base/npy.h"
#include "base/utf8.h"
#include "chat/conversation.h"
#include "chat/prompt.h"
#include "chat/template_files.h"
#include "cli/loading.h"
#include "cli/model_path.h"

namespace orrery::cli {
namespace {

chat::ChatTemplate template_of(const chat::ChatFiles& files, const std::string& wanted, bool has_tools) {
  const bool is_name = std::any_of(files.templates.begin(), files.templates.end(), [&](const auto& t) { return t.name == wanted; });
  if (wanted.empty() || is_name || !std::filesystem::exists(wanted)) return files.choose(wanted, has_tools).value();
  return chat::ChatTemplate::parse(read_text(wanted), wanted).value();
}

// The names that the tokenizer's roles have, for checkpoints whose configs do not say.
void add_roles(chat::Dict& variables, const Tokenizer& tokenizer) {
  const SpecialRoles& roles = tokenizer.roles();
  const std::pair<const char*, std::optional<int32_t>> all[] = {{"bos_token", roles.bos}, {"eos_token", roles.eos}, {"unk_token", roles.unk}, {"pad_token", roles.pad}};
  for (const auto& [name, id] : all)
    if (id && !variables.find(name))
      if (const auto token = tokenizer.token_of(*id)) variables.set(chat::Value::text(name), chat::Value::text(*token));
}

void print(Output& out, const std::string& text, const chat::ChatPrompt& prompt) {
  out.line(text);
  out.line("");
  out.line("     id  token");
  for (size_t i = 0; i < prompt.ids.size(); ++i) {
    const std::string id = std::to_string(prompt.ids[i]);
    out.line(std::string(7 - std::min<size_t>(7, id.size()), ' ') + id + "  " + printable(prompt.tokens[i]));
  }
  out.line(std::to_string(prompt.ids.size()) + (prompt.ids.size() == 1 ? " token" : " tokens"));
}

}  // namespace

void tokenize_chat(Context& context, const Tokenizer& tokenizer, const std::string& model, const ChatOptions& options) {
  for (const char* other : {"text", "file", "jsonl", "pair", "decode"})
    if (context.options().given(other)) throw Error{ErrorKind::bad_usage, "a chat and another text exclude each other", "--chat " + options.chat.string()};
  const chat::ChatFiles files = chat_files(model_path(model)).value();
  chat::Conversation conversation = chat::read_conversation(read_text(options.chat), options.chat.string()).value();
  if (context.options().given("add_generation_prompt")) conversation.add_generation_prompt = options.add_generation_prompt;
  if (options.continue_final_message && conversation.continue_field.empty()) conversation.continue_field = "content";
  for (const auto& [name, token] : files.special_tokens.items)
    if (!conversation.variables.find(name)) conversation.variables.set(name, token);
  add_roles(conversation.variables, tokenizer);

  const chat::ChatTemplate chosen = template_of(files, options.chat_template, !conversation.tools.is_none());
  const chat::Text text = chat::apply(chosen, conversation).value();
  const bool trust = context.options().given("allow_special") && context.options().find("allow_special")->value() == "all";
  const chat::ChatPrompt prompt = chat::encode_prompt(tokenizer, text, chosen, trust);
  if (prompt.defused > 0) context.warn("the conversation names control tokens, which were encoded as text: " + std::to_string(prompt.defused));
  if (context.globals().output.extension() == ".npy") {
    const std::vector<uint32_t> ids(prompt.ids.begin(), prompt.ids.end());
    write_npy(context.out().take_file(), {int64_t(ids.size())}, std::span<const uint32_t>(ids)).value();
  } else if (context.json()) {
    Json shown = {{"text", text.bytes}, {"ids", prompt.ids}, {"tokens", prompt.tokens}, {"special", Json::array()}};
    for (const int32_t id : prompt.ids) shown["special"].push_back(tokenizer.is_special(id) ? 1 : 0);
    if (std::find(prompt.generated.begin(), prompt.generated.end(), 1) != prompt.generated.end()) shown["assistant_mask"] = prompt.generated;
    context.out().json(shown);
  } else {
    print(context.out(), text.bytes, prompt);
  }
}

}  // namespace orrery::cli
