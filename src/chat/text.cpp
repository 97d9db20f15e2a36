#include "chat/text.h"

#include <cstring>

#include "base/utf8.h"

namespace orrery::chat {

bool Text::has_input() const {
  for (const char mark : marks)
    if (mark & kFromInput) return true;
  return false;
}

void Text::append(const Text& other) { append(other, 0, other.size()); }

void Text::append(const Text& other, size_t begin, size_t end) {
  if (marks.empty() && !other.marks.empty()) marks.assign(bytes.size(), char(0));
  bytes.append(other.bytes, begin, end - begin);
  if (!other.marks.empty()) marks.append(other.marks, begin, end - begin);
  else if (!marks.empty()) marks.append(end - begin, char(0));
}

void Text::append(std::string_view more, char mark) {
  if (mark != 0 && marks.empty()) marks.assign(bytes.size(), char(0));
  bytes.append(more);
  if (mark != 0 || !marks.empty()) marks.append(more.size(), mark);
}

Text Text::part(size_t begin, size_t end) const {
  return {bytes.substr(begin, end - begin), marks.empty() ? std::string() : marks.substr(begin, end - begin), safe};
}

void Text::mark_all(char mark) {
  if (marks.empty()) marks.assign(bytes.size(), char(0));
  for (char& m : marks) m = char(m | mark);
}

size_t next_place(std::string_view bytes, size_t at) { return at + decode_utf8(bytes, at).size; }

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  const void* found = ::memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? size_t(static_cast<const char*>(found) - text.data()) : std::string_view::npos;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

size_t skip_spaces(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (!is_space(c.value)) break;
    at += c.size;
  }
  return at;
}

size_t skip_spaces_back(std::string_view text, size_t end) {
  while (end > 0) {
    const size_t begin = previous_utf8(text, end);
    if (!is_space(decode_utf8(text, begin).value)) break;
    end = begin;
  }
  return end;
}

}  // namespace orrery::chat
