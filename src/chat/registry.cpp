#include "chat/registry.h"

#include <algorithm>
#include <array>

#include "chat/failure.h"

namespace orrery::chat {

#define FILTER(name, function) Value function(Call&);
#include "chat/filters.inc"
#undef FILTER
#define TEST(name, function) Value function(Call&);
#include "chat/tests.inc"
#undef TEST
#define FUNCTION(name, function) Value function(Call&);
#include "chat/functions.inc"
#undef FUNCTION
#define METHOD(kind, name, function) Value function(Call&);
#define CHANGES(kind, name)
#include "chat/methods.inc"
#undef METHOD
#undef CHANGES

namespace {

struct Entry {
  std::string_view name;
  Callable callable;
};

constexpr Entry kFilters[] = {
#define FILTER(name, function) {name, function},
#include "chat/filters.inc"
#undef FILTER
};
constexpr Entry kTests[] = {
#define TEST(name, function) {name, function},
#include "chat/tests.inc"
#undef TEST
};
constexpr Entry kFunctions[] = {
#define FUNCTION(name, function) {name, function},
#include "chat/functions.inc"
#undef FUNCTION
};
struct MethodEntry {
  std::string_view kind, name;
  Method method;
};
constexpr MethodEntry kMethods[] = {
#define METHOD(kind, name, function) {kind, name, {function, false}},
#define CHANGES(kind, name) {kind, name, {nullptr, true}},
#include "chat/methods.inc"
#undef METHOD
#undef CHANGES
};

template <size_t N>
Callable find(const Entry (&entries)[N], std::string_view name) {
  for (const Entry& entry : entries)
    if (entry.name == name) return entry.callable;
  return nullptr;
}

}  // namespace

Callable find_filter(std::string_view name) { return find(kFilters, name); }
Callable find_test(std::string_view name) { return find(kTests, name); }
Callable find_function(std::string_view name) { return find(kFunctions, name); }
Method find_method(std::string_view kind, std::string_view name) {
  for (const MethodEntry& entry : kMethods)
    if (entry.kind == kind && entry.name == name) return entry.method;
  return {};
}

Arguments::Arguments(const Call& call, std::vector<std::string_view> names, size_t required) : given_(names.size()), name_(call.name) {
  if (call.args.size() > names.size())
    fail(call.name + "() takes at most " + std::to_string(names.size()) + " arguments (" + std::to_string(call.args.size()) + " given)");
  for (size_t i = 0; i < call.args.size(); ++i) given_[i] = &call.args[i];
  for (const auto& [name, value] : call.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) fail(call.name + "() got an unexpected keyword argument '" + name + "'");
    const Value*& place = given_[size_t(found - names.begin())];
    if (place) fail(call.name + "() got multiple values for argument '" + name + "'");
    place = &value;
  }
  for (size_t i = 0; i < required; ++i)
    if (!given_[i]) fail(call.name + "() is missing its argument '" + std::string(names[i]) + "'");
}

int64_t Arguments::integer(size_t i, int64_t otherwise) const {
  if (!given_[i]) return otherwise;
  if (given_[i]->is_undefined()) fail(given_[i]->undefined_message());
  const auto value = given_[i]->as_integer();
  if (!value) fail("'" + type_name(*given_[i]) + "' object cannot be interpreted as an integer");
  return *value;
}

const Text& Arguments::text(size_t i) const {
  if (given_[i]->is_undefined()) fail(given_[i]->undefined_message());
  const Text* text = given_[i]->as_text();
  if (!text) fail(name_ + "() wants a str, not " + type_name(*given_[i]));
  return *text;
}

}  // namespace orrery::chat
