#include "tokenize/aligned_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"

namespace orrery {

TextEdit::TextEdit(AlignedText& text) : old_(text) {
  text_.reserve(text.text.size() + 8);
  if (text.tracked) origin_.reserve(text.text.size() + 8);
}

void TextEdit::keep(size_t begin, size_t end) {
  text_.append(old_.text, begin, end - begin);
  if (old_.tracked)
    origin_.insert(origin_.end(), old_.origin.begin() + static_cast<std::ptrdiff_t>(begin),
                   old_.origin.begin() + static_cast<std::ptrdiff_t>(end));
}

void check_growth(size_t size, size_t limit) {
  if (size > limit)
    throw Error{ErrorKind::out_of_range, "a step of the tokenizer makes more than " + std::to_string(limit) + " bytes of the text", ""};
}

void TextEdit::check_size() const { check_growth(text_.size(), old_.limit); }

void TextEdit::put(std::string_view added, size_t at) {
  check_size();
  text_ += added;
  if (old_.tracked) origin_.insert(origin_.end(), added.size(), old_.origin[at]);
}

void TextEdit::put(char32_t c, size_t at) {
  if (c < 0x80) text_.push_back(static_cast<char>(c));
  else append_utf8(text_, c);
  if (old_.tracked) origin_.resize(text_.size(), old_.origin[at]);
}

void TextEdit::commit() {
  check_size();
  old_.text.swap(text_);
  old_.origin.swap(origin_);
}

void AlignedText::prepend(std::string_view prefix) {
  if (text.empty()) return;
  check_growth(text.size() + prefix.size(), limit);
  text.insert(0, prefix);
  if (tracked) origin.insert(origin.begin(), prefix.size(), Span(origin[0]));
}

void AlignedText::keep_only(size_t begin, size_t end) {
  text.erase(end);
  text.erase(0, begin);
  if (!tracked) return;
  origin.resize(end);
  origin.erase(origin.begin(), origin.begin() + static_cast<std::ptrdiff_t>(begin));
}

void AlignedText::remove(uint32_t classes) {
  TextEdit edit(*this);
  size_t kept = 0;
  bool changed = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_valid_utf8(text, at);
    if (is(c.value, classes)) {
      edit.keep(kept, at);
      kept = at + c.size;
      changed = true;
    }
    at += c.size;
  }
  if (!changed) return;
  edit.keep(kept, text.size());
  edit.commit();
}

void AlignedText::lowercase() {
  if (is_ascii(text)) {
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return;
  }
  TextEdit edit(*this);
  size_t kept = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_valid_utf8(text, at);
    if (const auto lower = orrery::lowercase(c.value); !lower.empty()) {
      edit.keep(kept, at);
      for (const char32_t l : lower) edit.put(l, at);
      kept = at + c.size;
    }
    at += c.size;
  }
  edit.keep(kept, text.size());
  edit.commit();
}

void AlignedText::normalize(NormalForm form) {
  TextPart part = next_not_normal(text, 0, form);
  if (part.begin == text.size()) return;
  TextEdit edit(*this);
  size_t kept = 0;
  for (; part.begin < text.size(); part = next_not_normal(text, kept, form)) {
    edit.keep(kept, part.begin);
    edit.change(normal_form(std::string_view(text).substr(part.begin, part.end - part.begin), form), part.begin);
    kept = part.end;
  }
  edit.keep(kept, text.size());
  edit.commit();
}

void AlignedText::change(std::span<const Change> changes) {
  TextEdit edit(*this);
  edit.change(changes, 0);
  edit.commit();
}

void TextEdit::change(std::span<const Change> changes, size_t at) {
  const std::string& text = old_.text;
  size_t previous = at;   // the character before the one that the next change consumes
  const auto consume = [&] {
    previous = at;
    if (at < text.size()) at += decode_valid_utf8(text, at).size;
  };
  for (const Change& c : changes) {
    put(c.value, c.change > 0 || at >= text.size() ? previous : at);
    if (!old_.tracked) continue;
    for (int32_t i = c.change; i <= 0; i++) consume();
  }
}

void AlignedText::replace(std::string_view what, std::string_view with) {
  size_t found = what.empty() ? std::string::npos : text.find(what);
  if (found == std::string::npos) return;
  if (what.size() == 1) return replace_each(what[0], with);
  TextEdit edit(*this);
  size_t kept = 0;
  for (; found != std::string::npos; found = text.find(what, kept)) {
    edit.keep(kept, found);
    kept = found + what.size();
    edit.put(with, kept - 1);
  }
  edit.keep(kept, text.size());
  edit.commit();
}

void AlignedText::replace_each(char what, std::string_view with) {
  const auto count = static_cast<size_t>(std::count(text.begin(), text.end(), what));
  const size_t size = text.size() - count + count * with.size();
  check_growth(size, limit);
  std::string made(size, '\0');
  std::vector<Span> made_of(tracked ? size : 0);
  char* to = made.data();
  Span* to_origin = made_of.data();
  for (size_t at = 0; at < text.size(); ++at) {
    const bool found = text[at] == what;
    if (!found) *to++ = text[at];
    else to = std::copy(with.begin(), with.end(), to);
    if (tracked) to_origin = std::fill_n(to_origin, found ? with.size() : 1, origin[at]);
  }
  text.swap(made);
  origin.swap(made_of);
}

namespace {

struct ByteAlphabet {
  std::array<char32_t, 256> chars{};
  std::array<int16_t, 512> bytes{};
  std::array<std::array<char, 2>, 256> utf8{};   // of each character, which is one byte below 128 and else two
};

constexpr ByteAlphabet make_alphabet() {
  ByteAlphabet alphabet;
  alphabet.bytes.fill(-1);
  char32_t next = 256;
  for (unsigned byte = 0; byte < 256; byte++) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    alphabet.chars[byte] = printable ? char32_t(byte) : next++;
    const char32_t c = alphabet.chars[byte];
    alphabet.bytes[c] = static_cast<int16_t>(byte);
    alphabet.utf8[byte] = {static_cast<char>(c < 0x80 ? c : 0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
  }
  return alphabet;
}

constexpr ByteAlphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_to_char(unsigned char byte) { return kAlphabet.chars[byte]; }
int char_to_byte(char32_t c) { return c < kAlphabet.bytes.size() ? kAlphabet.bytes[c] : -1; }

std::string_view spell_bytes(std::string_view bytes, std::string& room) {
  room.resize(2 * bytes.size());
  char* to = room.data();
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::memcpy(to, kAlphabet.utf8[byte].data(), 2);
    to += 1 + (kAlphabet.chars[byte] >= 0x80);
  }
  return std::string_view(room).substr(0, static_cast<size_t>(to - room.data()));
}

void bytes_to_chars(AlignedText& text) {
  TextEdit edit(text);
  for (size_t at = 0; at < text.text.size(); at++) edit.put(byte_to_char(static_cast<unsigned char>(text.text[at])), at);
  edit.commit();
}

}  // namespace orrery
