// What a code point is, and what it becomes: the answers of Hugging Face's `tokenizers`, which mixes several versions
// of Unicode (base/generated/unicode_tables.inc, made by scripts/make_unicode_tables.py). One exact table for each use:
// `numeric` (Digits) is not `number` (\p{N}), and `mark_nonspacing` is not `combining`.
//
//   if (is(c, kLetter)) …          is(c, kLetter | kNumber) asks for either
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace orrery {

// Bits of the class table; the order is that of CLASSES in the script.
enum UnicodeClass : uint32_t {
  kWhitespace = 1u << 0,        // White_Space, also \s
  kLetter = 1u << 1,            // \p{L}
  kNumber = 1u << 2,            // \p{N}
  kMark = 1u << 3,              // \p{M}
  kPunctuationP = 1u << 4,      // \p{P}
  kSymbol = 1u << 5,            // \p{S}
  kUpper = 1u << 6,             // \p{Lu}
  kLower = 1u << 7,             // \p{Ll}
  kTitle = 1u << 8,             // \p{Lt}
  kModifierLetter = 1u << 9,    // \p{Lm}
  kOtherLetter = 1u << 10,      // \p{Lo}
  kHan = 1u << 11,              // \p{Han}
  kDecimal = 1u << 12,          // \d
  kWordOnig = 1u << 13,         // \w of a Split pattern
  kWord = 1u << 14,             // \w of Whitespace and of added tokens' single_word
  kNumeric = 1u << 15,          // Digits
  kPunctuation = 1u << 16,      // Punctuation and BertPreTokenizer: ASCII symbols too
  kBertRemoved = 1u << 17,      // BertNormalizer, clean_text: dropped
  kBertSpace = 1u << 18,        // BertNormalizer, clean_text: becomes a space
  kBertChinese = 1u << 19,      // BertNormalizer, handle_chinese_chars: set apart by spaces
  kMarkNonspacing = 1u << 20,   // BertNormalizer, strip_accents: dropped
  kCombining = 1u << 21,        // StripAccents: dropped
};

extern const std::array<uint32_t, 128> kAsciiClasses;
uint32_t unicode_classes_long(char32_t c);

// All classes of a code point; 0 for what is none.
inline uint32_t unicode_classes(char32_t c) { return c < 128 ? kAsciiClasses[c] : unicode_classes_long(c); }
inline bool is(char32_t c, uint32_t classes) { return (unicode_classes(c) & classes) != 0; }

// Lower case, character by character (no final sigma); empty where it changes nothing.
std::span<const char32_t> lowercase(char32_t c);

// A code point of a normalised text and what it replaces: 0, one code point of the old text; 1, none, it is new;
// -n, one and the n that follow it.
struct Change {
  char32_t value;
  int32_t change;
};
enum class NormalForm { nfc, nfd, nfkc, nfkd };

// The text, valid UTF-8, in a normal form. The changes of one result taken in order consume the old text from its start.
std::vector<Change> normal_form(std::string_view text, NormalForm form);

// The first part of the text from byte `from` on, 0 or the end of an earlier part, that the form may change; empty and at the end where
// there is none. What is outside of such parts stays, and each becomes by itself what it becomes in the whole.
struct TextPart {
  size_t begin, end;
};
TextPart next_not_normal(std::string_view text, size_t from, NormalForm form);
bool is_normal(std::string_view text, NormalForm form);

}  // namespace orrery
