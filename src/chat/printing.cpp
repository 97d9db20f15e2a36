#include "chat/printing.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/properties.h"
#include "base/utf8.h"
#include "chat/failure.h"

namespace orrery::chat {
namespace {

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  static const uint32_t kHidden = *categories_named("C") | *categories_named("Z");
  return (category_of(c) & kHidden) == 0;
}

std::string hex(const char* format, uint32_t value) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

Text quoted(const Text& text) {
  const bool has_single = text.bytes.find('\'') != std::string::npos, has_double = text.bytes.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  Text made;
  made.append(std::string_view(&quote, 1));
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text.bytes, at);
    const char mark = text.mark(at);
    if (c.value == char32_t(quote) || c.value == '\\') made.append(std::string{'\\', char(c.value)}, mark);
    else if (c.value == '\n') made.append("\\n", mark);
    else if (c.value == '\r') made.append("\\r", mark);
    else if (c.value == '\t') made.append("\\t", mark);
    else if (is_printable(c.value)) made.append(text, at, at + c.size);
    else made.append(hex(c.value < 0x100 ? "\\x%02x" : c.value < 0x10000 ? "\\u%04x" : "\\U%08x", c.value), mark);
    at += c.size;
  }
  made.append(std::string_view(&quote, 1));
  return made;
}

void represent_dict(Text& out, const Dict& dict) {
  out.append("{");
  bool first = true;
  for (const auto& [key, value] : dict.items) {
    if (!first) out.append(", ");
    first = false;
    out.append(represented(key));
    out.append(": ");
    out.append(represented(value));
  }
  out.append("}");
}

Text represent_sequence(const Sequence& sequence) {
  using K = Sequence::Kind;
  if (sequence.kind == K::range) return Text::from_template(sequence.range);
  Text out;
  const bool is_tuple = sequence.kind == K::tuple;
  if (sequence.kind == K::keys) out.append("dict_keys(");
  if (sequence.kind == K::values) out.append("dict_values(");
  if (sequence.kind == K::items) out.append("dict_items(");
  out.append(is_tuple ? "(" : "[");
  for (size_t i = 0; i < sequence.items.size(); ++i) {
    if (i > 0) out.append(", ");
    out.append(represented(sequence.items[i]));
  }
  if (is_tuple && sequence.items.size() == 1) out.append(",");
  out.append(is_tuple ? ")" : "]");
  if (sequence.kind != K::list && !is_tuple) out.append(")");
  return out;
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Value& value) {
    if (value.is_none()) out.append("null");
    else if (const bool* b = value.as_bool()) out.append(*b ? "true" : "false");
    else if (const Text* text = value.as_text()) string(*text);
    else if (value.as_real()) out.append(number(*value.as_real()));
    else if (value.as_integer() || value.as_big()) out.append(shown(value));
    else if (const Sequence* list = value.as_list()) sequence(*list);
    else if (const Dict* object = value.as_dict()) dict(*object);
    else fail("Object of type " + type_name(value) + " is not JSON serializable");
  }

  Text out;

 private:
  static std::string number(double d) { return std::isnan(d) ? "NaN" : std::isinf(d) ? (d > 0 ? "Infinity" : "-Infinity") : real_text(d); }

  void string(const Text& text) {
    out.append("\"");
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text.bytes, at);
      const char mark = text.mark(at);
      constexpr std::string_view kFrom = "\"\\\n\r\t\f\b", kTo = "\"\\nrtfb";
      const size_t simple = c.value < 0x80 ? kFrom.find(char(c.value)) : std::string_view::npos;
      if (simple != std::string_view::npos) out.append(std::string{'\\', kTo[simple]}, mark);
      else if (c.value < 0x20) out.append(hex("\\u%04x", c.value), mark);
      else if (c.value < 0x80 || !style_.ascii) out.append(text, at, at + c.size);
      else if (c.value < 0x10000) out.append(hex("\\u%04x", c.value), mark);
      else out.append(hex("\\u%04x", 0xD800 + ((c.value - 0x10000) >> 10)) + hex("\\u%04x", 0xDC00 + ((c.value - 0x10000) & 0x3FF)), mark);
      at += c.size;
    }
    out.append("\"");
  }

  void line() {
    if (!style_.indent) return;
    out.append("\n");
    for (int i = 0; i < level_; ++i) out.append(*style_.indent);
  }

  void sequence(const Sequence& list) {
    if (list.items.empty()) return out.append("[]");
    out.append("[");
    ++level_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out.append(style_.item_separator);
      line();
      write(list.items[i]);
    }
    --level_;
    line();
    out.append("]");
  }

  void key(const Value& value) {
    if (const Text* text = value.as_text()) return string(*text);
    if (value.is_none()) return out.append("\"null\"");
    if (const bool* b = value.as_bool()) return out.append(*b ? "\"true\"" : "\"false\"");
    if (const double* d = value.as_real()) return out.append("\"" + number(*d) + "\"");
    if (value.as_integer() || value.as_big()) return out.append("\"" + shown(value).bytes + "\"");
    fail("keys must be str, int, float, bool or None, not " + type_name(value));
  }

  void dict(const Dict& object) {
    if (object.items.empty()) return out.append("{}");
    std::vector<const std::pair<Value, Value>*> items;
    for (const auto& item : object.items) items.push_back(&item);
    if (style_.sort_keys) std::stable_sort(items.begin(), items.end(), [](const auto* a, const auto* b) { return less(a->first, b->first); });
    out.append("{");
    ++level_;
    bool first = true;
    for (const auto* item : items) {
      if (!first) out.append(style_.item_separator);
      first = false;
      line();
      key(item->first);
      out.append(style_.key_separator);
      write(item->second);
    }
    --level_;
    line();
    out.append("}");
  }

  const JsonStyle& style_;
  int level_ = 0;
};

}  // namespace

std::string real_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  const std::string text(buffer, end);
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
  std::string plain(buffer, fixed);
  if (plain.find('.') == std::string::npos) plain += ".0";
  return plain;
}

Text shown(const Value& value) {
  if (value.is_undefined()) return {};
  if (const Text* text = value.as_text()) return {text->bytes, text->marks, false};
  return represented(value);
}

Text represented(const Value& value) {
  if (value.is_undefined()) return Text::from_template("Undefined");
  if (value.is_none()) return Text::from_template("None");
  if (const bool* b = value.as_bool()) return Text::from_template(*b ? "True" : "False");
  if (const auto i = value.as_integer()) return Text::from_template(std::to_string(*i));
  if (const BigInteger* big = value.as_big()) return Text::from_template(big->digits);
  if (const double* d = value.as_real()) return Text::from_template(real_text(*d));
  if (const Text* text = value.as_text()) {
    if (!text->safe) return quoted(*text);
    Text made = Text::from_template("Markup(");
    made.append(quoted(*text));
    made.append(")");
    return made;
  }
  if (const Sequence* sequence = value.as_sequence()) return represent_sequence(*sequence);
  if (const Dict* dict = value.as_dict()) {
    Text out;
    represent_dict(out, *dict);
    return out;
  }
  return Text::from_template(value.as_object()->shown());
}

Text json_text(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace orrery::chat
