// JSON, by nlohmann::json. Objects keep the order of the file (ordered_json), as Hugging Face's files are meant to be.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace orrery {

using Json = nlohmann::ordered_json;

// Parses text; `where` names the file for the error, which gives line and column. A byte order mark is skipped.
// Nesting deeper than 512 is refused; of equal keys in an object the last value stays. Linear in the text.
Result<Json> parse_json(std::string_view text, std::string_view where);

// One line, UTF-8 left as it is; invalid UTF-8 is replaced by U+FFFD instead of throwing.
std::string to_line(const Json& json);
// Indented by two, with a newline at the end: for files that people read.
std::string to_text(const Json& json);

}  // namespace orrery
