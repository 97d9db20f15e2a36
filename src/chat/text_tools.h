// Cutting and joining texts as Python's str methods do; filters and methods share them.
#pragma once

#include <utility>
#include <vector>

#include "chat/interpreter.h"

namespace orrery::chat {

Text stripped(const Text& text, const Text* chars, bool left, bool right);   // without chars: white space
// Throws Error when the steps of `run` are spent.
Text replaced(Interpreter& run, const Text& text, const Text& from, const Text& to, int64_t count);
std::vector<Text> split(const Text& text, const Text* separator, int64_t most, bool from_right);
std::vector<Text> lines(const Text& text, bool keep_ends);
// The bytes that s[start:end] covers; begin may be past the end.
std::pair<size_t, size_t> byte_range(const Text& text, const Value* start, const Value* end);

}  // namespace orrery::chat
