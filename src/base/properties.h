// Unicode properties of code points that base/unicode.h has no class for: general category, script, and where a text may
// be cut between two characters as people see them (grapheme clusters, UAX #29). The tables are
// base/generated/property_tables.inc, made by scripts/make_property_tables.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace orrery {

// The general category as a mask of one bit, and the mask that a name ("Lu", "L", "Uppercase_Letter") asks for.
uint32_t category_of(char32_t c);
std::optional<uint32_t> categories_named(std::string_view name);

// The script as a number, 0 for none, and the number of a name ("Han"). Case, spaces, - and _ do not matter in names.
uint8_t script_of(char32_t c);
std::optional<uint8_t> script_named(std::string_view name);

// The script that the step UnicodeScripts sees, from older tables; 0 for a character of any script.
uint8_t old_script_of(char32_t c);

// The end of the extended grapheme cluster that begins at byte `at` of a valid UTF-8 text.
size_t grapheme_end(std::string_view text, size_t at);
// Whether one surely begins at byte `at` of a valid text, as the characters on either side tell.
bool begins_grapheme(std::string_view text, size_t at);

}  // namespace orrery
