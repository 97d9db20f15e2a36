#include "train/trainer_state.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"

namespace orrery {

namespace {
constexpr std::string_view kPrefix = "checkpoint-";
constexpr int kFormat = 1;
}  // namespace

Json TrainerState::to_json() const {
  return {{"format", kFormat}, {"step", step}, {"cursor", {{"document", cursor.document}, {"piece", cursor.piece}}}, {"kernels", kernels}, {"recipe", recipe}};
}

Result<TrainerState> TrainerState::from_json(const Json& json, const std::string& where) {
  const auto whole = [](const Json& parent, const char* key) { return parent.is_object() && parent.contains(key) && parent[key].is_number_integer() && parent[key].get<int64_t>() >= 0; };
  if (!whole(json, "format") || json["format"].get<int64_t>() != kFormat) return Error{ErrorKind::bad_file, "this is not the state of a training run", where};
  if (!whole(json, "step") || !json.contains("cursor") || !whole(json["cursor"], "document") || !whole(json["cursor"], "piece") || !json.contains("recipe") || !json["recipe"].is_object())
    return Error{ErrorKind::bad_file, "the state of the run lacks its step, cursor or recipe", where};
  TrainerState state;
  state.step = json["step"].get<int64_t>();
  state.cursor = {json["cursor"]["document"].get<uint64_t>(), json["cursor"]["piece"].get<int64_t>()};
  state.recipe = json["recipe"];
  if (json.contains("kernels") && json["kernels"].is_string()) state.kernels = json["kernels"].get<std::string>();
  return state;
}

std::filesystem::path checkpoint_folder(const std::filesystem::path& output, int64_t step) { return output / (std::string(kPrefix) + std::to_string(step)); }

std::vector<int64_t> checkpoint_steps(const std::filesystem::path& output) {
  std::vector<int64_t> steps;
  std::error_code code;
  for (std::filesystem::directory_iterator it(output, code), end; !code && it != end; it.increment(code)) {
    const std::string name = it->path().filename().string();
    int64_t step = 0;
    const char* const last = name.data() + name.size();
    if (!name.starts_with(kPrefix) || std::from_chars(name.data() + kPrefix.size(), last, step).ptr != last) continue;
    std::error_code ignored;
    if (std::filesystem::exists(it->path() / "trainer.json", ignored)) steps.push_back(step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<std::filesystem::path> find_checkpoint(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / "trainer.json", ignored)) return folder;
  const std::vector<int64_t> steps = checkpoint_steps(folder);
  if (steps.empty()) return Error{ErrorKind::not_found, "there is no checkpoint of a training run", folder.string(), std::filesystem::is_directory(folder, ignored) ? "a run that ended before its first --save-every starts anew" : "--resume takes the run's output folder, or a checkpoint-N in it"};
  return checkpoint_folder(folder, steps.back());
}

Result<TrainerState> read_trainer_state(const std::filesystem::path& checkpoint) {
  const std::string where = (checkpoint / "trainer.json").string();
  const Result<std::string> text = read_file(where);
  if (!text) return text.error();
  const Result<Json> json = parse_json(*text, where);
  if (!json) return json.error();
  return TrainerState::from_json(*json, where);
}

}  // namespace orrery
