// Messages to a prompt's text, as transformers' apply_chat_template does it around the template: keys whose value is null
// are dropped, reasoning is given under its several names, a final message may be left open to be continued.
//
//   Conversation c;
//   c.messages = Value::parse_json(text, "chat.json").value();
//   c.add_generation_prompt = true;
//   Result<Text> prompt = apply(*chat_template, c);
#pragma once

#include <optional>
#include <string>

#include "chat/template.h"

namespace orrery::chat {

struct Conversation {
  Value messages = Value::list({});
  Value tools = Value::none(), documents = Value::none();
  bool add_generation_prompt = false;
  std::string continue_field;   // the field of the final message to go on with; empty: none
  Dict variables;               // bos_token and the like, and whatever else the template reads (enable_thinking, …)
};

// A list of messages, or an object with "messages" and any of "tools", "documents", "add_generation_prompt",
// "continue_final_message", "chat_template_kwargs"; other keys are variables of the template.
Result<Conversation> read_conversation(std::string_view json, std::string_view where);

Result<Text> apply(const ChatTemplate& chat_template, const Conversation& conversation, const RenderOptions& options = {});

}  // namespace orrery::chat
