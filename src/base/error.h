// Errors: what went wrong, where, and what to do about it.
//
//   Result<T>      untrusted bytes (a file, a prompt, JSON) were wrong: a value or an Error, never an exception.
//   throw Error    the caller asked for the impossible (a shape, a name, an option); the only exception type.
//   ORRERY_ASSERT  our own code is wrong; checked in debug and sanitizer builds.
//
//   Result<Json> json = parse_json(text, "config.json");
//   if (!json) return json.error();
//   use(*json);                       // or json.value(), which throws the Error
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>

namespace orrery {

enum class ErrorKind {
  bad_usage,     // the call was wrong: exit code 2
  bad_file,      // bytes that do not hold what they should
  not_found,     // a file, a tensor, a name
  unsupported,   // valid, but not something this program does
  out_of_range,  // a size, a position, a token id
  io,            // the system refused: disk full, no permission
  cancelled,
};

struct Error {
  ErrorKind kind = ErrorKind::bad_file;
  std::string what;
  std::string where;
  std::string hint = {};

  // "WHAT (WHERE)"; the hint is printed apart.
  std::string message() const { return where.empty() ? what : what + " (" + where + ")"; }
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return std::get<1>(state_); }

  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  // The value, or the Error thrown.
  T& value() & {
    if (!ok()) throw error();
    return std::get<0>(state_);
  }
  T value() && {
    if (!ok()) throw error();
    return std::move(std::get<0>(state_));
  }

 private:
  std::variant<T, Error> state_;
};

// A Result without a value: `return {};` is success.
struct Done {};
using Status = Result<Done>;
inline Status done() { return Done{}; }

[[noreturn]] inline void assertion_failed(const char* text, const char* file, int line) {
  std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", text, file, line);
  std::abort();
}

}  // namespace orrery

#ifdef ORRERY_ASSERTIONS
#define ORRERY_ASSERT(cond) ((cond) ? void(0) : ::orrery::assertion_failed(#cond, __FILE__, __LINE__))
#else
#define ORRERY_ASSERT(cond) void(0)
#endif
