// Arithmetic between values as Python has it: floor division, numbers of both kinds, texts and lists that add and repeat.
#pragma once

#include <string_view>

#include "chat/interpreter.h"

namespace orrery::chat {

Value apply_operator(Interpreter& run, std::string_view op, const Value& a, const Value& b);   // + - * / // % **
Value negated(const Value& a);
Text escaped(const Text& text);   // & < > ' " for HTML
// "%s and %d" % values, as Python formats.
Text formatted(Interpreter& run, const Text& format, const Value& values);

}  // namespace orrery::chat
