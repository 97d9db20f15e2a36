// Any JSON as the recipe of a training run: refused, or all its values are such as their descriptions allow; what the trained model's
// recipe.json would say reads back the same. Patterns of weights to freeze match as the plain way has it.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "check.h"
#include "train/recipe.h"

namespace {

using namespace orrery;

const std::filesystem::path kFolder = "/no/such/folder";   // nothing lies beside the recipe, so no path is resolved

bool read(const Json& json, Recipe& recipe) {
  OptionSet set;
  set.add(recipe);
  return set.from_json(plain_recipe(json, kFolder), "input").ok();
}

void check_values(Recipe& recipe) {
  OptionSet set;
  set.add(recipe);
  for (const Option& option : set.options()) {
    const Json value = option.value();
    const std::vector<std::string> choices = option.choices();
    if (value.is_number()) FUZZ_CHECK(value.get<double>() >= option.info.low && value.get<double>() <= option.info.high);
    if (!choices.empty()) FUZZ_CHECK(std::find(choices.begin(), choices.end(), value.get<std::string>()) != choices.end());
  }
}

// By columns of the table of (begin of the pattern, begin of the name).
bool matches_plainly(std::string_view pattern, std::string_view name) {
  std::vector<bool> ends(name.size() + 1, false);   // whether the pattern so far matches so much of the name
  ends[0] = true;
  for (const char c : pattern) {
    if (c == '*') {
      for (size_t i = 0; i < name.size(); ++i) ends[i + 1] = ends[i + 1] || ends[i];
    } else {
      for (size_t i = name.size(); i > 0; --i) ends[i] = ends[i - 1] && name[i - 1] == c;
      ends[0] = false;
    }
  }
  return ends[name.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  Recipe recipe, again;
  if (!json || !read(*json, recipe)) return 0;
  check_values(recipe);

  const Json kept = recipe_json(recipe);
  FUZZ_CHECK(read(kept, again));
  FUZZ_CHECK(recipe_json(again) == kept);

  try {
    check_recipe(recipe);
    FUZZ_CHECK(!recipe.model.empty() && !recipe.data.empty() && !recipe.output.empty() && recipe.batch * recipe.seq <= int64_t(1) << 24);
  } catch (const Error& error) {
    FUZZ_CHECK(error.kind == ErrorKind::bad_usage);
  }
  for (const std::string& pattern : recipe.freeze)
    for (const std::string_view name : {"transformer.h.0.attn.c_attn.weight", "lm_head.weight", ""}) FUZZ_CHECK(matches(pattern, name) == matches_plainly(pattern, name));
  return 0;
}
