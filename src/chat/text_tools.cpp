#include "chat/text_tools.h"

#include <algorithm>

#include "base/utf8.h"
#include "chat/failure.h"

namespace orrery::chat {
namespace {

bool is_line_end(char32_t c) { return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029; }

std::vector<Text> split_spaces(const Text& text, int64_t most, bool from_right) {
  std::vector<Text> parts;
  const std::string_view bytes = text.bytes;
  if (!from_right) {
    for (size_t at = skip_spaces(bytes, 0); at < bytes.size();) {
      if (most >= 0 && int64_t(parts.size()) == most) {
        parts.push_back(text.part(at, bytes.size()));   // the rest keeps the white space at its end
        break;
      }
      size_t end = at;
      while (end < bytes.size() && !is_space(decode_utf8(bytes, end).value)) end = next_place(bytes, end);
      parts.push_back(text.part(at, end));
      at = skip_spaces(bytes, end);
    }
    return parts;
  }
  for (size_t end = skip_spaces_back(bytes, bytes.size()); end > 0;) {
    if (most >= 0 && int64_t(parts.size()) == most) {
      parts.push_back(text.part(0, end));
      break;
    }
    size_t begin = end;
    while (begin > 0 && !is_space(decode_utf8(bytes, previous_utf8(bytes, begin)).value)) begin = previous_utf8(bytes, begin);
    parts.push_back(text.part(begin, end));
    end = skip_spaces_back(bytes, begin);
  }
  std::reverse(parts.begin(), parts.end());
  return parts;
}

}  // namespace

Text stripped(const Text& text, const Text* chars, bool left, bool right) {
  const std::string_view bytes = text.bytes;
  std::u32string set;
  if (chars)
    for (size_t at = 0; at < chars->size(); at = next_place(chars->bytes, at)) set += decode_utf8(chars->bytes, at).value;
  const auto goes = [&](char32_t c) { return chars ? set.find(c) != std::u32string::npos : is_space(c); };
  size_t begin = 0, end = bytes.size();
  while (left && begin < end && goes(decode_utf8(bytes, begin).value)) begin = next_place(bytes, begin);
  while (right && end > begin && goes(decode_utf8(bytes, previous_utf8(bytes, end)).value)) end = previous_utf8(bytes, end);
  return text.part(begin, end);
}

Text replaced(Interpreter& run, const Text& text, const Text& from, const Text& to, int64_t count) {
  Text out;
  out.safe = text.safe;
  size_t at = 0;
  const auto insert = [&] {
    run.spend(int64_t(to.size() / 32) + 1);
    out.append(to);
  };
  if (from.empty()) {   // between all characters
    for (int64_t done = 0;; ++done) {
      if (count >= 0 && done >= count) break;
      insert();
      if (at >= text.size()) return out;
      const size_t next = next_place(text.bytes, at);
      out.append(text, at, next);
      at = next;
    }
  } else {
    for (int64_t done = 0; count < 0 || done < count; ++done) {
      const size_t found = find_text(text.bytes, from.bytes, at);
      if (found == std::string::npos) break;
      out.append(text, at, found);
      insert();
      at = found + from.size();
    }
  }
  out.append(text, at, text.size());
  return out;
}

std::vector<Text> split(const Text& text, const Text* separator, int64_t most, bool from_right) {
  if (!separator) return split_spaces(text, most, from_right);
  std::vector<Text> parts;
  if (!from_right) {
    size_t at = 0;
    for (; most < 0 || int64_t(parts.size()) < most;) {
      const size_t found = find_text(text.bytes, separator->bytes, at);
      if (found == std::string::npos) break;
      parts.push_back(text.part(at, found));
      at = found + separator->size();
    }
    parts.push_back(text.part(at, text.size()));
    return parts;
  }
  size_t end = text.size();
  for (; (most < 0 || int64_t(parts.size()) < most) && end >= separator->size();) {
    const size_t found = text.bytes.rfind(separator->bytes, end - separator->size());
    if (found == std::string::npos) break;
    parts.push_back(text.part(found + separator->size(), end));
    end = found;
  }
  parts.push_back(text.part(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<Text> lines(const Text& text, bool keep_ends) {
  std::vector<Text> all;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin, next = 0;
    while (end < text.size() && !is_line_end(decode_utf8(text.bytes, end).value)) end = next_place(text.bytes, end);
    next = end < text.size() ? next_place(text.bytes, end) : end;
    if (next < text.size() && text.bytes[end] == '\r' && text.bytes[next] == '\n') ++next;
    all.push_back(text.part(begin, keep_ends ? next : end));
    begin = next;
  }
  return all;
}

std::pair<size_t, size_t> byte_range(const Text& text, const Value* start, const Value* end) {
  const auto number = [](const Value* v) -> std::optional<int64_t> {
    if (!v || v->is_none()) return std::nullopt;
    const auto i = v->as_integer();
    if (!i) fail("slice indices must be integers or None or have an __index__ method");
    return i;
  };
  const auto from = number(start), to = number(end);
  if (!from && !to) return {0, text.size()};
  const auto size = int64_t(count_code_points(text.bytes));
  const auto place = [&](int64_t i) { return i < 0 ? std::max<int64_t>(std::max(i, -size) + size, 0) : i; };
  const int64_t first = place(from.value_or(0)), last = std::min(place(to.value_or(size)), size);
  if (first > size) return {text.size() + 1, text.size()};
  const auto byte = [&](int64_t i) {
    size_t at = 0;
    for (; i > 0; --i) at = next_place(text.bytes, at);
    return at;
  };
  return {byte(first), byte(last)};
}

}  // namespace orrery::chat
