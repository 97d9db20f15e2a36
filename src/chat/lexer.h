// A template's text to tokens, as Jinja 3.1 does with trim_blocks, lstrip_blocks and without keep_trailing_newline:
// a newline after a statement is dropped, and so is the white space before one on its line; `-` drops all white space.
//
//   Result<std::vector<Token>> tokens = tokens_of("{% if x %}a{% endif %}", "chat_template.jinja");
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace orrery::chat {

// Where in the template, both from 1; columns count code points.
struct Place {
  int line = 1, column = 1;
};

// "chat_template.jinja, line 3, column 14"
std::string where_text(std::string_view name, Place place);

struct Token {
  enum class Kind { data, print_begin, print_end, block_begin, block_end, name, string, integer, real, op, end };
  Kind kind = Kind::end;
  std::string text;   // of a string with its escapes resolved
  Place at;
};

Result<std::vector<Token>> tokens_of(std::string_view source, std::string_view name);

// For messages: "'foo'", "end of statement block".
std::string describe_token(const Token& token);

}  // namespace orrery::chat
