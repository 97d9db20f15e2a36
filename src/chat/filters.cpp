// Jinja's filters, and tojson as transformers defines it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/unicode.h"
#include "base/utf8.h"
#include "chat/failure.h"
#include "chat/letter_case.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/printing.h"
#include "chat/text_tools.h"

namespace orrery::chat {
namespace {

// A text as it is, anything else printed.
Text soft(Interpreter& run, const Value& value) { return value.as_text() ? *value.as_text() : run.printed(value); }

Text ignore_case(const Text& text) { return lower_case(text); }

// value.a.0.b, one item after the other, as the argument `attribute` of several filters says.
Value attribute_of(Interpreter& run, Value value, const Value& attribute) {
  const Text* path = attribute.as_text();
  if (!path) return attribute.is_none() ? value : run.item(value, attribute);
  const Text dot = Text::from_template(".");
  for (const Text& part : split(*path, &dot, -1, false)) {
    const bool number = !part.empty() && part.size() < 10 && part.bytes.find_first_not_of("0123456789") == std::string::npos;
    value = run.item(value, number ? Value::integer(std::stoll(part.bytes)) : Value::text(part));
  }
  return value;
}

Value without_case(const Value& value, bool case_sensitive) {
  return !case_sensitive && value.as_text() ? Value::text(ignore_case(*value.as_text())) : value;
}

// Sorted by keys made once; equal ones keep their order.
std::vector<Value> sorted(Interpreter& run, const std::vector<Value>& items, const std::vector<Value>& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return reverse ? run.before(keys[b], keys[a]) : run.before(keys[a], keys[b]);
  });
  std::vector<Value> made;
  for (const size_t i : order) made.push_back(items[i]);
  return made;
}

Value smallest(Call& call, bool largest) {
  const Arguments args(call, {"value", "case_sensitive", "attribute"}, 1);
  const std::vector<Value> items = call.run.items_of(args.value(0));
  if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
  const auto key = [&](const Value& item) {
    return without_case(args[2] ? attribute_of(call.run, item, *args[2]) : item, args.flag(1, false));
  };
  size_t best = 0;
  Value best_key = key(items[0]);
  for (size_t i = 1; i < items.size(); ++i) {
    Value next = key(items[i]);
    if (largest ? call.run.before(best_key, next, ">") : call.run.before(next, best_key)) {
      best = i;
      best_key = std::move(next);
    }
  }
  return items[best];
}

// select, reject, selectattr, rejectattr
Value chosen(Call& call, bool wanted, bool by_attribute) {
  if (!call.args[0].truthy() && !call.args[0].as<Generator>()) return call.run.generator({});
  const size_t off = by_attribute ? 2 : 1;
  if (call.args.size() < off) fail("Missing parameter for attribute name");
  Callable test = nullptr;
  if (call.args.size() > off) {
    const Text name = soft(call.run, call.args[off]);
    test = find_test(name.bytes);
    if (!test) fail("No test named '" + name.bytes + "'.");
  }
  std::vector<Value> kept;
  for (const Value& item : call.run.items_of(call.args[0])) {
    Value subject = by_attribute ? attribute_of(call.run, item, call.args[1]) : item;
    bool holds = false;
    if (test) {
      Call inner{call.run, soft(call.run, call.args[off]).bytes, {std::move(subject)}, call.named};
      inner.args.insert(inner.args.end(), call.args.begin() + int64_t(off) + 1, call.args.end());
      holds = test(inner).truthy();
    } else {
      holds = subject.truthy();
    }
    if (holds == wanted) kept.push_back(item);
  }
  return call.run.generator(std::move(kept));
}

// A number in a text, as int() and float() read one; nothing where it is none.
std::string number_text(const Text& text) {
  std::string plain = stripped(text, nullptr, true, true).bytes;
  if (plain.empty() || plain.front() == '_' || plain.back() == '_' || plain.find("__") != std::string::npos) return {};
  plain.erase(std::remove(plain.begin(), plain.end(), '_'), plain.end());
  return plain;
}
std::optional<Value> integer_in(const Text& text, int base) {
  std::string plain = number_text(text);
  const bool negative = plain.starts_with('-');
  if (negative || plain.starts_with('+')) plain.erase(0, 1);
  const std::string prefix = plain.substr(0, 2);
  if ((base == 16 && (prefix == "0x" || prefix == "0X")) || (base == 8 && (prefix == "0o" || prefix == "0O")) || (base == 2 && (prefix == "0b" || prefix == "0B"))) plain.erase(0, 2);
  if (plain.empty() || base < 2 || base > 36) return std::nullopt;
  int64_t value = 0;
  bool large = false;
  for (const char c : plain) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10 : 99;
    if (digit >= base) return std::nullopt;
    large = large || __builtin_mul_overflow(value, int64_t(base), &value) || __builtin_add_overflow(value, int64_t(digit), &value);
  }
  if (!large) return Value::integer(negative ? -value : value);
  if (base != 10) fail("an integer beyond 64 bits cannot be calculated with", ErrorKind::out_of_range);
  plain.erase(0, plain.find_first_not_of('0'));
  return Value::big((negative ? "-" : "") + plain);
}
std::optional<double> real_in(const Text& text) {
  const std::string plain = number_text(text);
  if (plain.empty() || plain.find_first_of("xXpP(") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(plain.c_str(), &end);
  return *end == '\0' ? std::optional(value) : std::nullopt;
}
std::optional<double> real_of(const Value& value) {
  if (const Text* text = value.as_text()) return real_in(*text);
  if (const BigInteger* big = value.as_big()) return std::strtod(big->digits.c_str(), nullptr);
  return value.as_number();
}

}  // namespace

Value filter_abs(Call& call) {
  const Arguments args(call, {"value"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) fail(value.undefined_message());
  if (const auto i = value.as_integer()) return *i < 0 ? negated(value) : Value::integer(*i);
  if (const double* d = value.as_real()) return Value::real(std::abs(*d));
  fail("bad operand type for abs(): '" + type_name(value) + "'");
}

Value filter_attr(Call& call) {
  const Arguments args(call, {"obj", "name"}, 2);
  const Value& value = args.value(0);
  if (value.as_dict() && !find_method("dict", args.text(1).bytes).callable) return Value::undefined("'dict object' has no attribute '" + args.text(1).bytes + "'");
  return call.run.member(value, args.text(1).bytes);
}

Value filter_batch(Call& call) {
  const Arguments args(call, {"value", "linecount", "fill_with"}, 2);
  const int64_t size = args.integer(1, 1);
  if (size <= 0) fail("batch wants a positive size");
  std::vector<Value> rows, row;
  for (const Value& item : call.run.items_of(args.value(0))) {
    if (int64_t(row.size()) == size) rows.push_back(call.run.made(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!row.empty()) {
    if (args[2] && !args[2]->is_none()) {
      call.run.spend(size);
      row.resize(size_t(std::max<int64_t>(size, int64_t(row.size()))), *args[2]);
    }
    rows.push_back(call.run.made(std::move(row)));
  }
  return call.run.generator(std::move(rows));
}

Value filter_slice(Call& call) {
  const Arguments args(call, {"value", "slices", "fill_with"}, 2);
  const int64_t slices = args.integer(1, 1);
  if (slices <= 0) fail("integer division or modulo by zero");
  call.run.spend(slices);
  const std::vector<Value> items = call.run.items_of(args.value(0));
  const int64_t each = int64_t(items.size()) / slices, longer = int64_t(items.size()) % slices;
  std::vector<Value> rows;
  int64_t at = 0;
  for (int64_t i = 0; i < slices; ++i) {
    const int64_t end = at + each + (i < longer ? 1 : 0);
    std::vector<Value> row(items.begin() + at, items.begin() + end);
    if (args[2] && !args[2]->is_none() && i >= longer) row.push_back(*args[2]);
    rows.push_back(call.run.made(std::move(row)));
    at = end;
  }
  return call.run.generator(std::move(rows));
}

Value filter_capitalize(Call& call) {
  const Arguments args(call, {"s"}, 1);
  return call.run.made(capitalized(soft(call.run, args.value(0))));
}
Value filter_lower(Call& call) {
  const Arguments args(call, {"s"}, 1);
  return call.run.made(lower_case(soft(call.run, args.value(0))));
}
Value filter_upper(Call& call) {
  const Arguments args(call, {"s"}, 1);
  return call.run.made(upper_case(soft(call.run, args.value(0))));
}

// Words begin after white space and opening brackets.
Value filter_title(Call& call) {
  const Arguments args(call, {"s"}, 1);
  const Text text = soft(call.run, args.value(0));
  Text out;
  bool begins = true;
  for (size_t at = 0; at < text.size();) {
    const size_t next = next_place(text.bytes, at);
    const char32_t c = decode_utf8(text.bytes, at).value;
    const bool between = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    if (begins && !between) append_upper(out, text, at, next);
    else append_lower(out, text, at, next);
    begins = between;
    at = next;
  }
  return call.run.made(std::move(out));
}

Value filter_center(Call& call) {
  const Arguments args(call, {"value", "width"}, 1);
  const Text text = soft(call.run, args.value(0));
  const int64_t missing = args.integer(1, 80) - int64_t(count_code_points(text.bytes));
  if (missing <= 0) return call.run.made(text);
  call.run.spend(missing / 32);
  const int64_t left = missing / 2 + (missing & args.integer(1, 80) & 1);
  Text out = Text::from_template(std::string(size_t(left), ' '));
  out.append(text);
  out.append(std::string(size_t(missing - left), ' '));
  return call.run.made(std::move(out));
}

Value filter_default(Call& call) {
  const Arguments args(call, {"value", "default_value", "boolean"}, 1);
  const Value& value = args.value(0);
  if (!value.is_undefined() && !(args.flag(2, false) && !value.truthy())) return value;
  return args[1] ? *args[1] : Value::text("");
}

Value filter_dictsort(Call& call) {
  const Arguments args(call, {"value", "case_sensitive", "by", "reverse"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) fail(value.undefined_message());
  if (!value.as_dict()) fail("'" + type_name(value) + "' object has no attribute 'items'");
  const std::string by = args[2] ? args.text(2).bytes : "key";
  if (by != "key" && by != "value") fail("You can only sort by either \"key\" or \"value\"");
  std::vector<Value> items, keys;
  for (const auto& [key, item] : value.as_dict()->items) {
    items.push_back(Value::list({key, item}, Sequence::Kind::tuple));
    keys.push_back(without_case(by == "key" ? key : item, args.flag(1, false)));
  }
  return call.run.made(sorted(call.run, items, keys, args.flag(3, false)));
}

Value filter_escape(Call& call) {
  const Arguments args(call, {"s"}, 1);
  const Text text = soft(call.run, args.value(0));
  Text out = text.safe ? text : escaped(text);
  out.safe = true;
  return call.run.made(std::move(out));
}

Value filter_safe(Call& call) {
  const Arguments args(call, {"value"}, 1);
  Text text = call.run.printed(args.value(0));
  text.safe = true;
  return call.run.made(std::move(text));
}

Value filter_string(Call& call) {
  const Arguments args(call, {"object"}, 1);
  return args.value(0).as_text() ? args.value(0) : call.run.made(call.run.printed(args.value(0)));
}

Value filter_first(Call& call) {
  const Arguments args(call, {"seq"}, 1);
  if (Generator* generator = args.value(0).as<Generator>()) {
    if (generator->next < generator->items.size()) return generator->items[generator->next++];
    return Value::undefined("No first item, sequence was empty.");
  }
  const std::vector<Value> items = call.run.items_of(args.value(0));
  return items.empty() ? Value::undefined("No first item, sequence was empty.") : items.front();
}

Value filter_last(Call& call) {
  const Arguments args(call, {"seq"}, 1);
  if (args.value(0).as<Generator>()) fail("'generator' object is not reversible");
  const std::vector<Value> items = call.run.items_of(args.value(0));
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

Value filter_float(Call& call) {
  const Arguments args(call, {"value", "default"}, 1);
  if (args.value(0).is_undefined()) fail(args.value(0).undefined_message());
  if (const auto number = real_of(args.value(0))) return Value::real(*number);
  return args[1] ? *args[1] : Value::real(0);
}

Value filter_int(Call& call) {
  const Arguments args(call, {"value", "default", "base"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) fail(value.undefined_message());
  if (value.as_big()) return value;
  if (const auto i = value.as_integer()) return Value::integer(*i);
  if (const Text* text = value.as_text())
    if (const auto i = integer_in(*text, int(std::clamp<int64_t>(args.integer(2, 10), 0, 99)))) return *i;
  const auto number = real_of(value);
  if (!number || std::isnan(*number) || std::isinf(*number)) return args[1] ? *args[1] : Value::integer(0);
  const double whole = std::trunc(*number);
  if (std::abs(whole) < 9.2e18) return Value::integer(int64_t(whole));
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.0f", whole);
  return Value::big(buffer);
}

Value filter_format(Call& call) {
  if (call.args.size() > 1 && !call.named.empty()) fail("can't handle positional and keyword arguments at the same time");
  Value values = Value::list(std::vector<Value>(call.args.begin() + 1, call.args.end()), Sequence::Kind::tuple);
  if (!call.named.empty()) {
    Dict named;
    for (const auto& [name, value] : call.named) named.set(Value::text(name), value);
    values = Value::dict(std::move(named));
  }
  return call.run.made(formatted(call.run, soft(call.run, call.args[0]), values));
}

Value filter_indent(Call& call) {
  const Arguments args(call, {"s", "width", "first", "blank"}, 1);
  const Text& text = args.text(0);
  Text indent;
  if (args[1] && args[1]->as_text()) {
    indent = *args[1]->as_text();
  } else {
    const int64_t width = std::max<int64_t>(args.integer(1, 4), 0);
    call.run.spend(width / 32);
    indent.append(std::string(size_t(width), ' '));
  }
  Text ended = text;
  ended.append("\n");
  Text out;
  out.safe = text.safe;
  if (args.flag(2, false)) out.append(indent);
  bool is_first = true;
  for (const Text& line : lines(ended, false)) {
    if (!is_first) out.append("\n");
    if (!is_first && (!line.empty() || args.flag(3, false))) {
      call.run.spend(int64_t(indent.size() / 32) + 1);
      out.append(indent);
    }
    out.append(line);
    is_first = false;
  }
  return call.run.made(std::move(out));
}

Value filter_items(Call& call) {
  const Arguments args(call, {"value"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) return call.run.generator({});
  if (!value.as_dict()) fail("Can only get item pairs from a mapping.");
  std::vector<Value> items;
  for (const auto& item : value.as_dict()->items) items.push_back(Value::list({item.first, item.second}, Sequence::Kind::tuple));
  return call.run.generator(std::move(items));
}

Value filter_join(Call& call) {
  const Arguments args(call, {"value", "d", "attribute"}, 1);
  const Text separator = args[1] ? call.run.printed(*args[1]) : Text();
  Text out;
  bool is_first = true;
  for (const Value& item : call.run.items_of(args.value(0))) {
    if (!is_first) out.append(separator);
    const Text part = call.run.printed(args[2] && !args[2]->is_none() ? attribute_of(call.run, item, *args[2]) : item);
    call.run.spend(int64_t((part.size() + separator.size()) / 32));
    out.append(part);
    is_first = false;
  }
  return call.run.made(std::move(out));
}

Value filter_length(Call& call) {
  const Arguments args(call, {"object"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) return Value::integer(0);
  if (const Text* text = value.as_text()) return Value::integer(int64_t(count_code_points(text->bytes)));
  if (const Sequence* sequence = value.as_sequence()) return Value::integer(int64_t(sequence->items.size()));
  if (const Dict* dict = value.as_dict()) return Value::integer(int64_t(dict->items.size()));
  if (value.as<Loop>()) return call.run.member(value, "length");
  fail("object of type '" + type_name(value) + "' has no len()");
}

Value filter_list(Call& call) {
  const Arguments args(call, {"value"}, 1);
  return call.run.made(call.run.items_of(args.value(0)));
}

Value filter_map(Call& call) {
  if (!call.args[0].truthy() && !call.args[0].as<Generator>()) return call.run.generator({});
  std::vector<Value> made;
  if (call.args.size() == 1) {
    const Arguments args(call, {"value", "attribute", "default"}, 1);
    if (!args[1]) fail("map requires a filter argument");
    for (const Value& item : call.run.items_of(args.value(0))) {
      Value value = attribute_of(call.run, item, *args[1]);
      made.push_back(value.is_undefined() && args[2] && !args[2]->is_none() ? *args[2] : std::move(value));
    }
    return call.run.generator(std::move(made));
  }
  const std::string name = soft(call.run, call.args[1]).bytes;
  const Callable filter = find_filter(name);
  if (!filter) fail("No filter named '" + name + "'.");
  for (const Value& item : call.run.items_of(call.args[0])) {
    Call inner{call.run, name, {item}, call.named};
    inner.args.insert(inner.args.end(), call.args.begin() + 2, call.args.end());
    made.push_back(filter(inner));
  }
  return call.run.generator(std::move(made));
}

Value filter_max(Call& call) { return smallest(call, true); }
Value filter_min(Call& call) { return smallest(call, false); }
Value filter_reject(Call& call) { return chosen(call, false, false); }
Value filter_rejectattr(Call& call) { return chosen(call, false, true); }
Value filter_select(Call& call) { return chosen(call, true, false); }
Value filter_selectattr(Call& call) { return chosen(call, true, true); }

Value filter_replace(Call& call) {
  const Arguments args(call, {"s", "old", "new", "count"}, 3);
  const int64_t count = args[3] && args[3]->is_none() ? -1 : args.integer(3, -1);
  return call.run.made(replaced(call.run, call.run.printed(args.value(0)), call.run.printed(args.value(1)), call.run.printed(args.value(2)), count));
}

Value filter_reverse(Call& call) {
  const Arguments args(call, {"value"}, 1);
  std::vector<Value> items = call.run.items_of(args.value(0));
  std::reverse(items.begin(), items.end());
  if (!args.value(0).as_text()) return call.run.generator(std::move(items));
  Text out;
  out.safe = args.value(0).as_text()->safe;
  for (const Value& c : items) out.append(*c.as_text());
  return call.run.made(std::move(out));
}

Value filter_round(Call& call) {
  const Arguments args(call, {"value", "precision", "method"}, 1);
  const Value& value = args.value(0);
  if (value.is_undefined()) fail(value.undefined_message());
  const std::string method = args[2] ? args.text(2).bytes : "common";
  if (method != "common" && method != "ceil" && method != "floor") fail("method must be common, ceil or floor");
  const auto number = value.as_number();
  if (!number) fail("type " + type_name(value) + " doesn't define __round__ method");
  const int64_t precision = std::clamp<int64_t>(args.integer(1, 0), -30, 30);
  if (method == "common") {
    if (value.as_integer() && precision >= 0) return Value::integer(*value.as_integer());
    if (precision < 0 || !std::isfinite(*number)) {
      const double scale = std::pow(10.0, double(-precision));
      const double rounded = std::nearbyint(*number / scale) * scale;
      return value.as_integer() && std::abs(rounded) < 9e18 ? Value::integer(int64_t(rounded)) : Value::real(rounded);
    }
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, "%.*f", int(precision), *number);
    return Value::real(std::strtod(buffer, nullptr));
  }
  const double scale = std::pow(10.0, double(precision));
  return Value::real((method == "ceil" ? std::ceil(*number * scale) : std::floor(*number * scale)) / scale);
}

Value filter_sort(Call& call) {
  const Arguments args(call, {"value", "reverse", "case_sensitive", "attribute"}, 1);
  const std::vector<Value> items = call.run.items_of(args.value(0));
  std::vector<Value> keys;
  std::vector<Text> attributes;
  const Text comma = Text::from_template(",");
  if (args[3] && args[3]->as_text()) attributes = split(*args[3]->as_text(), &comma, -1, false);
  for (const Value& item : items) {
    std::vector<Value> key;
    for (const Text& attribute : attributes) key.push_back(without_case(attribute_of(call.run, item, Value::text(attribute)), args.flag(2, false)));
    if (attributes.empty()) key.push_back(without_case(args[3] ? attribute_of(call.run, item, *args[3]) : item, args.flag(2, false)));
    keys.push_back(call.run.made(std::move(key)));
  }
  return call.run.made(sorted(call.run, items, keys, args.flag(1, false)));
}

Value filter_sum(Call& call) {
  const Arguments args(call, {"iterable", "attribute", "start"}, 1);
  Value total = args[2] ? *args[2] : Value::integer(0);
  for (const Value& item : call.run.items_of(args.value(0)))
    total = apply_operator(call.run, "+", total, args[1] && !args[1]->is_none() ? attribute_of(call.run, item, *args[1]) : item);
  return total;
}

Value filter_tojson(Call& call) {
  const Arguments args(call, {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonStyle style;
  style.ascii = args.flag(1, false);
  style.sort_keys = args.flag(4, false);
  if (args[2] && !args[2]->is_none()) {
    if (const Text* text = args[2]->as_text()) {
      style.indent = *text;
    } else {
      const int64_t width = std::clamp<int64_t>(args.integer(2, 0), 0, 1000);
      style.indent = Text::from_template(std::string(size_t(width), ' '));
    }
    style.item_separator = Text::from_template(",");
  }
  if (args[3] && !args[3]->is_none()) {
    const std::vector<Value> two = call.run.items_of(*args[3]);
    if (two.size() != 2 || !two[0].as_text() || !two[1].as_text()) fail("separators are two texts");
    style.item_separator = *two[0].as_text();
    style.key_separator = *two[1].as_text();
  }
  call.run.spend(args.value(0).weight() * (style.indent ? 1 + int64_t(style.indent->size() / 4) : 1));
  return call.run.made(json_text(args.value(0), style));
}

Value filter_trim(Call& call) {
  const Arguments args(call, {"value", "chars"}, 1);
  const Text* chars = args[1] && !args[1]->is_none() ? &args.text(1) : nullptr;
  return call.run.made(stripped(soft(call.run, args.value(0)), chars, true, true));
}

Value filter_truncate(Call& call) {
  const Arguments args(call, {"s", "length", "killwords", "end", "leeway"}, 1);
  const Text& text = args.text(0);
  const Text end = args[3] ? args.text(3) : Text::from_template("...");
  const int64_t length = args.integer(1, 255), leeway = args[4] && !args[4]->is_none() ? args.integer(4, 5) : 5, end_size = int64_t(count_code_points(end.bytes));
  if (length < end_size) fail("expected length >= " + std::to_string(end_size) + ", got " + std::to_string(length));
  if (leeway < 0) fail("expected leeway >= 0, got " + std::to_string(leeway));
  if (int64_t(count_code_points(text.bytes)) <= length + leeway) return args.value(0);
  size_t cut = 0;
  for (int64_t i = 0; i < length - end_size; ++i) cut = next_place(text.bytes, cut);
  if (!args.flag(2, false)) {
    const size_t space = std::string_view(text.bytes).substr(0, cut).rfind(' ');
    if (space != std::string_view::npos) cut = space;
  }
  Text out = text.part(0, cut);
  out.append(end);
  return call.run.made(std::move(out));
}

Value filter_unique(Call& call) {
  const Arguments args(call, {"value", "case_sensitive", "attribute"}, 1);
  Dict seen;
  std::vector<Value> kept;
  for (const Value& item : call.run.items_of(args.value(0))) {
    const Value key = without_case(args[2] ? attribute_of(call.run, item, *args[2]) : item, args.flag(1, false));
    call.run.spend(key.weight());
    if (seen.find(key)) continue;
    seen.set(key, Value::none());
    kept.push_back(item);
  }
  return call.run.generator(std::move(kept));
}

Value filter_wordcount(Call& call) {
  const Arguments args(call, {"s"}, 1);
  const Text text = soft(call.run, args.value(0));
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size(); at = next_place(text.bytes, at)) {
    const bool word = is(decode_utf8(text.bytes, at).value, kWord);
    count += word && !inside;
    inside = word;
  }
  return Value::integer(count);
}

}  // namespace orrery::chat
