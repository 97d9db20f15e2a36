// Values as text: as {{ }} prints them (Python's str), as they stand inside of lists (repr), and as JSON (json.dumps).
#pragma once

#include <optional>
#include <string>

#include "chat/value.h"

namespace orrery::chat {

Text shown(const Value& value);         // str(value)
Text represented(const Value& value);   // repr(value)
std::string real_text(double d);        // repr of a float: the shortest digits that read back

struct JsonStyle {
  bool ascii = false, sort_keys = false;
  std::optional<Text> indent;   // the white space of one level; nothing: all on one line
  Text item_separator = Text::from_template(", "), key_separator = Text::from_template(": ");
};
Text json_text(const Value& value, const JsonStyle& style);

}  // namespace orrery::chat
