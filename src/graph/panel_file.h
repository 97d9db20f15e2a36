// A file of packed weights (kernels/matmul.h), written once and mapped by every later run.
//
//   "ORRPANEL", version u32, entries u32, bytes of the table u64, file's bytes u64      all numbers little-endian
//   checksum of all before the panels but itself: SHA-256
//   key: what the weights are, SHA-256
//   source: where they came from, for people: length u32, UTF-8
//   entries: length of the name u32, name, format u32, offset u64, bytes u64
//   panels, each from a multiple of kPanelAlignment on, in the order of the entries; the last ends the file
//
// The panels have no checksum: a file is renamed to its name when it is on the disk whole, and reading all of it would take longer
// than packing anew.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/progress.h"
#include "kernels/matmul.h"
#include "tensor/tensor.h"

namespace orrery {

constexpr uint64_t kPanelAlignment = 4096;

struct PanelEntry {
  std::string name;
  PanelFormat format = PanelFormat::own;
  uint64_t offset = 0, bytes = 0;
  bool operator==(const PanelEntry&) const = default;
};

struct PanelTable {
  std::string key;      // 32 bytes
  std::string source;
  std::vector<PanelEntry> entries;
  bool operator==(const PanelTable&) const = default;
};

// Reads and checks what stands before the panels of a whole file in memory; `where` names the file in errors.
Result<PanelTable> parse_panel_table(std::span<const std::byte> file, const std::string& where);

// What stands before the panels. Sets the entries' offsets.
std::string panel_table_text(PanelTable& table);

// The checksum of a file's beginning, `table` being as long as the file says; for tests that damage files.
std::string panel_table_checksum(std::string_view table);
constexpr size_t kPanelChecksumAt = 32, kPanelChecksumBytes = 32;

// Writes the whole file or nothing; `panels` are the bytes of the entries, which `progress` counts.
Status write_panel_file(const std::filesystem::path& path, PanelTable table, std::span<const Tensor> panels, Progress* progress = nullptr);

}  // namespace orrery
