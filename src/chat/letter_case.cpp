#include "chat/letter_case.h"

#include <algorithm>
#include <iterator>

#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery::chat {
namespace {

struct Run {
  char32_t first, last, step;
  int32_t delta;
};
constexpr Run kRuns[] = {
#define CASE_RUNS
#include "chat/generated/case_tables.inc"
#undef CASE_RUNS
};
struct Whole {
  char32_t value;
  const char *upper, *title;
};
constexpr Whole kWhole[] = {
#define CASE_WHOLE
#include "chat/generated/case_tables.inc"
#undef CASE_WHOLE
};

std::string raised(char32_t c, bool title) {
  const auto whole = std::lower_bound(std::begin(kWhole), std::end(kWhole), c, [](const Whole& w, char32_t v) { return w.value < v; });
  if (whole != std::end(kWhole) && whole->value == c) return title ? whole->title : whole->upper;
  const auto run = std::lower_bound(std::begin(kRuns), std::end(kRuns), c, [](const Run& r, char32_t v) { return r.last < v; });
  const bool inside = run != std::end(kRuns) && c >= run->first && (c - run->first) % run->step == 0;
  return to_utf8(inside ? char32_t(int32_t(c) + run->delta) : c);
}

void append_raised(Text& out, const Text& text, size_t begin, size_t end, bool title) {
  for (size_t at = begin; at < end;) {
    const CodePoint c = decode_utf8(text.bytes, at);
    out.append(raised(c.value, title), text.mark(at));
    at += c.size;
  }
}

// Σ at the end of a word is ς.
bool ends_word(const Text& text, size_t at, size_t size) {
  const bool after_letter = at > 0 && is(decode_utf8(text.bytes, previous_utf8(text.bytes, at)).value, kLetter);
  return after_letter && (at + size >= text.size() || !is(decode_utf8(text.bytes, at + size).value, kLetter));
}

}  // namespace

void append_upper(Text& out, const Text& text, size_t begin, size_t end) { append_raised(out, text, begin, end, false); }
void append_title(Text& out, const Text& text, size_t begin, size_t end) { append_raised(out, text, begin, end, true); }

void append_lower(Text& out, const Text& text, size_t begin, size_t end) {
  for (size_t at = begin; at < end;) {
    const CodePoint c = decode_utf8(text.bytes, at);
    const auto lower = lowercase(c.value);
    std::string bytes;
    if (c.value == 0x3A3) append_utf8(bytes, ends_word(text, at, c.size) ? 0x3C2 : 0x3C3);
    else if (lower.empty()) append_utf8(bytes, c.value);
    else
      for (const char32_t l : lower) append_utf8(bytes, l);
    out.append(bytes, text.mark(at));
    at += c.size;
  }
}

Text upper_case(const Text& text) {
  Text out;
  out.safe = text.safe;
  append_upper(out, text, 0, text.size());
  return out;
}

Text lower_case(const Text& text) {
  Text out;
  out.safe = text.safe;
  append_lower(out, text, 0, text.size());
  return out;
}

Text capitalized(const Text& text) {
  Text out;
  out.safe = text.safe;
  if (text.empty()) return out;
  const size_t first = next_place(text.bytes, 0);
  append_title(out, text, 0, first);
  append_lower(out, text, first, text.size());
  return out;
}

}  // namespace orrery::chat
