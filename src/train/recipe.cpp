#include "train/recipe.h"

#include <algorithm>
#include <array>

namespace orrery {

namespace {

// What may be an object in a file, and is its text as an option.
constexpr std::array kModels = {"model", "tokenizer"}, kDocuments = {"data", "eval_data"};

bool is_object_text(const std::string& text) { return text.starts_with("{"); }

std::string resolved(const std::string& path, const std::filesystem::path& folder) {
  if (path.empty() || is_object_text(path) || std::filesystem::path(path).is_absolute()) return path;
  std::error_code ignored;
  const std::filesystem::path beside = folder / path;
  return std::filesystem::exists(beside, ignored) ? beside.lexically_normal().string() : path;
}

Json plain_text(const Json& value, const std::filesystem::path& folder) {
  if (value.is_object()) return to_line(value);
  if (value.is_string()) return resolved(value.get<std::string>(), folder);
  return value;
}

}  // namespace

Json plain_recipe(Json recipe, const std::filesystem::path& folder) {
  if (!recipe.is_object()) return recipe;
  for (const char* key : kModels)
    if (recipe.contains(key)) recipe[key] = plain_text(recipe[key], folder);
  for (const char* key : kDocuments) {
    if (!recipe.contains(key)) continue;
    Json list = Json::array();
    if (recipe[key].is_array())
      for (const Json& one : recipe[key]) list.push_back(plain_text(one, folder));
    else list.push_back(plain_text(recipe[key], folder));
    recipe[key] = std::move(list);
  }
  if (recipe.contains("freeze") && recipe["freeze"].is_string()) recipe["freeze"] = Json::array({recipe["freeze"]});
  return recipe;
}

void check_recipe(const Recipe& recipe, bool has_data) {
  const auto missing = [](const char* key, const char* hint) {
    throw Error{ErrorKind::bad_usage, "the recipe has no \"" + std::string(key) + "\"", "train", hint};
  };
  if (recipe.model.empty()) missing("model", "--model names a checkpoint, or a folder with a config.json");
  if (recipe.data.empty() && !has_data) missing("data", "--data names a file of text, or a corpus: {\"corpus\": \"stories\", \"count\": 1000}");
  if (recipe.output.empty()) missing("output", "--output names the folder for the trained model");
  if (recipe.batch * recipe.seq > int64_t(1) << 24)
    throw Error{ErrorKind::bad_usage, "a batch of " + std::to_string(recipe.batch) + " by " + std::to_string(recipe.seq) + " tokens is too large", "train", "accumulation makes larger steps of smaller batches"};
}

Json recipe_json(const Recipe& recipe) {
  Recipe copy = recipe, defaults;
  OptionSet set, initial;
  set.add(copy);
  initial.add(defaults);
  const Json all = set.to_json(), usual = initial.to_json();
  Json kept = Json::object();
  for (const auto& [key, value] : all.items()) {
    if (usual.contains(key) && usual[key] == value) continue;
    kept[key] = value;
    const auto unfold = [](Json& text) {
      if (!text.is_string() || !is_object_text(text.get<std::string>())) return;
      if (Result<Json> object = parse_json(text.get<std::string>(), "recipe")) text = *object;
    };
    if (std::find(kModels.begin(), kModels.end(), key) != kModels.end()) unfold(kept[key]);
    if (std::find(kDocuments.begin(), kDocuments.end(), key) != kDocuments.end())
      for (Json& one : kept[key]) unfold(one);
    if (kept[key].is_array() && kept[key].size() == 1 && key != "freeze") kept[key] = Json(kept[key][0]);
  }
  return kept;
}

bool matches(std::string_view pattern, std::string_view name) {
  size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  while ((star = pattern.find('*')) != std::string_view::npos) {   // between two stars the first place is as good as any
    const size_t at = name.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return false;
    name.remove_prefix(at + star);
    pattern.remove_prefix(star + 1);
  }
  return name.ends_with(pattern);
}

}  // namespace orrery
