#include "base/unicode.h"

#include <algorithm>
#include <bitset>
#include <cstring>
#include <iterator>
#include <memory>
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

constexpr size_t kCodePoints = 0x110000;
using CodePoints = std::bitset<kCodePoints>;

template <size_t N>
CodePoints all_of(const char32_t (&keys)[N]) {
  CodePoints set;
  for (const char32_t c : keys) set.set(c);
  return set;
}

constexpr size_t kCombiningEnd = std::end(kCombining)[-1].last + 1;
constexpr std::array<uint8_t, kCombiningEnd> combining_classes() {
  std::array<uint8_t, kCombiningEnd> classes{};
  for (const CombiningRange& range : kCombining)
    for (char32_t c = range.first; c <= range.last; c++) classes[c] = range.combining_class;
  return classes;
}
constexpr std::array<uint8_t, kCombiningEnd> kCombiningClasses = combining_classes();   // a table, for a text may be marks alone

uint8_t combining_class(char32_t c) { return c < kCombiningEnd ? kCombiningClasses[c] : uint8_t(0); }

bool decomposes(char32_t c) {
  static const CodePoints set = all_of(kNfdKeys);
  return c < kCodePoints && set[c];
}
bool decomposes_compatibly(char32_t c) {
  static const CodePoints set = all_of(kNfkdKeys);
  return c < kCodePoints && set[c];
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
  if (compatibility && decomposes_compatibly(c)) text = find_text(c, kNfkdKeys, kNfkdStarts, kNfkdPool);
  if (text.empty() && decomposes(c)) text = find_text(c, kNfdKeys, kNfdStarts, kNfdPool);
  if (text.empty()) return put(c, 0);
  for (size_t i = 0; i < text.size(); i++) put(text[i], i > 0);
}

// By combining class, in linear time where there are many: a text may be one run of marks.
void sort_marks(std::span<Change> marks) {
  const auto before = [](const Change& a, const Change& b) { return combining_class(a.value) < combining_class(b.value); };
  if (marks.size() < 256) return std::stable_sort(marks.begin(), marks.end(), before);
  std::array<size_t, 257> places{};
  for (const Change& mark : marks) places[size_t(combining_class(mark.value)) + 1]++;
  for (size_t i = 1; i < places.size(); i++) places[i] += places[i - 1];
  const std::vector<Change> unsorted(marks.begin(), marks.end());
  for (const Change& mark : unsorted) marks[places[combining_class(mark.value)]++] = mark;
}

// Decomposes and puts each run of combining marks in the order of their classes. A mark keeps its own `change`, so a
// mark that moves takes the alignment of the place it moves to, as the reference's does.
std::vector<Change> decomposed(std::string_view text, bool compatibility) {
  std::vector<Change> out;
  out.reserve(text.size());
  size_t run = 0;            // where the last run of marks begins in `out`
  uint8_t last_class = 0;    // of the mark at its end, the highest as long as it is sorted
  bool sorted = true;
  const auto flush = [&] {
    if (!sorted) sort_marks(std::span(out).subspan(run));
    last_class = 0;
    sorted = true;
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_valid_utf8(text, at);
    at += c.size;
    decompose(c.value, compatibility, [&](char32_t value, int32_t change) {
      const uint8_t combining = value < 0x80 ? uint8_t(0) : combining_class(value);
      if (combining == 0) flush();
      out.push_back({value, change});
      if (combining == 0) run = out.size();
      sorted = sorted && last_class <= combining;
      last_class = combining;
    });
  }
  flush();
  return out;
}

// Joins each starter with the marks and the starters after it that compose with it and are not blocked: a mark is
// blocked by an earlier unjoined one of the same or a higher class.
void compose(std::vector<Change>& text) {
  size_t end = 0;   // of what is made, which takes the place of what was read
  size_t starter = 0;
  bool have_starter = false, unjoined = false;
  uint8_t last_class = 0;   // of the last unjoined mark after the starter
  for (const Change c : text) {
    const uint8_t combining = c.value < 0x80 ? uint8_t(0) : combining_class(c.value);
    if (have_starter && (!unjoined || (combining != 0 && last_class < combining))) {
      if (const auto joined = compose(text[starter].value, c.value)) {
        text[starter] = {*joined, text[starter].change + c.change - 1};
        continue;
      }
    }
    if (combining == 0) {
      starter = end;
      have_starter = true;
      unjoined = false;
    } else if (have_starter) {
      unjoined = true;
      last_class = combining;
    }
    text[end++] = c;
  }
  text.resize(end);
}

}  // namespace

const std::array<uint32_t, 128> kAsciiClasses = ascii_classes();

uint32_t unicode_classes_long(char32_t c) { return c <= 0x10FFFF ? look_up(c) : 0; }

std::span<const char32_t> lowercase(char32_t c) {
  static const CodePoints changed = all_of(kLowerKeys);
  return c < kCodePoints && changed[c] ? find_text(c, kLowerKeys, kLowerStarts, kLowerPool) : std::span<const char32_t>();
}

std::vector<Change> normal_form(std::string_view text, NormalForm form) {
  std::vector<Change> changes = decomposed(text, is_compatibility(form));
  if (form == NormalForm::nfc || form == NormalForm::nfkc) compose(changes);
  return changes;
}

namespace {

// The code points that do not begin a part of their own: alone they become another text, or they may move before or join what stands
// before them. All others do nothing to what stands before.
CodePoints that_are_not_normal(NormalForm form) {
  CodePoints set;
  const bool composes = form == NormalForm::nfc || form == NormalForm::nfkc;
  for (const CombiningRange& range : kCombining)
    for (char32_t c = range.first; c <= range.last; c++) set.set(c, range.combining_class != 0);
  if (composes) {
    for (const Composition& composition : kCompositions) set.set(composition.second);
    for (char32_t c = kVowelBase; c < kVowelBase + kVowels; c++) set.set(c);
    for (char32_t c = kTrailBase + 1; c < kTrailBase + kTrails; c++) set.set(c);
  } else {
    for (char32_t c = kSyllableBase; c < kSyllableBase + kSyllables; c++) set.set(c);
  }
  const CodePoints inside = set;
  const auto look_at = [&](char32_t c) {
    const std::vector<Change> alone = normal_form(to_utf8(c), form), parts = decomposed(to_utf8(c), is_compatibility(form));
    if (alone.size() != 1 || alone[0].value != c || inside[parts[0].value]) set.set(c);
  };
  for (const char32_t c : kNfdKeys) look_at(c);
  if (is_compatibility(form))
    for (const char32_t c : kNfkdKeys) look_at(c);
  return set;
}

template <NormalForm form>
const CodePoints& known_not_normal() {   // made when first asked for
  static const CodePoints known = that_are_not_normal(form);
  return known;
}

const CodePoints& not_normal(NormalForm form) {
  switch (form) {
    case NormalForm::nfc: return known_not_normal<NormalForm::nfc>();
    case NormalForm::nfd: return known_not_normal<NormalForm::nfd>();
    case NormalForm::nfkc: return known_not_normal<NormalForm::nfkc>();
    default: return known_not_normal<NormalForm::nfkd>();
  }
}

}  // namespace

TextPart next_not_normal(std::string_view text, size_t from, NormalForm form) {
  const CodePoints& special = not_normal(form);
  size_t begin = from;   // of the last that is not special
  for (size_t at = from; at < text.size();) {
    if (uint64_t eight; text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        at += sizeof eight;
        begin = at - 1;
        continue;
      }
    }
    CodePoint c = decode_valid_utf8(text, at);
    if (!special[c.value]) {
      begin = at;
      at += c.size;
      continue;
    }
    while (special[c.value]) {
      at += c.size;
      if (at == text.size()) break;
      c = decode_valid_utf8(text, at);
    }
    return {begin, at};
  }
  return {text.size(), text.size()};
}

namespace {

// The same of what is not_normal, without making its form: in C forms, where no character decomposes. Nothing where one does.
std::optional<bool> keeps_order_and_joins_nothing(std::string_view part, NormalForm form) {
  if (form == NormalForm::nfd || form == NormalForm::nfkd) return std::nullopt;
  char32_t starter = 0;
  bool have_starter = false, unjoined = false;
  uint8_t last_class = 0;
  for (size_t at = 0; at < part.size();) {
    const CodePoint c = decode_valid_utf8(part, at);
    at += c.size;
    if (decomposes(c.value) || (form == NormalForm::nfkc && decomposes_compatibly(c.value)) || c.value - kSyllableBase < kSyllables) return std::nullopt;
    const uint8_t combining = combining_class(c.value);
    if (combining != 0 && combining < last_class) return false;
    if (have_starter && (!unjoined || (combining != 0 && last_class < combining)) && compose(starter, c.value)) return false;
    if (combining == 0) starter = c.value, have_starter = true;
    unjoined = combining != 0;
    last_class = combining;
  }
  return true;
}

}  // namespace

bool is_normal(std::string_view text, NormalForm form) {
  for (TextPart part = next_not_normal(text, 0, form); part.begin < text.size(); part = next_not_normal(text, part.end, form)) {
    if (const auto known = keeps_order_and_joins_nothing(text.substr(part.begin, part.end - part.begin), form)) {
      if (!*known) return false;
      continue;
    }
    std::string made;
    for (const Change& change : normal_form(text.substr(part.begin, part.end - part.begin), form)) append_utf8(made, change.value);
    if (made != text.substr(part.begin, part.end - part.begin)) return false;
  }
  return true;
}

}  // namespace orrery
