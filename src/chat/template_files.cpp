#include "chat/template_files.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"

namespace orrery::chat {
namespace {

namespace fs = std::filesystem;

void add(ChatFiles& files, std::string name, std::string source, std::string where) {
  files.templates.push_back({std::move(name), std::move(source), std::move(where)});
}

// The field chat_template of a JSON file.
Status add_field(ChatFiles& files, const Json& json, const std::string& where) {
  const auto field = json.find("chat_template");
  if (field == json.end() || field->is_null()) return done();
  const auto bad = [&] { return Error{ErrorKind::bad_file, "\"chat_template\" is neither a text nor a list of {\"name\", \"template\"}", where}; };
  if (field->is_string()) {
    add(files, "default", field->get<std::string>(), where);
    return done();
  }
  if (!field->is_array()) return bad();
  for (const Json& entry : *field) {
    const auto text = [&](const char* key) { return entry.is_object() && entry.contains(key) && entry[key].is_string(); };
    if (!text("name") || !text("template")) return bad();
    add(files, entry["name"].get<std::string>(), entry["template"].get<std::string>(), where);
  }
  return done();
}

void add_special(ChatFiles& files, const Json& json) {
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    const auto field = json.find(name);
    if (field == json.end() || files.special_tokens.find(name)) continue;
    if (field->is_string()) files.special_tokens.set(Value::text(name), Value::text(field->get<std::string>()));
    else if (field->is_object() && field->contains("content") && (*field)["content"].is_string())
      files.special_tokens.set(Value::text(name), Value::text((*field)["content"].get<std::string>()));
  }
}

Result<Json> read_object(const fs::path& path) {
  const Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Result<Json> json = parse_json(*text, path.string());
  if (json && !json->is_object()) return Error{ErrorKind::bad_file, "the file is no JSON object", path.string()};
  return json;
}

}  // namespace

Result<ChatFiles> read_chat_files(const fs::path& folder) {
  ChatFiles files;
  std::error_code ignored;
  const auto there = [&](const fs::path& path) { return fs::exists(path, ignored); };
  if (const fs::path path = folder / "chat_template.jinja"; there(path)) {
    const Result<std::string> text = read_file(path);
    if (!text) return text.error();
    add(files, "default", *text, path.string());
  }
  if (const fs::path more = folder / "additional_chat_templates"; fs::is_directory(more, ignored)) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(more, ignored))
      if (entry.path().extension() == ".jinja") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) {
      const Result<std::string> text = read_file(path);
      if (!text) return text.error();
      add(files, path.stem().string(), *text, path.string());
    }
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json", "special_tokens_map.json"}) {
    const fs::path path = folder / name;
    if (!there(path)) continue;
    const Result<Json> json = read_object(path);
    if (!json) return json.error();
    if (files.templates.empty())
      if (const Status read = add_field(files, *json, path.string()); !read) return read.error();
    add_special(files, *json);
  }
  return files;
}

Result<ChatTemplate> ChatFiles::choose(const std::string& name, bool has_tools) const {
  const auto named = [&](std::string_view wanted) { return std::find_if(templates.begin(), templates.end(), [&](const Named& t) { return t.name == wanted; }); };
  auto found = templates.end();
  if (!name.empty()) {
    found = named(name);
  } else {
    if (has_tools) found = named("tool_use");
    if (found == templates.end()) found = named("default");
  }
  if (found != templates.end()) return ChatTemplate::parse(found->source, found->where);
  std::string names;
  for (const Named& t : templates) names += (names.empty() ? "" : ", ") + t.name;
  if (templates.empty()) return Error{ErrorKind::not_found, "the model has no chat template", name.empty() ? "" : name, "`--chat-template FILE` gives one"};
  return Error{ErrorKind::not_found, name.empty() ? "none of the model's chat templates is the default" : "the model has no chat template of that name", name, "it has " + names};
}

}  // namespace orrery::chat
