#include "base/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <system_error>
#include <type_traits>

namespace orrery {

namespace {
template <class T>
struct Optional : std::false_type {};
template <class T>
struct Optional<std::optional<T>> : std::true_type {};
template <class T>
struct List : std::false_type {};
template <class T>
struct List<std::vector<T>> : std::true_type {};
template <class T>
concept Text = std::is_same_v<T, std::string> || std::is_same_v<T, std::filesystem::path>;
template <class T>
concept Number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

// The type of one value: of an optional what it may hold, of a list its elements.
template <class T>
struct Element {
  using type = T;
};
template <class T>
struct Element<std::optional<T>> {
  using type = T;
};
template <class T>
struct Element<std::vector<T>> {
  using type = T;
};
template <class T>
using ElementOf = typename Element<T>::type;

// Calls f with a null pointer of the type of one value of `target`.
template <class F>
auto with_element(const OptionTarget& target, F f) {
  return std::visit(
      [&](auto* pointer) { return f(static_cast<ElementOf<std::remove_pointer_t<decltype(pointer)>>*>(nullptr)); },
      target);
}
template <class T>
using Pointee = std::remove_pointer_t<T>;

Error wrong(std::string what, const std::string& where, std::string hint = {}) {
  return {ErrorKind::bad_usage, std::move(what), where, std::move(hint)};
}

std::string in_quotes(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string number_text(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string dashes(std::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::vector<std::string> choices_of(const OptionInfo& info) {
  std::vector<std::string> names;
  for (const char* name : info.choices)
    if (name) names.emplace_back(name);
  return names;
}

template <class T>
Status check_range(T value, const OptionInfo& info, const std::string& where) {
  const double number = double(value);
  const bool low = info.low_excluded ? number > info.low : number >= info.low;
  if (low && number <= info.high) return done();
  const std::string shown = std::is_integral_v<T> ? std::to_string(value) : number_text(number);
  std::string limits;
  if (std::isinf(info.high)) limits = (info.low_excluded ? "above " : "at least ") + number_text(info.low);
  else if (std::isinf(info.low)) limits = "at most " + number_text(info.high);
  else limits = "from " + number_text(info.low) + " to " + number_text(info.high);
  return wrong(shown + " is out of range: it must be " + limits, where);
}

template <Number T>
Status read_text(T& value, std::string_view text, const OptionInfo& info, const std::string& where) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  if (text.size() > 1 && *begin == '+') ++begin;
  T parsed{};
  const auto [stop, code] = std::from_chars(begin, end, parsed);
  if (code == std::errc::result_out_of_range && stop == end)
    return wrong(in_quotes(text) + " is too large or too small", where);
  bool good = code == std::errc() && stop == end;
  if constexpr (std::is_floating_point_v<T>) good = good && !std::isnan(parsed);
  if (!good)
    return wrong(in_quotes(text) + (std::is_integral_v<T> ? " is not a whole number" : " is not a number"), where);
  if (Status fits = check_range(parsed, info, where); !fits) return fits;
  value = parsed;
  return done();
}

Status read_text(bool& value, std::string_view text, const OptionInfo&, const std::string& where) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") value = true;
  else if (text == "false" || text == "0" || text == "no" || text == "off") value = false;
  else return wrong(in_quotes(text) + " is neither true nor false", where);
  return done();
}

template <Text T>
Status read_text(T& value, std::string_view text, const OptionInfo& info, const std::string& where) {
  const std::vector<std::string> choices = choices_of(info);
  if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
    const std::string near = nearest(text, choices);
    return wrong(in_quotes(text) + " is not " + join_or(choices), where,
                 !near.empty() ? "did you mean " + near + "?" : choices.size() == 1 ? info.help : "");
  }
  if (std::is_same_v<T, std::filesystem::path> && text.empty()) return wrong("an empty text names no file", where);
  value = T(text);
  return done();
}

template <class T>
Status read_json(T& value, const Json& json, const OptionInfo& info, const std::string& where) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) return wrong("must be true or false, not " + to_line(json), where);
    value = json.get<bool>();
  } else if constexpr (Text<T>) {
    if (!json.is_string()) return wrong("must be a string, not " + to_line(json), where);
    return read_text(value, json.get_ref<const std::string&>(), info, where);
  } else {
    if (!json.is_number()) return wrong("must be a number, not " + to_line(json), where);
    // Through the text of the number, so that limits and whole numbers are checked in one place.
    std::string text = json.dump();
    if (std::is_integral_v<T> && text.ends_with(".0")) text.resize(text.size() - 2);
    return read_text(value, text, info, where);
  }
  return done();
}

template <class T>
Json json_of(const T& value) {
  if constexpr (Optional<T>::value) {
    return value ? json_of(*value) : Json();
  } else if constexpr (List<T>::value) {
    Json array = Json::array();
    for (const auto& element : value) array.push_back(json_of(element));
    return array;
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return value.string();
  } else if constexpr (std::is_same_v<T, float>) {
    // The shortest decimal that reads back as this float: 0.1, not 0.10000000149.
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    double shortest = double(value);
    std::from_chars(buffer, end, shortest);
    return shortest;
  } else {
    return value;
  }
}
}  // namespace

std::string Option::flag() const { return "--" + dashes(info.name); }

bool Option::is_bool() const {
  return with_element(target, [](auto* value) { return std::is_same_v<decltype(value), bool*>; });
}
bool Option::is_path() const {
  return with_element(target, [](auto* value) { return std::is_same_v<decltype(value), std::filesystem::path*>; });
}
bool Option::takes_value() const { return !is_bool(); }
bool Option::repeats() const {
  return std::visit([](auto* value) { return List<Pointee<decltype(value)>>::value; }, target);
}
std::vector<std::string> Option::choices() const { return choices_of(info); }

std::string Option::metavar() const {
  if (is_bool()) return "";
  if (info.metavar) return info.metavar;
  if (info.positional) {
    std::string upper(info.name);
    for (char& c : upper) c = c == '_' ? '-' : char(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return upper;
  }
  if (is_path()) return "FILE";
  if (!choices().empty()) return "WORD";
  const std::string one = with_element(target, [](auto* value) {
    using T = Pointee<decltype(value)>;
    return std::string(Text<T> ? "TEXT" : std::is_integral_v<T> ? "N" : "X");
  });
  const bool split = repeats() && one != "TEXT";
  return split ? one + "," + one + ",…" : one;
}

std::string Option::constraint() const {
  const std::vector<std::string> names = choices();
  if (!names.empty()) return join_or(names);
  const bool low = std::isfinite(info.low), high = std::isfinite(info.high);
  if (low && high) return number_text(info.low) + " to " + number_text(info.high);
  if (low) return (info.low_excluded ? "above " : "at least ") + number_text(info.low);
  if (high) return "at most " + number_text(info.high);
  return "";
}

std::string Option::default_text() const {
  if (initial.is_null() || initial == Json(false) || initial == Json("") || initial == Json::array()) return "";
  if (initial.is_string()) return initial.get<std::string>();
  if (!initial.is_array()) return to_line(initial);
  std::string text;
  for (const Json& element : initial)
    text += (text.empty() ? "" : ",") + (element.is_string() ? element.get<std::string>() : to_line(element));
  return text;
}

Json Option::value() const {
  return std::visit([](auto* value) { return json_of(*value); }, target);
}

Status Option::set_text(std::string_view text, const std::string& where) {
  return std::visit(
      [&](auto* value) -> Status {
        using T = Pointee<decltype(value)>;
        using E = ElementOf<T>;
        if constexpr (List<T>::value && !Text<E>) {
          T read;
          for (size_t begin = 0; !text.empty() && begin <= text.size();) {
            const size_t end = std::min(text.find_first_of(", ", begin), text.size());
            E element{};
            if (end > begin || text.substr(end, 1) == ",") {
              if (Status status = read_text(element, text.substr(begin, end - begin), info, where); !status)
                return status;
              read.push_back(element);
            }
            begin = end + 1;
          }
          if (given) value->insert(value->end(), read.begin(), read.end());   // a flag that is repeated goes on with the list
          else *value = std::move(read);
          return done();
        } else {
          E element{};
          if (Status status = read_text(element, text, info, where); !status) return status;
          if constexpr (List<T>::value) {
            if (!given) value->clear();  // the first one replaces the default
            value->push_back(std::move(element));
          } else {
            *value = std::move(element);
          }
          return done();
        }
      },
      target);
}

Status Option::set_json(const Json& json, const std::string& where) {
  return std::visit(
      [&](auto* value) -> Status {
        using T = Pointee<decltype(value)>;
        using E = ElementOf<T>;
        if constexpr (List<T>::value) {
          if (!json.is_array()) return wrong("must be a list, not " + to_line(json), where);
          T read;
          for (const Json& each : json) {
            E element{};
            if (Status status = read_json(element, each, info, where); !status) return status;
            read.push_back(std::move(element));
          }
          *value = std::move(read);
        } else if (Optional<T>::value && json.is_null()) {
          *value = T{};
        } else {
          E element{};
          if (Status status = read_json(element, json, info, where); !status) return status;
          *value = std::move(element);
        }
        return done();
      },
      target);
}

void OptionSet::append(OptionInfo info, const char* help, OptionTarget target, const void* owner,
                       std::string_view heading) {
  if (!*info.help) info.help = help;
  if (find(info.name)) return;
  for (const Option& other : options_)
    if (info.letter && info.letter == other.info.letter) info.letter = 0;
  Option option{info, target, owner, std::string(heading), {}, false};
  option.initial = option.value();
  options_.push_back(std::move(option));
}

const Option* OptionSet::find(std::string_view name) const {
  for (const Option& option : options_)
    if (option.info.name == name) return &option;
  return nullptr;
}
Option* OptionSet::lookup(std::string_view name) {
  for (Option& option : options_)
    if (option.info.name == name) return &option;
  return nullptr;
}

bool OptionSet::given(std::string_view name) const {
  const Option* option = find(name);
  return option && option->given;
}

// `flag` is "--name" or "-p", without a value.
Option& OptionSet::flag_named(std::string_view flag, bool& negated, const std::string& where) {
  for (Option& option : options_) {
    if (option.info.positional) continue;
    if (flag == option.flag() || (option.info.letter && flag == std::string{'-', option.info.letter})) return option;
    if (option.is_bool() && flag == "--no-" + dashes(option.info.name)) {
      negated = true;
      return option;
    }
  }
  std::vector<std::string> flags;
  for (const Option& option : options_)
    if (!option.info.positional) flags.push_back(option.flag());
  const std::string near = nearest(flag, flags);
  throw wrong("unknown flag " + std::string(flag), where,
              near.empty() ? "--help lists the flags; an argument that begins with a dash goes after --"
                           : "did you mean " + near + "?");
}

// Reads the flag at args[at]; the index after it and its value.
size_t OptionSet::parse_flag(std::span<const std::string> args, size_t at, const std::string& where) {
  const std::string& arg = args[at];
  const bool is_long = arg.starts_with("--");
  const size_t equals = is_long ? arg.find('=') : std::string::npos;
  const std::string_view name = is_long ? std::string_view(arg).substr(0, equals) : std::string_view(arg).substr(0, 2);
  bool negated = false;
  Option& option = flag_named(name, negated, where);

  std::optional<std::string> value;
  if (equals != std::string::npos) value = arg.substr(equals + 1);
  else if (!is_long && arg.size() > 2) value = arg.substr(arg[2] == '=' ? 3 : 2);
  size_t next = at + 1;
  if (option.is_bool()) {
    if (negated && value) throw wrong(std::string(name) + " takes no value", where);
    if (!value) value = negated ? "false" : "true";
  } else if (!value) {
    // A known flag is not a value: its own was forgotten.
    const bool missing =
        next == args.size() ||
        (args[next].starts_with("--") && std::any_of(options_.begin(), options_.end(), [&](const Option& other) {
           return !other.info.positional && args[next].substr(0, args[next].find('=')) == other.flag();
         }));
    if (missing) throw wrong(std::string(name) + " needs a value: " + option.metavar(), where);
    value = args[next++];
  }
  if (Status status = option.set_text(*value, std::string(name)); !status) throw status.error();
  option.given = true;
  return next;
}

void OptionSet::parse_flags(std::span<const std::string> args, const std::string& where) {
  std::vector<std::string> positional;
  bool flags_end = false;
  for (size_t at = 0; at < args.size();) {
    const std::string& arg = args[at];
    if (!flags_end && arg == "--") {
      flags_end = true;
      ++at;
    } else if (!flags_end && arg.size() > 1 && arg[0] == '-') {
      at = parse_flag(args, at, where);
    } else {
      positional.push_back(arg);
      ++at;
    }
  }
  size_t used = 0;
  for (Option& option : options_) {
    if (!option.info.positional) continue;
    while (used < positional.size()) {
      if (Status status = option.set_text(positional[used], option.metavar()); !status) throw status.error();
      option.given = true;
      ++used;
      if (!option.repeats()) break;
    }
  }
  if (used < positional.size())
    throw wrong("one argument too many: " + in_quotes(positional[used]), where, hint_for(std::span(positional).subspan(used)));
}

// What arguments too many were probably meant for.
std::string OptionSet::hint_for(std::span<const std::string> rest) const {
  const bool may_be_text = std::any_of(options_.begin(), options_.end(), [](const Option& option) { return option.info.suggested && !option.is_path(); });
  const bool is_file = !may_be_text || rest[0].ends_with(".json");
  for (const Option& option : options_) {
    if (!option.info.suggested || option.given || option.is_path() != is_file) continue;
    std::string value = rest[0];
    if (!is_file)
      for (const std::string& word : rest.subspan(1)) value += " " + word;
    const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) { return c > 0x7f || std::isalnum(c) || std::strchr("_./-", c); });
    return "did you mean " + (option.info.letter ? std::string{'-', option.info.letter} : option.flag()) + " " + (plain ? value : in_quotes(value)) + "?";
  }
  return "a text of several words goes in quotes";
}

void OptionSet::check_required(const std::string& where) const {
  for (const Option& option : options_)
    if (option.info.required && !option.given && option.value() == option.initial)
      throw wrong((option.info.positional ? option.metavar() : option.flag()) + " is missing", where,
                  option.choices().empty() ? option.info.help : "it is " + join_or(option.choices()));
}

Status OptionSet::from_json(const Json& json, const std::string& where, const void* owner) {
  if (!json.is_object()) return wrong("must be a JSON object", where);
  std::vector<std::string> keys;
  for (const Option& option : options_)
    if (!option.info.positional && (!owner || option.owner == owner)) keys.emplace_back(option.info.name);
  for (const auto& [key, value] : json.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      const std::string near = nearest(key, keys);
      return wrong("unknown key " + in_quotes(key), where, near.empty() ? "" : "did you mean " + near + "?");
    }
    Option& option = *lookup(key);
    if (option.given) continue;
    if (Status status = option.set_json(value, where + ", key " + key); !status) return status;
  }
  return done();
}

Json OptionSet::to_json(const void* owner) const {
  Json json = Json::object();
  for (const Option& option : options_)
    if (!option.info.positional && (!owner || option.owner == owner)) json[option.info.name] = option.value();
  return json;
}

std::string join_or(std::span<const std::string> words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

}  // namespace orrery
