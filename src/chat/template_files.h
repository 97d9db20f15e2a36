// Where a checkpoint keeps its chat templates: chat_template.jinja, chat_template.json, additional_chat_templates/NAME.jinja,
// and the field chat_template of tokenizer_config.json, a text or a list of {"name", "template"}. Files go before the field.
//
//   Result<ChatFiles> files = read_chat_files("models/llama");
//   Result<ChatTemplate> chosen = files->choose("", has_tools);
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "chat/template.h"

namespace orrery::chat {

struct ChatFiles {
  struct Named {
    std::string name, source, where;
  };
  std::vector<Named> templates;
  Dict special_tokens;   // bos_token, eos_token, … and their texts

  // The template of that name. Without a name: "tool_use" where there are tools and such a template, else "default".
  Result<ChatTemplate> choose(const std::string& name, bool has_tools) const;
};

// Nothing in `templates` where the folder has none.
Result<ChatFiles> read_chat_files(const std::filesystem::path& folder);

}  // namespace orrery::chat
