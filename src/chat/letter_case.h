// Upper, lower and title case of texts as Python has them; one character may become several.
#pragma once

#include "chat/text.h"

namespace orrery::chat {

Text upper_case(const Text& text);
Text lower_case(const Text& text);
Text capitalized(const Text& text);                                // the first character in title case, the rest in lower case
void append_upper(Text& out, const Text& text, size_t begin, size_t end);
void append_title(Text& out, const Text& text, size_t begin, size_t end);
void append_lower(Text& out, const Text& text, size_t begin, size_t end);

}  // namespace orrery::chat
