// A text that changes while every byte of it remembers which bytes of the original it came from.
//
// Normalisers edit it; offsets of tokens are read off it at the end. An inserted character shares the origin of the one
// before it (or of the one it is put in front of); what is removed leaves no trace, so neighbours may leave a gap.
//
//   TextEdit edit(text);                       // "Año": lower case
//   edit.put(U'a', 0);                         // 'a' comes from where byte 0 came from
//   edit.keep(1, text.text.size());
//   edit.commit();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unicode.h"

namespace orrery {

// Bytes [begin, end) of some text.
struct Span {
  uint32_t begin = 0, end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

struct AlignedText {
  std::string text;            // valid UTF-8
  std::vector<Span> origin;    // [text bytes] the original character each byte came from; empty when not `tracked`
  bool tracked = true;
  size_t limit = INT32_MAX;    // bytes that edits may make of it: hostile files describe texts that double at each step

  void prepend(std::string_view prefix);   // nothing in front of an empty text
  void remove(uint32_t classes);           // drops the characters of these classes
  void lowercase();
  void normalize(NormalForm form);
  void change(std::span<const Change> changes);   // the next version's characters, and what each replaces
  void replace(std::string_view what, std::string_view with);   // every occurrence; an empty `what` never occurs
  void keep_only(size_t begin, size_t end);

 private:
  void replace_each(char what, std::string_view with);
};

// Writes the next version of an AlignedText from front to back.
class TextEdit {
 public:
  explicit TextEdit(AlignedText& text);
  void keep(size_t begin, size_t end);                 // bytes of the old text
  void put(std::string_view added, size_t at);         // with the origin of the old text's byte `at`
  void put(char32_t c, size_t at);
  void change(std::span<const Change> changes, size_t at);   // of the old text from byte `at` on
  void commit();

 private:
  void check_size() const;

  AlignedText& old_;
  std::string text_;
  std::vector<Span> origin_;
};

// The 256 characters that stand for bytes in byte-level vocabularies (GPT-2): printable Latin-1 bytes are themselves,
// the others are U+0100 and on.
char32_t byte_to_char(unsigned char byte);
int char_to_byte(char32_t c);   // -1 where c stands for no byte
void bytes_to_chars(AlignedText& text);
std::string_view spell_bytes(std::string_view bytes, std::string& room);   // their characters, written into the room

// Throws the Error for a text that grew past `limit` bytes.
void check_growth(size_t size, size_t limit);

}  // namespace orrery
