#include "cli/tokenize_chat.h"

#include <algorithm>

#include "base/npy.h"
#include "cli/chat_prompt.h"
#include "cli/loading.h"

namespace orrery::cli {
namespace {

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
  chat::Conversation conversation = chat::read_conversation(read_text(options.chat), options.chat.string()).value();
  if (context.options().given("add_generation_prompt")) conversation.add_generation_prompt = options.add_generation_prompt;
  if (options.continue_final_message && conversation.continue_field.empty()) conversation.continue_field = "content";
  const bool trust = context.options().given("allow_special") && context.options().find("allow_special")->value() == "all";
  const auto [text, prompt] = ChatPrompts(context, tokenizer, model, options.chat_template, trust).of(std::move(conversation));
  if (context.globals().output.extension() == ".npy") {
    const std::vector<uint32_t> ids(prompt.ids.begin(), prompt.ids.end());
    write_npy(context.out().take_file(), {int64_t(ids.size())}, std::span<const uint32_t>(ids)).value();
  } else if (context.json()) {
    Json shown = {{"text", text}, {"ids", prompt.ids}, {"tokens", prompt.tokens}, {"special", Json::array()}};
    for (const int32_t id : prompt.ids) shown["special"].push_back(tokenizer.is_special(id) ? 1 : 0);
    if (std::find(prompt.generated.begin(), prompt.generated.end(), 1) != prompt.generated.end()) shown["assistant_mask"] = prompt.generated;
    context.out().json(shown);
  } else {
    print(context.out(), text, prompt);
  }
}

}  // namespace orrery::cli
