// Packed weights of a model, kept in a folder between runs: mapped where they are there, packed and written where not.
//
//   PanelCache cache({.folder = "/home/me/.cache/orrery"}, key, "models/llama");
//   if (auto panels = cache.find("lm_head.weight rows …", format, bytes)) …      // a view of the mapped file, shared by processes
//   else cache.add("lm_head.weight rows …", format, packed);
//   cache.write();                                                               // all that was added, in one more file
//
// Files are named KEY-TABLE.panels and never changed: the key is of the weights, TABLE of the entries, so that processes that write at
// once write the same. No fault of a file or of the folder is an error: the weights are packed as without a cache, and `warn`
// tells why.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/panel_file.h"

namespace orrery {

struct PanelCacheOptions {
  std::filesystem::path folder;
  int64_t max_bytes = 20'000'000'000;                // of all files in the folder; those not used for longest go
  std::function<void(const std::string&)> warn = {};
  std::function<Progress(int64_t weights)> progress = {};   // while a file is written
};

class PanelCache {
 public:
  // key: any text that tells these weights, and how they are laid out, from all others. source: for people.
  PanelCache(PanelCacheOptions options, const std::string& key, std::string source);

  // Panels as they lie in a file; nothing where none has them, or not of this format and size.
  std::optional<Tensor> find(const std::string& name, PanelFormat format, int64_t bytes) const;
  void add(const std::string& name, PanelFormat format, Tensor panels);
  void write();

 private:
  struct Found {
    PanelFormat format = PanelFormat::own;
    Tensor panels;
  };
  void open(const std::filesystem::path& path);
  void warn(const std::string& text) const;

  PanelCacheOptions options_;
  std::string key_, source_;       // key: a digest
  std::map<std::string, Found> found_, added_;
};

// A file of such a folder.
struct PanelCacheFile {
  std::filesystem::path path;
  std::string source;              // empty where the file cannot be read
  int64_t entries = 0, bytes = 0;
  std::filesystem::file_time_type used = {};
};
std::vector<PanelCacheFile> panel_cache_files(const std::filesystem::path& folder);   // the last used first
// Removes files until those left have at most `max_bytes`; the bytes of what went.
int64_t shrink_panel_cache(const std::filesystem::path& folder, int64_t max_bytes);

}  // namespace orrery
