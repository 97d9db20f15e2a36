// Options, each described once: from the description come the flag (--max-new-tokens), the JSON key (max_new_tokens),
// the checks, the help, the shell completion and the man page.
//
//   struct Sampling {
//     double temperature = 1.0;
//     std::optional<int64_t> top_k;
//     static constexpr auto about = describe("sampling", "How the next token is drawn.",
//         option(&Sampling::temperature, "temperature", "Divides the logits.", above(0.0)),
//         option(&Sampling::top_k, "top_k", "Keep only the k likeliest tokens.", at_least(1)));
//   };
//
//   Sampling sampling;                         // member initialisers are the defaults
//   OptionSet set;
//   set.add(sampling);                         // several structs may be added: one command, one request
//   set.parse_flags(args, "generate");         // --temperature 0.8 --top-k=40; throws Error{bad_usage}
//   Status read = set.from_json(json, "request");   // {"temperature": 0.8}; a flag given before is kept
//
// Types of members: bool, int, int64_t, uint64_t, float, double, std::string, std::filesystem::path, std::optional of
// those, and std::vector of int64_t (a comma-separated flag, which may be repeated too), double (likewise), std::string and path (a repeated flag).
// A bool b is --b or --no-b. A struct that holds other described structs has `void bind(OptionSet&)` instead of `about`.
// Of two options with one name the one added first is meant; the later one keeps its default.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/nearest.h"

namespace orrery {

// What a description says of one option. Filled by option() and the words below.
struct OptionInfo {
  const char* name = "";          // max_new_tokens
  const char* help = "";          // one sentence
  const char* metavar = nullptr;  // stands for the value in the help; from the type where null
  char letter = 0;                // the p of -p
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  std::array<const char*, 24> choices{};  // up to the first null
  bool positional = false, required = false;
  bool suggested = false;         // an argument too many was probably meant for this flag
};

namespace option_words {
struct Range {
  double low, high;
  bool low_excluded;
};
struct Choices {
  std::array<const char*, 24> names{};
};
struct Metavar {
  const char* text;
};
struct Letter {
  char letter;
};
struct Positional {};
struct Required {};
struct Suggested {};

constexpr void say(OptionInfo& info, const char* help) { info.help = help; }
constexpr void say(OptionInfo& info, Range range) {
  info.low = range.low;
  info.high = range.high;
  info.low_excluded = range.low_excluded;
}
constexpr void say(OptionInfo& info, Choices choices) { info.choices = choices.names; }
constexpr void say(OptionInfo& info, Metavar metavar) { info.metavar = metavar.text; }
constexpr void say(OptionInfo& info, Letter letter) { info.letter = letter.letter; }
constexpr void say(OptionInfo& info, Positional) { info.positional = true; }
constexpr void say(OptionInfo& info, Required) { info.required = true; }
constexpr void say(OptionInfo& info, Suggested) { info.suggested = true; }
}  // namespace option_words

// The words that may follow an option's name, in any order, beside its help.
constexpr option_words::Range in_range(double low, double high) { return {low, high, false}; }
constexpr option_words::Range at_least(double low) { return {low, std::numeric_limits<double>::infinity(), false}; }
constexpr option_words::Range above(double low) { return {low, std::numeric_limits<double>::infinity(), true}; }
template <class... Names>
constexpr option_words::Choices one_of(Names... names) {
  return {{names...}};
}
constexpr option_words::Metavar unit(const char* text) { return {text}; }    // "N", "FILE", "seconds"
constexpr option_words::Letter short_flag(char letter) { return {letter}; }  // -p
constexpr option_words::Positional positional() { return {}; }               // given without a flag, in order
constexpr option_words::Required required() { return {}; }
constexpr option_words::Suggested suggested() { return {}; }                 // in the error of an argument too many

template <class S, class M>
struct BoundOption {
  OptionInfo info;
  M S::*member;
};
template <class S, class M, class... Words>
constexpr BoundOption<S, M> option(M S::*member, const char* name, Words... words) {
  BoundOption<S, M> bound{{}, member};
  bound.info.name = name;
  (option_words::say(bound.info, words), ...);
  return bound;
}

template <class... Bound>
struct Description {
  const char* name;
  const char* help;  // also the help of an option that has none of its own
  std::tuple<Bound...> options;
};
template <class... Bound>
constexpr Description<Bound...> describe(const char* name, const char* help, Bound... options) {
  return {name, help, {options...}};
}

// The member that an option reads and writes.
using OptionTarget =
    std::variant<bool*, int*, int64_t*, uint64_t*, float*, double*, std::string*, std::filesystem::path*,
                 std::optional<bool>*, std::optional<int>*, std::optional<int64_t>*, std::optional<uint64_t>*,
                 std::optional<float>*, std::optional<double>*, std::optional<std::string>*,
                 std::optional<std::filesystem::path>*, std::vector<int64_t>*, std::vector<double>*,
                 std::vector<std::string>*, std::vector<std::filesystem::path>*>;

// One option of one object.
struct Option {
  OptionInfo info;
  OptionTarget target;
  const void* owner = nullptr;  // the struct it belongs to
  std::string heading;          // under which the help lists it
  Json initial;                 // its value when it was added: the default
  bool given = false;           // set by a flag or an argument

  std::string flag() const;          // "--max-new-tokens"
  std::string metavar() const;       // "N"; "" for a bool; "MODEL" for a positional
  std::string constraint() const;    // "0 to 1", "above 0", "cpu or cuda"; may be empty
  std::string default_text() const;  // "0.8"; empty where the default is false, empty or unset
  bool takes_value() const;
  bool repeats() const;  // collects several values
  bool is_path() const;
  bool is_bool() const;
  std::vector<std::string> choices() const;

  Json value() const;
  // Checks and assigns; `where` names the flag or key in the error.
  Status set_text(std::string_view text, const std::string& where);
  Status set_json(const Json& json, const std::string& where);
};

// The options of one or several structs, which must outlive the set.
class OptionSet {
 public:
  template <class S>
  OptionSet& add(S& object, std::string_view heading = "Options") {
    if constexpr (requires { object.bind(*this); }) object.bind(*this);
    else
      std::apply(
          [&](const auto&... bound) {
            (append(bound.info, S::about.help, &(object.*(bound.member)), &object, heading), ...);
          },
          S::about.options);
    return *this;
  }

  // One option that is known only at run time; `help` is for an option without its own. Strings must outlive the set.
  void append(OptionInfo info, const char* help, OptionTarget target, const void* owner, std::string_view heading);

  // Sets options from command line arguments: --flag value, --flag=value, -p value, -pvalue, --no-flag, positional
  // arguments in the order of their descriptions; after `--` all are positional. Throws Error{bad_usage}.
  void parse_flags(std::span<const std::string> args, const std::string& where);
  // Throws Error{bad_usage} naming the first required option without a value.
  void check_required(const std::string& where) const;

  // Sets options from a JSON object; positional ones have no key. An unknown key, a wrong type or a value out of range
  // is an Error that names the key. Options that a flag has set keep the flag's value.
  // With an owner, only the options of that struct are known.
  Status from_json(const Json& json, const std::string& where, const void* owner = nullptr);
  Json to_json(const void* owner = nullptr) const;

  const std::vector<Option>& options() const { return options_; }
  const Option* find(std::string_view name) const;  // null where there is none
  bool given(std::string_view name) const;          // did a flag set it?

 private:
  Option* lookup(std::string_view name);
  Option& flag_named(std::string_view flag, bool& negated, const std::string& where);
  size_t parse_flag(std::span<const std::string> args, size_t at, const std::string& where);
  std::string hint_for(std::span<const std::string> rest) const;
  std::vector<Option> options_;
};

// "a, b or c"
std::string join_or(std::span<const std::string> words);

}  // namespace orrery
