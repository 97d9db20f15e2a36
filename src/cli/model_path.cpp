#include "cli/model_path.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/options.h"
#include "checkpoint/checkpoint.h"

namespace orrery::cli {

namespace fs = std::filesystem;

namespace {
std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<fs::path> shipped_folders() {
  std::vector<fs::path> folders;
  if (const std::string folder = environment("ORRERY_CHECKPOINTS"); !folder.empty()) folders.push_back(folder);
  std::error_code failed;
  const fs::path binary = fs::read_symlink("/proc/self/exe", failed);
  if (!failed) {
    folders.push_back((binary.parent_path() / "../../checkpoints").lexically_normal());
    folders.push_back((binary.parent_path() / "../share/orrery/checkpoints").lexically_normal());
  }
  return folders;
}

fs::path hub_cache() {
  if (const std::string folder = environment("HF_HUB_CACHE"); !folder.empty()) return folder;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  if (const std::string home = environment("HOME"); !home.empty()) return fs::path(home) / ".cache/huggingface/hub";
  return {};
}

// The snapshot that refs/main names; where there is no refs/main, the only snapshot.
fs::path hub_snapshot(const fs::path& repository) {
  std::error_code ignored;
  if (Result<std::string> reference = read_file(repository / "refs/main", 4096)) {
    std::string revision = *reference;
    revision.erase(std::remove_if(revision.begin(), revision.end(), [](unsigned char c) { return c <= ' '; }),
                   revision.end());
    const fs::path snapshot = repository / "snapshots" / revision;
    if (revision.find('/') == std::string::npos && fs::is_directory(snapshot, ignored)) return snapshot;
  }
  std::vector<fs::path> snapshots;
  for (const auto& entry : fs::directory_iterator(repository / "snapshots", ignored)) snapshots.push_back(entry.path());
  return snapshots.size() == 1 ? snapshots.front() : fs::path();
}

fs::path refuse_false_gguf(fs::path path) {
  std::error_code ignored;
  if (path.extension() != ".gguf" || !fs::is_regular_file(path, ignored) || is_gguf_file(path)) return path;
  throw Error{ErrorKind::bad_file, "this is not a GGUF file", path.string(), "the download may be incomplete"};
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && text.find('/') == std::string_view::npos;
}
}  // namespace

std::vector<std::string> shipped_checkpoints() {
  std::set<std::string> names;
  std::error_code ignored;
  for (const fs::path& folder : shipped_folders())
    for (const auto& entry : fs::directory_iterator(folder, ignored))
      if (fs::exists(entry.path() / "config.json", ignored)) names.insert(entry.path().filename().string());
  return {names.begin(), names.end()};
}

bool hides_shipped(std::string_view model) {
  std::error_code ignored;
  if (!is_plain_name(model) || !fs::exists(fs::path(model), ignored)) return false;
  for (const fs::path& folder : shipped_folders())
    if (fs::exists(folder / model / "config.json", ignored)) return !fs::equivalent(fs::path(model), folder / model, ignored);
  return false;
}

fs::path model_path(std::string_view model) {
  std::error_code ignored;
  if (fs::exists(fs::path(model), ignored)) return refuse_false_gguf(fs::path(model));
  std::vector<std::string> looked = {"no such file or folder here"};
  if (is_plain_name(model)) {
    for (const fs::path& folder : shipped_folders()) {
      if (fs::is_directory(folder / model, ignored)) return folder / model;
      looked.push_back("not in " + folder.string());
    }
  }
  std::string fetch;
  const size_t slash = model.find('/');
  if (slash != std::string_view::npos && is_plain_name(model.substr(0, slash)) &&
      is_plain_name(model.substr(slash + 1))) {
    const fs::path cache = hub_cache();
    const fs::path repository =
        cache / ("models--" + std::string(model.substr(0, slash)) + "--" + std::string(model.substr(slash + 1)));
    if (fs::path snapshot = hub_snapshot(repository); !snapshot.empty()) return snapshot;
    looked.push_back("not in the hub's cache " + cache.string());
    fetch = "`hf download " + std::string(model) + "` fetches it from the hub";
  }
  std::string where;
  for (const std::string& place : looked) where += (where.empty() ? "" : "; ") + place;
  const std::vector<std::string> shipped = shipped_checkpoints();
  std::string hint = shipped.empty() ? "give a folder in Hugging Face layout or a GGUF file"
                                     : "a folder in Hugging Face layout, a GGUF file, or one that ships: " + join_or(shipped);
  if (!fetch.empty()) hint = fetch;
  if (const std::string near = nearest(model, shipped); !near.empty()) hint = "did you mean " + near + "?";
  throw Error{ErrorKind::not_found, "there is no model '" + std::string(model) + "'", where, hint};
}

}  // namespace orrery::cli
