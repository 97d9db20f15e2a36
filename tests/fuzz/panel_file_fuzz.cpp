// Any bytes as a file of packed weights, as they are and with a checksum that is right: refused, or all panels are in the file,
// none in another's place, and the table written again is the same.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "check.h"
#include "graph/panel_file.h"

namespace {
void read(const std::string& bytes) {
  auto table = orrery::parse_panel_table(std::as_bytes(std::span(bytes.data(), bytes.size())), "fuzz.panels");
  if (!table) return;
  uint64_t end = 0;
  for (const orrery::PanelEntry& entry : table->entries) {
    FUZZ_CHECK(entry.offset % orrery::kPanelAlignment == 0 && entry.offset >= end);
    FUZZ_CHECK(entry.offset <= bytes.size() && entry.bytes <= bytes.size() - entry.offset);
    end = entry.offset + entry.bytes;
  }
  const orrery::PanelTable before = *table;
  FUZZ_CHECK(bytes.starts_with(orrery::panel_table_text(*table)));
  FUZZ_CHECK(*table == before);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  read(bytes);
  if (size < 96) return 0;
  uint64_t table = 0;
  const uint64_t file = size;
  std::memcpy(&table, bytes.data() + 16, sizeof table);
  std::memcpy(bytes.data() + 24, &file, sizeof file);
  if (table < 96 || table > size) return 0;
  bytes.replace(orrery::kPanelChecksumAt, orrery::kPanelChecksumBytes, orrery::panel_table_checksum(std::string_view(bytes).substr(0, size_t(table))));
  read(bytes);
  return 0;
}
