#include "tokenize/charsmap.h"

#include "base/error.h"
#include "base/utf8.h"

namespace orrery {

namespace {

uint32_t little_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; i++) value |= uint32_t(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

// What a unit of the double array says.
uint32_t offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool has_leaf(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
uint32_t value(uint32_t unit) { return unit & ~(1u << 31); }

}  // namespace

Charsmap::Charsmap(std::string_view blob) {
  const auto bad = [](const char* what) { throw Error{ErrorKind::bad_file, std::string("the precompiled character map ") + what, ""}; };
  if (blob.size() < 4) bad("is shorter than its header");
  const uint32_t size = little_endian(blob, 0);
  if (size % 4 != 0 || size == 0 || size > blob.size() - 4) bad("has an array that ends past its end");
  for (size_t at = 4; at < 4 + size_t(size); at += 4) units_.push_back(little_endian(blob, at));
  replacements_ = blob.substr(4 + size_t(size));
  if (!is_valid_utf8(replacements_)) bad("has replacements that are not valid UTF-8");
}

size_t Charsmap::next_begun(std::string_view text, size_t at) const {
  if (units_.empty()) return text.size();
  const uint32_t root = offset(units_[0]);
  for (; at < text.size(); at += decode_valid_utf8(text, at).size) {
    uint32_t node = root;
    for (size_t i = at; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      node ^= byte;
      if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
      if (has_leaf(units_[node])) return at;
      node ^= offset(units_[node]);
    }
  }
  return text.size();
}

bool Charsmap::maps_ascii(char c) const {
  if (units_.empty()) return false;
  const auto child = [&](uint32_t node, unsigned char byte) -> std::optional<uint32_t> {
    node ^= byte;
    return node < units_.size() && label(units_[node]) == byte ? std::optional(node) : std::nullopt;
  };
  const auto first = child(offset(units_[0]), static_cast<unsigned char>(c));
  if (!first) return false;
  if (has_leaf(units_[*first])) return true;
  const uint32_t next = *first ^ offset(units_[*first]);
  for (unsigned char byte = 1; byte < 0x80; byte++)
    if (child(next, byte)) return true;
  return false;
}

std::optional<Charsmap::Match> Charsmap::find(std::string_view text, bool first) const {
  std::optional<Match> found;
  if (units_.empty()) return found;
  uint32_t node = offset(units_[0]);
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at++]);
    node ^= byte;
    if (byte == 0 || node >= units_.size() || label(units_[node]) != byte) break;
    const uint32_t unit = units_[node];
    node ^= offset(unit);
    if (!has_leaf(unit)) continue;
    if (node >= units_.size()) break;
    const size_t place = value(units_[node]);
    const bool inside = place < replacements_.size() && (static_cast<unsigned char>(replacements_[place]) & 0xC0) != 0x80;
    if (!inside) continue;
    const std::string_view rest = std::string_view(replacements_).substr(place);
    found = Match{at, rest.substr(0, rest.find('\0'))};
    if (first) break;
  }
  return found;
}

}  // namespace orrery
