#include "chat/conversation.h"

#include <algorithm>
#include <array>

#include "chat/failure.h"

namespace orrery::chat {
namespace {

constexpr std::array<std::string_view, 3> kReasoningFields = {"reasoning_content", "thinking", "reasoning"};
// Templates write roles into control tokens (<|user|>), so these words count as the template's; any other is input.
constexpr std::array<std::string_view, 9> kRoles = {"assistant", "developer", "documents", "function", "ipython", "model", "system", "tool", "user"};
const Text kTag = Text::from_template("CONTINUE_FINAL_MESSAGE_TAG ");

Value trusted_role(const Value& value) {
  const Text* text = value.as_text();
  return text && std::find(kRoles.begin(), kRoles.end(), text->bytes) != kRoles.end() ? Value::text(text->bytes) : value;
}

// A message as templates see it.
Dict prepared(const Dict& message) {
  Dict plain;
  for (const auto& [key, value] : message.items)
    if (!value.is_none()) plain.set(key, key.as_text() && key.as_text()->bytes == "role" ? trusted_role(value) : value);
  const Value* reasoning = nullptr;
  for (const std::string_view field : kReasoningFields)
    if (!reasoning) reasoning = plain.find(field);
  if (!reasoning) return plain;
  Dict made;
  made.set(Value::text("thinking"), *reasoning);
  for (const auto& [key, value] : plain.items) made.set(key, value);
  made.set(Value::text("reasoning_content"), *reasoning);
  return made;
}

Value tagged(const Value& value) {
  const Text* text = value.as_text();
  if (!text) fail("the final message's text to continue is no text");
  Text made = *text;
  made.append(kTag);
  return Value::text(std::move(made));
}

// Appends the tag to what is to be continued; returns its text.
Text tag_final(Dict& message, const std::string& field, const ChatTemplate& chat_template) {
  const Value* found = message.find(field);
  if (!found) fail("the final message has no \"" + field + "\" to continue");
  std::vector<std::string> fields = {field};
  if (std::find(kReasoningFields.begin(), kReasoningFields.end(), field) != kReasoningFields.end()) {
    fields.clear();
    for (const std::string_view name : kReasoningFields)
      if (const Value* other = message.find(name); other && equal(*other, *found)) fields.emplace_back(name);
  }
  if (std::none_of(fields.begin(), fields.end(), [&](const std::string& f) { return chat_template.source().find(f) != std::string::npos; }))
    fail("the template does not read \"" + field + "\", which is to be continued");
  if (const Sequence* parts = found->as_list()) {
    std::vector<Value> items = parts->items;
    for (size_t i = items.size(); i-- > 0;) {
      const Dict* part = items[i].as_dict();
      const Value* text = part ? part->find("text") : nullptr;
      if (!text || !text->as_text()) continue;
      const Text final_text = *text->as_text();
      Dict changed = *part;
      changed.set(Value::text("text"), tagged(*text));
      items[i] = Value::dict(std::move(changed));
      message.set(Value::text(field), Value::list(std::move(items)));
      return final_text;
    }
    fail("the final message has no text to continue");
  }
  const Value original = *found;
  const Value changed = tagged(original);
  for (const std::string& name : fields) message.set(Value::text(name), changed);
  return *original.as_text();
}

Text cut_at_tag(const Text& prompt, const Text& final_text) {
  const std::string_view tag = std::string_view(kTag.bytes).substr(0, kTag.size() - 1);
  const size_t begin = skip_spaces(final_text.bytes, 0), end = std::max(begin, skip_spaces_back(final_text.bytes, final_text.size()));
  const size_t at = prompt.bytes.rfind(tag);
  if (at == std::string::npos || find_text(prompt.bytes, std::string_view(final_text.bytes).substr(begin, end - begin)) == std::string::npos)
    fail("the final message does not appear in the prompt, so it cannot be continued", ErrorKind::unsupported);
  const bool kept_space = std::string_view(prompt.bytes).substr(at).starts_with(kTag.bytes);
  return prompt.part(0, kept_space ? at : skip_spaces_back(prompt.bytes, at));
}

Text applied(const ChatTemplate& chat_template, const Conversation& c, const RenderOptions& options) {
  const Sequence* list = c.messages.as_list();
  if (!list) fail("the messages are no list");
  if (list->items.empty()) fail("there are no messages");
  if (c.add_generation_prompt && !c.continue_field.empty()) fail("a final message is continued or a new one begun, not both", ErrorKind::bad_usage);
  std::vector<Value> messages;
  std::optional<Text> final_text;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const Dict* message = list->items[i].as_dict();
    if (!message) fail("message " + std::to_string(i) + " is no object");
    Dict made = prepared(*message);
    if (i + 1 == list->items.size() && !c.continue_field.empty()) final_text = tag_final(made, c.continue_field, chat_template);
    messages.push_back(Value::dict(std::move(made)));
  }
  Dict variables = c.variables;
  variables.set(Value::text("messages"), Value::list(std::move(messages)));
  variables.set(Value::text("tools"), c.tools);
  variables.set(Value::text("documents"), c.documents);
  variables.set(Value::text("add_generation_prompt"), Value::boolean(c.add_generation_prompt));
  Text prompt = chat_template.render(variables, options).value();
  return final_text ? cut_at_tag(prompt, *final_text) : prompt;
}

}  // namespace

Result<Conversation> read_conversation(std::string_view json, std::string_view where) {
  const Result<Value> read = Value::parse_json(json, where);
  if (!read) return read.error();
  Conversation c;
  if (read->as_list()) {
    c.messages = *read;
    return c;
  }
  const auto bad = [&](const std::string& what) { return Error{ErrorKind::bad_file, what, std::string(where)}; };
  const Dict* object = read->as_dict();
  if (!object || !object->find("messages")) return bad("a chat is a list of messages, or an object with \"messages\"");
  for (const auto& [key, value] : object->items) {
    const std::string& name = key.as_text()->bytes;
    if (name == "messages") {
      c.messages = value;
    } else if (name == "tools") {
      c.tools = value;
    } else if (name == "documents") {
      c.documents = value;
    } else if (name == "add_generation_prompt") {
      if (!value.as_bool()) return bad("\"add_generation_prompt\" is true or false");
      c.add_generation_prompt = value.truthy();
    } else if (name == "continue_final_message") {
      if (value.as_text()) c.continue_field = value.as_text()->bytes;
      else if (value.as_bool()) c.continue_field = value.truthy() ? "content" : "";
      else return bad("\"continue_final_message\" is true, false or the name of a field");
    } else if (name == "chat_template_kwargs") {
      if (!value.as_dict()) return bad("\"chat_template_kwargs\" is no object");
      for (const auto& [variable, given] : value.as_dict()->items) c.variables.set(variable, given);
    } else {
      c.variables.set(key, value);
    }
  }
  return c;
}

Result<Text> apply(const ChatTemplate& chat_template, const Conversation& conversation, const RenderOptions& options) {
  try {
    return applied(chat_template, conversation, options);
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace orrery::chat
