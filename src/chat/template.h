// A chat template: the Jinja program of a checkpoint that turns messages into the text its model was trained on.
//
//   Result<ChatTemplate> made = ChatTemplate::parse(source, "chat_template.jinja");
//   Result<Text> prompt = made->render(variables);    // of the template alone; conversation.h prepares messages
//
// Immutable: any number of threads may render one.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "chat/interpreter.h"

namespace orrery::chat {

struct RenderOptions {
  Limits limits;
  std::optional<std::tm> now;   // what strftime_now tells; the local time where absent
};

class ChatTemplate {
 public:
  // `name` stands for the template in errors.
  static Result<ChatTemplate> parse(std::string_view source, std::string_view name);

  Result<Text> render(const Dict& variables, const RenderOptions& options = {}) const;

  const std::string& source() const { return source_; }
  const std::string& name() const { return name_; }
  // All text and string constants of the template, with zeros between them: what it can put into a prompt by itself.
  const std::string& literals() const { return literals_; }

 private:
  ChatTemplate() = default;
  std::string source_, name_, literals_;
  std::shared_ptr<const Body> body_;
};

}  // namespace orrery::chat
