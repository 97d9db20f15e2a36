// Methods of texts and mappings and lists: Python's, with the marks of each byte kept.
#include <algorithm>

#include "base/unicode.h"
#include "base/utf8.h"
#include "chat/failure.h"
#include "chat/interpreter.h"
#include "chat/letter_case.h"
#include "chat/printing.h"
#include "chat/text_tools.h"

namespace orrery::chat {
namespace {

const Text& self(const Call& call) { return *call.args[0].as_text(); }

Value texts(Interpreter& run, std::vector<Text> parts, Sequence::Kind kind = Sequence::Kind::list) {
  std::vector<Value> values;
  for (Text& part : parts) values.push_back(run.made(std::move(part)));
  return run.made(std::move(values), kind);
}

// Code points before byte `at`.
Value place_of(const Text& text, size_t at) { return Value::integer(at == std::string::npos ? -1 : int64_t(count_code_points(std::string_view(text.bytes).substr(0, at)))); }

// s.find(part, start, end), from either side.
Value found(Call& call, bool last, bool must) {
  const Arguments args(call, {"self", "sub", "start", "end"}, 2);
  const Text& text = args.text(0);
  const std::string& part = args.text(1).bytes;
  const auto [begin, end] = byte_range(text, args[2], args[3]);
  size_t at = std::string::npos;
  if (begin <= end) {
    const std::string_view inside = std::string_view(text.bytes).substr(begin, end - begin);
    if (last) call.run.spend(int64_t(inside.size() / 64 * part.size() / 64));
    at = last ? inside.rfind(part) : find_text(inside, part);
    if (at != std::string::npos) at += begin;
  }
  if (must && at == std::string::npos) fail("substring not found");
  return place_of(text, at);
}

// s.startswith(prefix or tuple, start, end)
Value affixed(Call& call, bool at_end) {
  const Arguments args(call, {"self", "prefix", "start", "end"}, 2);
  const Text& text = args.text(0);
  const std::pair<size_t, size_t> range = byte_range(text, args[2], args[3]);   // clang 14 captures no structured binding
  const size_t begin = range.first, end = range.second;
  const std::string_view inside = begin <= end ? std::string_view(text.bytes).substr(begin, end - begin) : std::string_view();
  const auto holds = [&](const Value& affix) {
    if (affix.is_undefined()) fail(affix.undefined_message());
    const Text* part = affix.as_text();
    if (!part) fail(std::string(at_end ? "endswith" : "startswith") + " first arg must be str or a tuple of str, not " + type_name(affix));
    return begin <= end && (at_end ? inside.ends_with(part->bytes) : inside.starts_with(part->bytes));
  };
  const Sequence* several = args.value(1).as_sequence();
  if (!several || several->kind != Sequence::Kind::tuple) return Value::boolean(holds(args.value(1)));
  return Value::boolean(std::any_of(several->items.begin(), several->items.end(), holds));
}

Value stripped_side(Call& call, bool left, bool right) {
  const Arguments args(call, {"self", "chars"}, 1);
  const Text* chars = args[1] && !args[1]->is_none() ? &args.text(1) : nullptr;
  return call.run.made(stripped(args.text(0), chars, left, right));
}

template <class Holds>
Value all_are(Call& call, Holds holds) {
  const Text& text = self(call);
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text.bytes, at);
    if (!holds(c.value)) return Value::boolean(false);
    at += c.size;
  }
  return Value::boolean(!text.empty());
}

Value cased(Call& call, uint32_t wanted, uint32_t other) {
  const Text& text = self(call);
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text.bytes, at);
    if (is(c.value, other)) return Value::boolean(false);
    any |= is(c.value, wanted);
    at += c.size;
  }
  return Value::boolean(any);
}

Value partitioned(Call& call, bool last) {
  const Arguments args(call, {"self", "sep"}, 2);
  const Text &text = args.text(0), &separator = args.text(1);
  if (separator.empty()) fail("empty separator");
  if (last) call.run.spend(int64_t(text.size() / 64 * separator.size() / 64));
  const size_t at = last ? text.bytes.rfind(separator.bytes) : find_text(text.bytes, separator.bytes);
  if (at == std::string::npos) return texts(call.run, last ? std::vector<Text>{{}, {}, text} : std::vector<Text>{text, {}, {}}, Sequence::Kind::tuple);
  return texts(call.run, {text.part(0, at), separator, text.part(at + separator.size(), text.size())}, Sequence::Kind::tuple);
}

}  // namespace

Value str_capitalize(Call& call) { return call.run.made(capitalized(self(call))); }
Value str_upper(Call& call) { return call.run.made(upper_case(self(call))); }
Value str_lower(Call& call) { return call.run.made(lower_case(self(call))); }

// Each run of letters: the first in title case, the others in lower case.
Value str_title(Call& call) {
  const Text& text = self(call);
  Text out;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t next = next_place(text.bytes, at);
    const bool letter = is(decode_utf8(text.bytes, at).value, kUpper | kLower | kTitle);
    if (letter && !inside) append_title(out, text, at, next);
    else append_lower(out, text, at, next);
    inside = letter;
    at = next;
  }
  return call.run.made(std::move(out));
}

Value str_count(Call& call) {
  const Arguments args(call, {"self", "sub", "start", "end"}, 2);
  const auto [begin, end] = byte_range(args.text(0), args[2], args[3]);
  if (begin > end) return Value::integer(0);
  const std::string_view inside = std::string_view(args.text(0).bytes).substr(begin, end - begin);
  const std::string& part = args.text(1).bytes;
  if (part.empty()) return Value::integer(int64_t(count_code_points(inside)) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = find_text(inside, part, at)) != std::string_view::npos; at += part.size()) ++count;
  return Value::integer(count);
}

Value str_endswith(Call& call) { return affixed(call, true); }
Value str_startswith(Call& call) { return affixed(call, false); }
Value str_find(Call& call) { return found(call, false, false); }
Value str_rfind(Call& call) { return found(call, true, false); }
Value str_index(Call& call) { return found(call, false, true); }

// "{} {0} {name} {a.b[c]}" without format specifications.
Value str_format(Call& call) {
  const Text& text = self(call);
  Text out;
  size_t next = 1;
  for (size_t at = 0; at < text.size();) {
    const char c = text.bytes[at];
    if ((c == '{' || c == '}') && at + 1 < text.size() && text.bytes[at + 1] == c) {
      out.append(text, at, at + 1);
      at += 2;
    } else if (c == '}') {
      fail("Single '}' encountered in format string");
    } else if (c != '{') {
      out.append(text, at, at + 1);
      ++at;
    } else {
      const size_t close = text.bytes.find('}', at);
      if (close == std::string::npos) fail("expected '}' before end of string");
      std::string field = text.bytes.substr(at + 1, close - at - 1);
      const bool repr = field.ends_with("!r");
      if (repr || field.ends_with("!s")) field.resize(field.size() - 2);
      if (field.find_first_of(":!{") != std::string::npos) fail("format specifications are not known here: {" + field + "}", ErrorKind::unsupported);
      const size_t name_end = std::min(field.find_first_of(".["), field.size());
      const std::string name = field.substr(0, name_end);
      Value value;
      if (name.empty() || std::all_of(name.begin(), name.end(), [](char d) { return d >= '0' && d <= '9'; })) {
        const size_t place = name.empty() ? next++ : name.size() < 6 ? 1 + size_t(std::stoi(name)) : call.args.size();
        if (place >= call.args.size()) fail("Replacement index " + std::to_string(place - 1) + " out of range for positional args tuple");
        value = call.args[place];
      } else {
        const auto named = std::find_if(call.named.begin(), call.named.end(), [&](const auto& n) { return n.first == name; });
        if (named == call.named.end()) fail("'" + name + "'");
        value = named->second;
      }
      for (size_t i = name_end; i < field.size();) {
        if (field[i] == '.') {
          const size_t end = std::min(field.find_first_of(".[", i + 1), field.size());
          value = call.run.member(value, field.substr(i + 1, end - i - 1));
          i = end;
        } else {
          const size_t end = field.find(']', i);
          if (end == std::string::npos) fail("expected ']' in a field of a format string");
          const std::string key = field.substr(i + 1, end - i - 1);
          const bool is_number = !key.empty() && key.size() < 10 && key.find_first_not_of("0123456789") == std::string::npos;
          value = call.run.item(value, is_number ? Value::integer(std::stoll(key)) : Value::text(key));
          i = end + 1;
        }
      }
      call.run.spend(value.weight());
      out.append(repr ? represented(value) : shown(value));
      at = close + 1;
    }
  }
  return call.run.made(std::move(out));
}

Value str_isalnum(Call& call) { return all_are(call, [](char32_t c) { return is(c, kLetter | kNumber); }); }
Value str_isalpha(Call& call) { return all_are(call, [](char32_t c) { return is(c, kLetter); }); }
Value str_isascii(Call& call) { return Value::boolean(is_ascii(self(call).bytes)); }
Value str_isdecimal(Call& call) { return all_are(call, [](char32_t c) { return is(c, kDecimal); }); }
Value str_isdigit(Call& call) {
  return all_are(call, [](char32_t c) { return is(c, kDecimal) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089); });
}
Value str_isnumeric(Call& call) { return all_are(call, [](char32_t c) { return is(c, kNumeric | kNumber); }); }
Value str_isspace(Call& call) { return all_are(call, [](char32_t c) { return is_space(c); }); }
Value str_islower(Call& call) { return cased(call, kLower, kUpper | kTitle); }
Value str_isupper(Call& call) { return cased(call, kUpper, kLower | kTitle); }

Value str_join(Call& call) {
  const Arguments args(call, {"self", "iterable"}, 2);
  if (args.value(1).is_undefined()) return Value::text("");
  Text out;
  out.safe = args.text(0).safe;
  size_t number = 0;
  for (const Value& item : call.run.items_of(args.value(1))) {
    const Text* part = item.as_text();
    if (!part) fail("sequence item " + std::to_string(number) + ": expected str instance, " + type_name(item) + " found");
    if (number++ > 0) out.append(args.text(0));
    out.append(*part);
    call.run.spend(int64_t((part->size() + args.text(0).size()) / 32));
  }
  return call.run.made(std::move(out));
}

Value str_lstrip(Call& call) { return stripped_side(call, true, false); }
Value str_rstrip(Call& call) { return stripped_side(call, false, true); }
Value str_strip(Call& call) { return stripped_side(call, true, true); }
Value str_partition(Call& call) { return partitioned(call, false); }
Value str_rpartition(Call& call) { return partitioned(call, true); }

Value str_removeprefix(Call& call) {
  const Arguments args(call, {"self", "prefix"}, 2);
  const Text& text = args.text(0);
  return call.run.made(text.part(text.bytes.starts_with(args.text(1).bytes) ? args.text(1).size() : 0, text.size()));
}
Value str_removesuffix(Call& call) {
  const Arguments args(call, {"self", "suffix"}, 2);
  const Text& text = args.text(0);
  return call.run.made(text.part(0, text.bytes.ends_with(args.text(1).bytes) ? text.size() - args.text(1).size() : text.size()));
}

Value str_replace(Call& call) {
  const Arguments args(call, {"self", "old", "new", "count"}, 3);
  return call.run.made(replaced(call.run, args.text(0), args.text(1), args.text(2), args.integer(3, -1)));
}

namespace {
Value split_side(Call& call, bool from_right) {
  const Arguments args(call, {"self", "sep", "maxsplit"}, 1);
  const Text* separator = args[1] && !args[1]->is_none() ? &args.text(1) : nullptr;
  if (separator && separator->empty()) fail("empty separator");
  call.run.spend(int64_t(args.text(0).size() / 4));
  if (separator && from_right) call.run.spend(int64_t(args.text(0).size() / 64 * separator->size() / 64));
  return texts(call.run, split(args.text(0), separator, args.integer(2, -1), from_right));
}
}  // namespace
Value str_split(Call& call) { return split_side(call, false); }
Value str_rsplit(Call& call) { return split_side(call, true); }

Value str_splitlines(Call& call) {
  const Arguments args(call, {"self", "keepends"}, 1);
  call.run.spend(int64_t(args.text(0).size() / 4));
  return texts(call.run, lines(args.text(0), args.flag(1, false)));
}

Value str_zfill(Call& call) {
  const Arguments args(call, {"self", "width"}, 2);
  const Text& text = args.text(0);
  const int64_t missing = args.integer(1, 0) - int64_t(count_code_points(text.bytes));
  if (missing <= 0) return call.args[0];
  call.run.spend(missing / 32);
  const size_t sign = !text.empty() && (text.bytes[0] == '-' || text.bytes[0] == '+') ? 1 : 0;
  Text out = text.part(0, sign);
  out.append(std::string(size_t(missing), '0'));
  out.append(text, sign, text.size());
  return call.run.made(std::move(out));
}

namespace {
template <class Part>
Value view(Call& call, Sequence::Kind kind, Part part) {
  const Arguments args(call, {"self"});
  std::vector<Value> items;
  for (const auto& item : call.args[0].as_dict()->items) items.push_back(part(item));
  return call.run.made(std::move(items), kind);
}
}  // namespace

Value dict_items(Call& call) {
  return view(call, Sequence::Kind::items, [](const auto& item) { return Value::list({item.first, item.second}, Sequence::Kind::tuple); });
}
Value dict_keys(Call& call) {
  return view(call, Sequence::Kind::keys, [](const auto& item) { return item.first; });
}
Value dict_values(Call& call) {
  return view(call, Sequence::Kind::values, [](const auto& item) { return item.second; });
}

Value dict_get(Call& call) {
  const Arguments args(call, {"self", "key", "default"}, 2);
  const Value* found_value = call.args[0].as_dict()->find(args.value(1));
  return found_value ? *found_value : args[2] ? *args[2] : Value::none();
}

Value method_copy(Call& call) {
  const Arguments args(call, {"self"});
  return args.value(0);   // values never change, so one will do
}

Value list_count(Call& call) {
  const Arguments args(call, {"self", "value"}, 2);
  const auto& items = call.args[0].as_sequence()->items;
  call.run.spend(int64_t(items.size()));
  return Value::integer(std::count_if(items.begin(), items.end(), [&](const Value& item) { return call.run.same(item, args.value(1)); }));
}

Value list_index(Call& call) {
  const Arguments args(call, {"self", "value"}, 2);
  const auto& items = call.args[0].as_sequence()->items;
  call.run.spend(int64_t(items.size()));
  for (size_t i = 0; i < items.size(); ++i)
    if (call.run.same(items[i], args.value(1))) return Value::integer(int64_t(i));
  fail("the value is not in the list");
}

}  // namespace orrery::chat
