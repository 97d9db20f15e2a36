#include "graph/panel_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "base/file.h"
#include "base/sha256.h"

namespace orrery {

namespace {

static_assert(std::endian::native == std::endian::little);
constexpr std::string_view kMagic = "ORRPANEL";
constexpr uint32_t kVersion = 1;
constexpr uint64_t kHead = kPanelChecksumAt + kPanelChecksumBytes;   // up to the key
constexpr uint64_t kKeyBytes = 32;
constexpr uint64_t kWrite = uint64_t(2) << 20;                       // a huge page

uint64_t aligned(uint64_t offset) { return (offset + kPanelAlignment - 1) / kPanelAlignment * kPanelAlignment; }

template <class T>
void put(std::string& text, T number) {
  text.append(reinterpret_cast<const char*>(&number), sizeof number);
}
void put(std::string& text, const std::string& name) {
  put(text, uint32_t(name.size()));
  text += name;
}

// Reads on from `at`; once something is not there, all that follows is empty and `good` is false.
struct Cursor {
  std::string_view text;
  size_t at = 0;
  bool good = true;

  std::string_view take(uint64_t size) {
    if (!good || size > text.size() - at) return good = false, std::string_view();
    at += size_t(size);
    return text.substr(at - size_t(size), size_t(size));
  }
  template <class T>
  T number() {
    const std::string_view bytes = take(sizeof(T));
    T value = 0;
    if (good) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string name() { return std::string(take(number<uint32_t>())); }
};

// Whole huge pages go to the system at once, so that it keeps the file in such pages.
class PageWriter {
 public:
  explicit PageWriter(AtomicFile& file) : file_(file) { kept_.reserve(kWrite); }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t now = kept_.empty() && bytes.size() >= kWrite ? bytes.size() / kWrite * kWrite : std::min(bytes.size(), kWrite - kept_.size());
      if (now >= kWrite) {
        for (size_t at = 0; at < now; at += kWrite) file_.write(bytes.substr(at, kWrite));
      } else {
        kept_ += bytes.substr(0, now);
        if (kept_.size() == kWrite) flush();
      }
      bytes.remove_prefix(now);
      written_ += now;
    }
  }
  void pad_to(uint64_t offset) {
    if (offset > written_) write(std::string(size_t(offset - written_), '\0'));
  }
  void flush() {
    file_.write(kept_);
    kept_.clear();
  }

 private:
  AtomicFile& file_;
  std::string kept_;
  uint64_t written_ = 0;
};

}  // namespace

std::string panel_table_checksum(std::string_view table) {
  std::string text(table);
  text.replace(kPanelChecksumAt, kPanelChecksumBytes, kPanelChecksumBytes, '\0');
  return sha256(text);
}

Result<PanelTable> parse_panel_table(std::span<const std::byte> file, const std::string& where) {
  const auto broken = [&](const std::string& what) { return Error{ErrorKind::bad_file, what, where}; };
  const std::string_view whole(reinterpret_cast<const char*>(file.data()), file.size());
  if (whole.size() < kHead + kKeyBytes || !whole.starts_with(kMagic)) return broken("this is not a file of packed weights");
  Cursor head{whole, kMagic.size()};
  const auto version = head.number<uint32_t>();
  if (version != kVersion) return broken("version " + std::to_string(version) + " of packed weights");
  const auto count = head.number<uint32_t>();
  const auto table_bytes = head.number<uint64_t>(), file_bytes = head.number<uint64_t>();
  if (file_bytes != whole.size()) return broken("the file has " + std::to_string(whole.size()) + " bytes, it says " + std::to_string(file_bytes));
  if (table_bytes < kHead + kKeyBytes || table_bytes > whole.size()) return broken("the table leaves the file");
  const std::string_view text = whole.substr(0, size_t(table_bytes));
  if (text.substr(kPanelChecksumAt, kPanelChecksumBytes) != panel_table_checksum(text)) return broken("the table's checksum differs");

  PanelTable table;
  Cursor cursor{text, size_t(kHead)};
  table.key = cursor.take(kKeyBytes);
  table.source = cursor.name();
  std::set<std::string> names;
  uint64_t end = table_bytes;
  for (uint32_t i = 0; i < count; ++i) {
    PanelEntry entry;
    entry.name = cursor.name();
    const auto format = cursor.number<uint32_t>();
    entry.offset = cursor.number<uint64_t>();
    entry.bytes = cursor.number<uint64_t>();
    if (!cursor.good) return broken("the table ends in entry " + std::to_string(i));
    if (format > uint32_t(kLastPanelFormat)) return broken("panels of format " + std::to_string(format));
    entry.format = PanelFormat(format);
    if (!names.insert(entry.name).second) return broken("two entries are named '" + entry.name + "'");
    if (entry.offset != aligned(end) || entry.offset > whole.size() || entry.bytes > whole.size() - entry.offset) return broken("the panels of '" + entry.name + "' are not where they should be");
    end = entry.offset + entry.bytes;
    table.entries.push_back(std::move(entry));
  }
  if (!cursor.good || cursor.at != text.size() || end != whole.size()) return broken("there is more than the table says");
  return table;
}

std::string panel_table_text(PanelTable& table) {
  uint64_t bytes = kHead + kKeyBytes + 4 + table.source.size();
  for (const PanelEntry& entry : table.entries) bytes += 4 + entry.name.size() + 4 + 8 + 8;
  uint64_t end = bytes;
  for (PanelEntry& entry : table.entries) {
    entry.offset = aligned(end);
    end = entry.offset + entry.bytes;
  }
  std::string text(kMagic);
  put(text, kVersion);
  put(text, uint32_t(table.entries.size()));
  put(text, bytes);
  put(text, end);
  text.append(kPanelChecksumBytes, '\0');
  text += table.key;
  put(text, table.source);
  for (const PanelEntry& entry : table.entries) {
    put(text, entry.name);
    put(text, uint32_t(entry.format));
    put(text, entry.offset);
    put(text, entry.bytes);
  }
  return text.replace(kPanelChecksumAt, kPanelChecksumBytes, panel_table_checksum(text));
}

Status write_panel_file(const std::filesystem::path& path, PanelTable table, std::span<const Tensor> panels, Progress* progress) {
  const std::string text = panel_table_text(table);
  AtomicFile file(path);
  if (Status ready = file.ready(); !ready) return ready;
  PageWriter writer(file);
  writer.write(text);
  for (size_t i = 0; i < panels.size(); ++i) {
    writer.pad_to(table.entries[i].offset);
    writer.write({reinterpret_cast<const char*>(panels[i].raw()), size_t(panels[i].bytes())});
    if (progress) progress->update(int64_t(i) + 1);
  }
  writer.flush();
  return file.commit();
}

}  // namespace orrery
