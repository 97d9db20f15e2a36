// Zip archives of uncompressed ("stored") entries: the container of NumPy's .npz. PKWARE APPNOTE.TXT 6.3, with ZIP64.
//
//   ZipWriter zip("a.zip");  zip.add("x.txt", "bytes");  Status written = zip.commit();
//   auto entries = parse_zip(bytes, "a.zip");
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace orrery {

// CRC-32 of IEEE 802.3, as in zip and gzip; `crc` goes on from an earlier piece.
uint32_t crc32(std::string_view bytes, uint32_t crc = 0);

struct ZipEntry {
  std::string name;
  std::string_view bytes;  // a view into the archive
};

// Every entry, in the order of the archive's directory, its checksum verified. Refuses compression, encryption, names that
// leave a folder or occur twice, and entries that share bytes (which a small archive would use to fill the memory).
Result<std::vector<ZipEntry>> parse_zip(std::string_view archive, const std::string& where);

// Writes an archive whole or not at all. The same entries give the same bytes: the time is always 1980-01-01.
class ZipWriter {
 public:
  // Sizes and offsets from `zip64_from` on are written in the 64-bit form (lowered by tests).
  explicit ZipWriter(std::filesystem::path path, uint64_t zip64_from = 0xffffffffu);

  // An entry made of these pieces.
  void add(const std::string& name, std::initializer_list<std::string_view> pieces);
  void add(const std::string& name, std::string_view bytes) { add(name, {bytes}); }
  Status commit();

 private:
  void write(std::string_view bytes);

  AtomicFile file_;
  uint64_t zip64_from_;
  uint64_t offset_ = 0, count_ = 0;
  std::string directory_;
};

}  // namespace orrery
