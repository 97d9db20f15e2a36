// The filters ({{ x | name }}), tests ({{ x is name }}), methods ({{ x.name() }}) and functions ({{ name() }}) of templates.
// Each is a function over a Call and one line in filters.inc, tests.inc, methods.inc or functions.inc.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/value.h"

namespace orrery::chat {

class Interpreter;

// A call with its arguments; what a filter, test or method is applied to is the first.
struct Call {
  Interpreter& run;
  std::string name;
  std::vector<Value> args;
  std::vector<std::pair<std::string, Value>> named;
};
using Callable = Value (*)(Call&);

Callable find_filter(std::string_view name);   // null where there is none
Callable find_test(std::string_view name);
Callable find_function(std::string_view name);
// The method of a value of this kind ("str", "dict", "list"), and whether it would change the value, which nothing may.
struct Method {
  Callable callable = nullptr;
  bool changes = false;
};
Method find_method(std::string_view kind, std::string_view name);

// Arguments by position or name, as a Python function with these parameters takes them. Throws Error where there are too
// many, or a name that is not among them.
class Arguments {
 public:
  Arguments(const Call& call, std::vector<std::string_view> names, size_t required = 0);
  const Value* operator[](size_t i) const { return given_[i]; }   // null where not given
  const Value& value(size_t i) const { return *given_[i]; }       // of a required one
  bool flag(size_t i, bool otherwise) const { return given_[i] ? given_[i]->truthy() : otherwise; }
  int64_t integer(size_t i, int64_t otherwise) const;             // throws Error where it is none
  const Text& text(size_t i) const;                               // likewise

 private:
  std::vector<const Value*> given_;
  std::string name_;
};

}  // namespace orrery::chat
