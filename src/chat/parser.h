// A template's text to statements: Jinja's grammar with the extensions that transformers adds ({% break %}, {% continue %},
// {% generation %}). Refused: what reaches for other files (include, import, extends) and {% autoescape %}.
#pragma once

#include <string_view>

#include "base/error.h"
#include "chat/syntax.h"

namespace orrery::chat {

// `name` stands for the template in errors, which give line and column.
Result<Body> parse_template(std::string_view source, std::string_view name);

}  // namespace orrery::chat
