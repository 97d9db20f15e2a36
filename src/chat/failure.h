// How the interpreter gives up: an Error without a place, which the node being evaluated adds (interpreter.cpp).
#pragma once

#include <string>

#include "base/error.h"

namespace orrery::chat {

[[noreturn]] inline void fail(std::string what, ErrorKind kind = ErrorKind::bad_file) { throw Error{kind, std::move(what), {}}; }

}  // namespace orrery::chat
