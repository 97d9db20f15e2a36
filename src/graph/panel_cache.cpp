#include "graph/panel_cache.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/sha256.h"

namespace orrery {

namespace {

constexpr const char* kEnding = ".panels";
constexpr std::chrono::hours kForgotten{1};      // a file that is being written for so long has no writer any more

struct Listed {
  std::filesystem::path path;
  int64_t bytes = 0;
  std::filesystem::file_time_type used = {};
};

// The files in the folder whose names match; nothing where there is no folder.
template <class Matches>
std::vector<Listed> listed(const std::filesystem::path& folder, Matches&& matches) {
  std::vector<Listed> files;
  std::error_code failed;
  for (std::filesystem::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    std::error_code gone;
    Listed file{at->path(), 0, {}};
    if (!matches(file.path.filename().string()) || !at->is_regular_file(gone)) continue;
    file.bytes = int64_t(at->file_size(gone));
    if (!gone) file.used = at->last_write_time(gone);
    if (!gone) files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const Listed& a, const Listed& b) { return std::pair(b.used, a.path) < std::pair(a.used, b.path); });
  return files;
}

}  // namespace

PanelCache::PanelCache(PanelCacheOptions options, const std::string& key, std::string source) : options_(std::move(options)), key_(sha256(key)), source_(std::move(source)) {
  const std::string begin = hex(key_).substr(0, 32) + "-";
  for (const Listed& file : listed(options_.folder, [&](const std::string& name) { return name.starts_with(begin) && name.ends_with(kEnding); })) open(file.path);
}

void PanelCache::warn(const std::string& text) const {
  if (options_.warn) options_.warn(text);
}

void PanelCache::open(const std::filesystem::path& path) {
  Result<MappedFile> opened = MappedFile::open(path);
  if (!opened) return;   // another process removed it
  const auto file = std::make_shared<const MappedFile>(std::move(*opened));
  const Result<PanelTable> table = parse_panel_table(file->bytes(), path.string());
  if (!table) return warn("packed weights are made anew: " + table.error().message());
  if (table->key != key_) return;
  file->read_in_large_pages();
  const std::shared_ptr<Storage> storage = storage_of(file);
  for (const PanelEntry& entry : table->entries) found_[entry.name] = {entry.format, Tensor::view(storage, DType::u8, {int64_t(entry.bytes)}, entry.offset)};
  std::error_code read_only;
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), read_only);
}

std::optional<Tensor> PanelCache::find(const std::string& name, PanelFormat format, int64_t bytes) const {
  const auto it = found_.find(name);
  if (it == found_.end() || it->second.format != format || int64_t(it->second.panels.bytes()) != bytes) return std::nullopt;
  return it->second.panels;
}

void PanelCache::add(const std::string& name, PanelFormat format, Tensor panels) { added_[name] = {format, std::move(panels)}; }

void PanelCache::write() {
  if (added_.empty()) return;
  PanelTable table{.key = key_, .source = source_, .entries = {}};
  std::vector<Tensor> panels;
  std::string entries;
  int64_t bytes = 0;
  for (const auto& [name, one] : std::exchange(added_, {})) {
    table.entries.push_back({name, one.format, 0, one.panels.bytes()});
    panels.push_back(one.panels);
    entries += name + "\n";
    bytes += int64_t(one.panels.bytes() + kPanelAlignment);
  }
  if (bytes > options_.max_bytes) return warn("packed weights of " + std::to_string(bytes) + " bytes are not kept: the limit is " + std::to_string(options_.max_bytes));
  std::error_code failed;
  std::filesystem::create_directories(options_.folder, failed);
  shrink_panel_cache(options_.folder, options_.max_bytes - bytes);
  const std::filesystem::path path = options_.folder / (hex(key_).substr(0, 32) + "-" + hex(sha256(entries)).substr(0, 16) + kEnding);
  std::optional<Progress> progress;
  if (options_.progress) progress.emplace(options_.progress(int64_t(panels.size())));
  const Status status = write_panel_file(path, std::move(table), panels, progress ? &*progress : nullptr);
  progress.reset();
  if (!status) warn("packed weights are not kept: " + status.error().message());
}

std::vector<PanelCacheFile> panel_cache_files(const std::filesystem::path& folder) {
  std::vector<PanelCacheFile> files;
  for (const Listed& one : listed(folder, [](const std::string& name) { return name.ends_with(kEnding); })) {
    PanelCacheFile file{one.path, "", 0, one.bytes, one.used};
    if (const Result<MappedFile> mapped = MappedFile::open(one.path))
      if (const Result<PanelTable> table = parse_panel_table(mapped->bytes(), one.path.string())) file.source = table->source, file.entries = int64_t(table->entries.size());
    files.push_back(std::move(file));
  }
  return files;
}

int64_t shrink_panel_cache(const std::filesystem::path& folder, int64_t max_bytes) {
  int64_t kept = 0, removed = 0;
  std::error_code failed;
  const auto remove = [&](const Listed& file) {
    if (std::filesystem::remove(file.path, failed)) removed += file.bytes;
  };
  for (const Listed& file : listed(folder, [](const std::string& name) { return name.find(std::string(kEnding) + ".tmp-") != std::string::npos; }))
    if (max_bytes <= 0 || std::filesystem::file_time_type::clock::now() - file.used > kForgotten) remove(file);
  for (const Listed& file : listed(folder, [](const std::string& name) { return name.ends_with(kEnding); })) {
    if (kept + file.bytes > max_bytes) remove(file);
    else kept += file.bytes;
  }
  return removed;
}

}  // namespace orrery
