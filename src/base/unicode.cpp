#include "base/unicode.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "base/utf8.h"

namespace orrery {

namespace {

struct CombiningRange {
  char32_t first, last;
  uint8_t combining_class;
};
struct Composition {
  char32_t first, second, composed;
};

#include "base/generated/unicode_tables.inc"

constexpr uint32_t kPageSize = 128;

constexpr uint32_t look_up(char32_t c) { return kKindClasses[kPages[kPageOf[c / kPageSize] * kPageSize + c % kPageSize]]; }

constexpr std::array<uint32_t, 128> ascii_classes() {
  std::array<uint32_t, 128> classes{};
  for (char32_t c = 0; c < 128; c++) classes[c] = look_up(c);
  return classes;
}

template <size_t N, size_t M, size_t P>
std::span<const char32_t> find_text(char32_t c, const char32_t (&keys)[N], const uint16_t (&starts)[M],
                                    const char32_t (&pool)[P]) {
  const char32_t* key = std::lower_bound(std::begin(keys), std::end(keys), c);
  if (key == std::end(keys) || *key != c) return {};
  const auto i = static_cast<size_t>(key - std::begin(keys));
  return {pool + starts[i], static_cast<size_t>(starts[i + 1] - starts[i])};
}

uint8_t combining_class(char32_t c) {
  if (c < kCombining[0].first) return 0;
  const auto* range = std::upper_bound(std::begin(kCombining), std::end(kCombining), c,
                                       [](char32_t value, const CombiningRange& r) { return value < r.first; });
  range--;
  return c <= range->last ? range->combining_class : uint8_t(0);
}

// Hangul syllables (Unicode Standard, 3.12): composed = base + (lead * 21 + vowel) * 28 + trail.
constexpr char32_t kSyllableBase = 0xAC00, kLeadBase = 0x1100, kVowelBase = 0x1161, kTrailBase = 0x11A7;
constexpr char32_t kLeads = 19, kVowels = 21, kTrails = 28, kSyllables = kLeads * kVowels * kTrails;

std::optional<char32_t> compose(char32_t first, char32_t second) {
  if (first - kLeadBase < kLeads && second - kVowelBase < kVowels)
    return kSyllableBase + ((first - kLeadBase) * kVowels + (second - kVowelBase)) * kTrails;
  if (first - kSyllableBase < kSyllables && (first - kSyllableBase) % kTrails == 0 && second - kTrailBase - 1 < kTrails - 1)
    return first + (second - kTrailBase);
  const auto* found = std::lower_bound(
      std::begin(kCompositions), std::end(kCompositions), std::pair(first, second),
      [](const Composition& c, std::pair<char32_t, char32_t> key) { return std::pair(c.first, c.second) < key; });
  if (found == std::end(kCompositions) || found->first != first || found->second != second) return std::nullopt;
  return found->composed;
}

bool is_compatibility(NormalForm form) { return form == NormalForm::nfkc || form == NormalForm::nfkd; }

template <class Put>
void decompose(char32_t c, bool compatibility, Put put) {
  if (c - kSyllableBase < kSyllables) {
    const char32_t i = c - kSyllableBase;
    put(kLeadBase + i / (kVowels * kTrails), 0);
    put(kVowelBase + i / kTrails % kVowels, 1);
    if (i % kTrails != 0) put(kTrailBase + i % kTrails, 1);
    return;
  }
  std::span<const char32_t> text;
  if (compatibility) text = find_text(c, kNfkdKeys, kNfkdStarts, kNfkdPool);
  if (text.empty()) text = find_text(c, kNfdKeys, kNfdStarts, kNfdPool);
  if (text.empty()) return put(c, 0);
  for (size_t i = 0; i < text.size(); i++) put(text[i], i > 0);
}

// Decomposes and puts each run of combining marks in the order of their classes. A mark keeps its own `change`, so a
// mark that moves takes the alignment of the place it moves to, as the reference's does.
std::vector<Change> decomposed(std::string_view text, bool compatibility) {
  std::vector<Change> out;
  out.reserve(text.size());
  std::vector<std::pair<uint8_t, Change>> marks;   // the run being collected
  const auto flush = [&] {
    std::stable_sort(marks.begin(), marks.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [combining, change] : marks) out.push_back(change);
    marks.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    at += c.size;
    decompose(c.value, compatibility, [&](char32_t value, int32_t change) {
      const uint8_t combining = value < 0x80 ? uint8_t(0) : combining_class(value);
      if (combining != 0) return marks.push_back({combining, {value, change}});
      if (!marks.empty()) flush();
      out.push_back({value, change});
    });
  }
  flush();
  return out;
}

// Joins each starter with the marks and the starters after it that compose with it and are not blocked: a mark is
// blocked by an earlier unjoined one of the same or a higher class.
std::vector<Change> composed(const std::vector<Change>& in) {
  std::vector<Change> out;
  out.reserve(in.size());
  size_t starter = 0;
  bool have_starter = false, unjoined = false;
  uint8_t last_class = 0;   // of the last unjoined mark after the starter
  for (const Change& c : in) {
    const uint8_t combining = c.value < 0x80 ? uint8_t(0) : combining_class(c.value);
    if (have_starter && (!unjoined || (combining != 0 && last_class < combining))) {
      if (const auto joined = compose(out[starter].value, c.value)) {
        out[starter] = {*joined, out[starter].change + c.change - 1};
        continue;
      }
    }
    if (combining == 0) {
      starter = out.size();
      have_starter = true;
      unjoined = false;
    } else if (have_starter) {
      unjoined = true;
      last_class = combining;
    }
    out.push_back(c);
  }
  return out;
}

}  // namespace

const std::array<uint32_t, 128> kAsciiClasses = ascii_classes();

uint32_t unicode_classes_long(char32_t c) { return c <= 0x10FFFF ? look_up(c) : 0; }

std::span<const char32_t> lowercase(char32_t c) { return find_text(c, kLowerKeys, kLowerStarts, kLowerPool); }

std::vector<Change> normal_form(std::string_view text, NormalForm form) {
  std::vector<Change> changes = decomposed(text, is_compatibility(form));
  if (form == NormalForm::nfc || form == NormalForm::nfkc) return composed(changes);
  return changes;
}

bool surely_normal(std::string_view text, NormalForm form) {
  // Below U+00A0 nothing changes in any form; below U+0300 nothing changes in NFC.
  const char32_t limit = form == NormalForm::nfc ? 0x300 : 0xA0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    if (c.value >= limit) return false;
    at += c.size;
  }
  return true;
}

}  // namespace orrery
