#include "base/properties.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace orrery {

namespace {

#include "base/generated/property_tables.inc"

// The value of the run that holds c. A run is its first code point times 256, plus its value.
template <size_t count>
uint8_t look_up(const uint32_t (&runs)[count], char32_t c) {
  const uint32_t* after = std::upper_bound(std::begin(runs), std::end(runs), uint32_t(c) << 8 | 0xFF);
  return after == std::begin(runs) ? 0 : static_cast<uint8_t>(*std::prev(after));
}

std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != ' ' && c != '-' && c != '_') out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  return out;
}

struct LongName {
  std::string_view name, category;
};
constexpr LongName kLongNames[] = {
    {"other", "C"}, {"control", "Cc"}, {"format", "Cf"}, {"unassigned", "Cn"}, {"privateuse", "Co"}, {"surrogate", "Cs"},
    {"letter", "L"}, {"lowercaseletter", "Ll"}, {"modifierletter", "Lm"}, {"otherletter", "Lo"}, {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"}, {"mark", "M"}, {"spacingmark", "Mc"}, {"enclosingmark", "Me"}, {"nonspacingmark", "Mn"},
    {"number", "N"}, {"decimalnumber", "Nd"}, {"letternumber", "Nl"}, {"othernumber", "No"}, {"punctuation", "P"},
    {"connectorpunctuation", "Pc"}, {"dashpunctuation", "Pd"}, {"closepunctuation", "Pe"}, {"finalpunctuation", "Pf"},
    {"initialpunctuation", "Pi"}, {"otherpunctuation", "Po"}, {"openpunctuation", "Ps"}, {"symbol", "S"},
    {"currencysymbol", "Sc"}, {"modifiersymbol", "Sk"}, {"mathsymbol", "Sm"}, {"othersymbol", "So"}, {"separator", "Z"},
    {"lineseparator", "Zl"}, {"paragraphseparator", "Zp"}, {"spaceseparator", "Zs"}};

// In the order of BREAKS in the script that makes the tables.
enum Break : uint8_t { other, cr, lf, control, extend, zwj, regional, prepend, spacing_mark, l, v, t, lv, lvt, pictographic };

}  // namespace

uint32_t category_of(char32_t c) { return 1u << look_up(kCategoryRuns, c); }

std::optional<uint32_t> categories_named(std::string_view name) {
  std::string wanted = plain(name);
  for (const LongName& known : kLongNames)
    if (known.name == wanted) wanted = plain(known.category);
  uint32_t mask = 0;
  for (size_t i = 0; i < std::size(kCategoryNames); i++) {
    const std::string category = plain(kCategoryNames[i]);
    if (category == wanted || category.substr(0, 1) == wanted) mask |= 1u << i;
  }
  return mask == 0 ? std::nullopt : std::optional(mask);
}

uint8_t script_of(char32_t c) { return look_up(kScriptRuns, c); }

std::optional<uint8_t> script_named(std::string_view name) {
  const std::string wanted = plain(name);
  for (size_t i = 1; i < std::size(kScriptNames); i++)
    if (plain(kScriptNames[i]) == wanted) return static_cast<uint8_t>(i);
  return std::nullopt;
}

uint8_t old_script_of(char32_t c) { return look_up(kOldScriptRuns, c); }

namespace {

// Of each code point below U+20000, where nearly all that break otherwise stand.
std::vector<uint8_t> near_breaks() {
  std::vector<uint8_t> breaks(0x20000);
  for (size_t i = 0; i < std::size(kBreakRuns); i++) {
    const size_t from = kBreakRuns[i] >> 8, to = i + 1 < std::size(kBreakRuns) ? kBreakRuns[i + 1] >> 8 : breaks.size();
    for (size_t c = from; c < std::min(to, breaks.size()); c++) breaks[c] = static_cast<uint8_t>(kBreakRuns[i]);
  }
  return breaks;
}

Break break_of(char32_t c) {
  static const std::vector<uint8_t> near = near_breaks();
  return static_cast<Break>(c < near.size() ? near[c] : look_up(kBreakRuns, c));
}

}  // namespace

bool begins_grapheme(std::string_view text, size_t at) {
  if (at == 0) return true;
  const Break next = break_of(decode_valid_utf8(text, at).value);
  return next == other && break_of(decode_valid_utf8(text, previous_utf8(text, at)).value) != prepend;
}

size_t grapheme_end(std::string_view text, size_t at) {
  const CodePoint first = decode_utf8(text, at);
  at += first.size;
  Break before = break_of(first.value);
  bool after_pictograph = before == pictographic;   // … and any number of `extend` since
  bool odd_regional = before == regional;
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    const Break next = break_of(c.value);
    if (before == cr || before == lf || before == control) return before == cr && next == lf ? at + 1 : at;
    if (next == cr || next == lf || next == control) return at;
    const bool joins = next == extend || next == zwj || next == spacing_mark || before == prepend ||
                       (before == l && (next == l || next == v || next == lv || next == lvt)) ||
                       ((before == lv || before == v) && (next == v || next == t)) || ((before == lvt || before == t) && next == t) ||
                       (before == zwj && after_pictograph && next == pictographic) || (odd_regional && next == regional);
    if (!joins) return at;
    after_pictograph = next == pictographic || (after_pictograph && (next == extend || next == zwj));
    odd_regional = next == regional && !(before == regional && odd_regional);
    before = next;
    at += c.size;
  }
  return at;
}

}  // namespace orrery
