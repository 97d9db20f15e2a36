#include "base/zip.h"

#include <algorithm>
#include <array>
#include <optional>

namespace orrery {

namespace {
constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr uint64_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20;
constexpr uint32_t kIn64 = 0xffffffffu;  // "see the 64-bit form"
constexpr uint16_t kDate = 0x0021;       // 1980-01-01, the first that can be written

// tables[k][b]: the checksum of byte b followed by k zero bytes, so that eight bytes are taken at once.
constexpr std::array<std::array<uint32_t, 256>, 8> make_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0xedb88320u : 0);
    tables[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t b = 0; b < 256; ++b) tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
  return tables;
}
constexpr auto kTables = make_tables();

uint64_t little(std::string_view bytes, uint64_t at, int width) {
  uint64_t value = 0;
  for (int i = width; i-- > 0;) value = (value << 8) | uint8_t(bytes[size_t(at) + size_t(i)]);
  return value;
}
uint16_t u16(std::string_view bytes, uint64_t at) { return uint16_t(little(bytes, at, 2)); }
uint32_t u32(std::string_view bytes, uint64_t at) { return uint32_t(little(bytes, at, 4)); }
uint64_t u64(std::string_view bytes, uint64_t at) { return little(bytes, at, 8); }

void put(std::string& to, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) to.push_back(char(uint8_t(value >> (8 * i))));
}

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos)
    return false;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

struct Directory {
  uint64_t begin = 0, end = 0, count = 0;
};

// One line of the directory, its 64-bit form resolved.
struct Record {
  std::string name;
  uint64_t size = 0, packed = 0, offset = 0;
  uint32_t crc = 0;
  uint16_t flags = 0, method = 0;
};

class Reader {
 public:
  Reader(std::string_view archive, const std::string& where) : archive_(archive), where_(where) {}

  Result<std::vector<ZipEntry>> entries() {
    const Result<Directory> directory = find_directory();
    if (!directory) return directory.error();
    std::vector<ZipEntry> entries;
    uint64_t at = directory->begin;
    for (uint64_t i = 0; i < directory->count; ++i) {
      const Result<Record> record = read_record(at, directory->end);
      if (!record) return record.error();
      const Result<std::string_view> bytes = contents(*record, directory->begin);
      if (!bytes) return bytes.error();
      entries.push_back({record->name, *bytes});
    }
    if (at != directory->end) return wrong("the directory of the archive is longer than its entries");
    return check_distinct(std::move(entries));
  }

 private:
  Error wrong(std::string what, ErrorKind kind = ErrorKind::bad_file) const { return {kind, std::move(what), where_}; }

  // The end record is the last thing in the file but for a comment of at most 65,535 bytes.
  Result<Directory> find_directory() const {
    const uint64_t size = archive_.size();
    const uint64_t furthest = size < kEndSize + 0xffff ? 0 : size - kEndSize - 0xffff;
    for (uint64_t at = size < kEndSize ? 0 : size - kEndSize + 1; at-- > furthest;) {
      if (u32(archive_, at) != kEnd || at + kEndSize + u16(archive_, at + 20) != size) continue;
      Directory found{u32(archive_, at + 16), 0, u16(archive_, at + 10)};
      uint64_t length = u32(archive_, at + 12);
      uint64_t limit = at;
      if (at >= kLocator64Size && u32(archive_, at - kLocator64Size) == kLocator64) {
        const uint64_t record = u64(archive_, at - kLocator64Size + 8);
        if (record > at - kLocator64Size || at - kLocator64Size - record < kEnd64Size ||
            u32(archive_, record) != kEnd64)
          return wrong("the archive's 64-bit end record is not where it should be");
        found = {u64(archive_, record + 48), 0, u64(archive_, record + 32)};
        length = u64(archive_, record + 40);
        limit = record;
      }
      if (found.begin > limit || length > limit - found.begin)
        return wrong("the directory of the archive lies outside the file");
      found.end = found.begin + length;
      return found;
    }
    return Error{ErrorKind::bad_file, "this is not a whole zip archive: it has no end record", where_,
                 "the download may be incomplete"};
  }

  Result<Record> read_record(uint64_t& at, uint64_t end) const {
    if (end - at < kCentralSize || u32(archive_, at) != kCentral)
      return wrong("the directory of the archive is broken at byte " + std::to_string(at));
    const uint64_t name_size = u16(archive_, at + 28), extra_size = u16(archive_, at + 30),
                   comment_size = u16(archive_, at + 32);
    if (end - at - kCentralSize < name_size + extra_size + comment_size)
      return wrong("the directory of the archive is cut at byte " + std::to_string(at));
    Record record;
    record.flags = u16(archive_, at + 8);
    record.method = u16(archive_, at + 10);
    record.crc = u32(archive_, at + 16);
    record.packed = u32(archive_, at + 20);
    record.size = u32(archive_, at + 24);
    record.offset = u32(archive_, at + 42);
    record.name = archive_.substr(size_t(at + kCentralSize), size_t(name_size));
    if (!is_safe_name(record.name))
      return wrong("the archive has an entry of the name '" + record.name + "', which leaves its folder");
    widen(record, archive_.substr(size_t(at + kCentralSize + name_size), size_t(extra_size)));
    at += kCentralSize + name_size + extra_size + comment_size;
    return record;
  }

  // Extra field 1 holds, in this order, those of the three numbers that do not fit their 32 bits.
  static void widen(Record& record, std::string_view extra) {
    while (extra.size() >= 4) {
      const size_t size = u16(extra, 2);
      if (size > extra.size() - 4) return;
      if (u16(extra, 0) == 1) {
        std::string_view numbers = extra.substr(4, size);
        for (uint64_t* number : {&record.size, &record.packed, &record.offset}) {
          if (*number != kIn64 || numbers.size() < 8) continue;
          *number = u64(numbers, 0);
          numbers.remove_prefix(8);
        }
        return;
      }
      extra.remove_prefix(4 + size);
    }
  }

  Result<std::string_view> contents(const Record& record, uint64_t limit) const {
    const std::string entry = "entry '" + record.name + "' of the archive ";
    if (record.flags & 1) return wrong(entry + "is encrypted", ErrorKind::unsupported);
    if (record.method != 0)
      return wrong(
          entry + "is compressed (method " + std::to_string(record.method) + "), and only stored entries can be read",
          ErrorKind::unsupported);
    if (record.packed != record.size) return wrong(entry + "has two different sizes");
    if (record.offset > limit || limit - record.offset < kLocalSize || u32(archive_, record.offset) != kLocal)
      return wrong(entry + "is not where the directory says");
    const uint64_t name_size = u16(archive_, record.offset + 26), extra_size = u16(archive_, record.offset + 28);
    const uint64_t room = limit - record.offset - kLocalSize;
    if (name_size + extra_size > room || record.size > room - name_size - extra_size)
      return wrong(entry + "ends past the directory");
    if (archive_.substr(size_t(record.offset + kLocalSize), size_t(name_size)) != record.name)
      return wrong(entry + "has another name in front of its bytes");
    const std::string_view bytes =
        archive_.substr(size_t(record.offset + kLocalSize + name_size + extra_size), size_t(record.size));
    if (crc32(bytes) != record.crc) return wrong(entry + "does not match its checksum");
    return bytes;
  }

  Result<std::vector<ZipEntry>> check_distinct(std::vector<ZipEntry> entries) const {
    std::vector<std::string_view> names, ranges;
    for (const ZipEntry& entry : entries) {
      names.push_back(entry.name);
      if (!entry.bytes.empty()) ranges.push_back(entry.bytes);
    }
    std::sort(names.begin(), names.end());
    if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
      return wrong("the archive has two entries '" + std::string(*twice) + "'");
    std::sort(ranges.begin(), ranges.end(), [](std::string_view a, std::string_view b) { return a.data() < b.data(); });
    for (size_t i = 1; i < ranges.size(); ++i)
      if (ranges[i - 1].data() + ranges[i - 1].size() > ranges[i].data())
        return wrong("two entries of the archive share the same bytes");
    return entries;
  }

  std::string_view archive_;
  const std::string& where_;
};
}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t crc) {
  crc = ~crc;
  const char* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    const uint32_t low = crc ^ u32({p, 4}, 0), high = u32({p + 4, 4}, 0);
    crc = kTables[7][low & 0xff] ^ kTables[6][(low >> 8) & 0xff] ^ kTables[5][(low >> 16) & 0xff] ^
          kTables[4][low >> 24] ^ kTables[3][high & 0xff] ^ kTables[2][(high >> 8) & 0xff] ^
          kTables[1][(high >> 16) & 0xff] ^ kTables[0][high >> 24];
  }
  for (; left > 0; ++p, --left) crc = (crc >> 8) ^ kTables[0][(crc ^ uint8_t(*p)) & 0xff];
  return ~crc;
}

Result<std::vector<ZipEntry>> parse_zip(std::string_view archive, const std::string& where) {
  return Reader(archive, where).entries();
}

ZipWriter::ZipWriter(std::filesystem::path path, uint64_t zip64_from)
    : file_(std::move(path)), zip64_from_(zip64_from) {}

void ZipWriter::write(std::string_view bytes) {
  file_.write(bytes);
  offset_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::initializer_list<std::string_view> pieces) {
  if (!is_safe_name(name) || name.size() > 0xffff)
    throw Error{ErrorKind::bad_usage, "'" + name + "' cannot be the name of an entry of an archive", ""};
  uint64_t size = 0;
  uint32_t crc = 0;
  for (const std::string_view piece : pieces) {
    size += piece.size();
    crc = crc32(piece, crc);
  }
  const bool wide = size >= zip64_from_, far = offset_ >= zip64_from_;
  const uint64_t offset = offset_;

  // What the two headers have in common, from "version needed" to the length of the name.
  std::string common;
  put(common, wide || far ? 45 : 20, 2);
  put(common, 0x0800, 2);  // names are UTF-8
  put(common, 0, 2);       // stored
  put(common, 0, 2);       // time
  put(common, kDate, 2);
  put(common, crc, 4);
  put(common, wide ? kIn64 : size, 4);
  put(common, wide ? kIn64 : size, 4);
  put(common, name.size(), 2);

  std::string numbers;
  if (wide) {
    put(numbers, size, 8);
    put(numbers, size, 8);
  }
  const auto extra = [](const std::string& wide_numbers) {
    std::string field;
    if (wide_numbers.empty()) return field;
    put(field, 1, 2);
    put(field, wide_numbers.size(), 2);
    return field + wide_numbers;
  };
  const std::string local_extra = extra(numbers);
  std::string local;
  put(local, kLocal, 4);
  local += common;
  put(local, local_extra.size(), 2);
  write(local + name + local_extra);
  for (const std::string_view piece : pieces) write(piece);

  if (far) put(numbers, offset, 8);
  const std::string central_extra = extra(numbers);
  put(directory_, kCentral, 4);
  put(directory_, 45, 2);  // made by
  directory_ += common;
  put(directory_, central_extra.size(), 2);
  put(directory_, 0, 2);  // comment
  put(directory_, 0, 2);  // disk
  put(directory_, 0, 2);  // internal attributes
  put(directory_, 0, 4);  // external attributes
  put(directory_, far ? kIn64 : offset, 4);
  directory_ += name + central_extra;
  ++count_;
}

Status ZipWriter::commit() {
  const uint64_t begin = offset_;
  write(directory_);
  const bool far = begin >= zip64_from_ || directory_.size() >= zip64_from_ || count_ >= 0xffff;
  std::string end;
  if (far) {
    const uint64_t record = offset_;
    put(end, kEnd64, 4);
    put(end, kEnd64Size - 12, 8);
    put(end, 45, 2);
    put(end, 45, 2);
    put(end, 0, 4);
    put(end, 0, 4);
    put(end, count_, 8);
    put(end, count_, 8);
    put(end, directory_.size(), 8);
    put(end, begin, 8);
    put(end, kLocator64, 4);
    put(end, 0, 4);
    put(end, record, 8);
    put(end, 1, 4);
  }
  put(end, kEnd, 4);
  put(end, 0, 2);
  put(end, 0, 2);
  put(end, far ? 0xffff : count_, 2);
  put(end, far ? 0xffff : count_, 2);
  put(end, far ? kIn64 : directory_.size(), 4);
  put(end, far ? kIn64 : begin, 4);
  put(end, 0, 2);
  write(end);
  return file_.commit();
}

}  // namespace orrery
