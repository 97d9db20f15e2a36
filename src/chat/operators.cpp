#include "chat/operators.h"

#include <cmath>
#include <cstdio>

#include "chat/failure.h"
#include "chat/printing.h"

namespace orrery::chat {
namespace {

[[noreturn]] void too_large() { fail("an integer beyond 64 bits cannot be calculated with", ErrorKind::out_of_range); }

[[noreturn]] void unsupported(std::string_view op, const Value& a, const Value& b) {
  const std::string shown_op = op == "**" ? "** or pow()" : std::string(op);
  fail("unsupported operand type(s) for " + shown_op + ": '" + type_name(a) + "' and '" + type_name(b) + "'");
}

Value power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) fail("0.0 cannot be raised to a negative power");
    return Value::real(std::pow(double(base), double(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return Value::integer(result);
}

Value integers(std::string_view op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &result)) too_large();
  } else if (op == "-") {
    if (__builtin_sub_overflow(a, b, &result)) too_large();
  } else if (op == "*") {
    if (__builtin_mul_overflow(a, b, &result)) too_large();
  } else if (op == "**") {
    return power(a, b);
  } else {
    if (b == 0) fail(op == "/" ? "division by zero" : "integer division or modulo by zero");
    if (op == "/") return Value::real(double(a) / double(b));
    if (b == -1) {   // the one quotient that may not fit
      if (op == "%") return Value::integer(0);
      if (__builtin_sub_overflow(int64_t(0), a, &result)) too_large();
      return Value::integer(result);
    }
    const int64_t rest = a % b;
    const bool down = rest != 0 && (rest < 0) != (b < 0);
    result = op == "%" ? rest + (down ? b : 0) : a / b - (down ? 1 : 0);
  }
  return Value::integer(result);
}

Value reals(std::string_view op, double a, double b) {
  if (op == "+") return Value::real(a + b);
  if (op == "-") return Value::real(a - b);
  if (op == "*") return Value::real(a * b);
  if (op == "**") return Value::real(std::pow(a, b));
  if (b == 0) fail(op == "/" ? "float division by zero" : op == "%" ? "float modulo" : "float floor division by zero");
  if (op == "/") return Value::real(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return Value::real(op == "%" ? rest : std::floor((a - rest) / b + 0.5));
}

Value repeated(Interpreter& run, const Value& a, int64_t count) {
  count = std::max<int64_t>(count, 0);
  if (const Text* text = a.as_text()) {
    if (count > 0 && int64_t(text->size()) > (int64_t(1) << 40) / count) run.spend(int64_t(1) << 40);
    run.spend(count * int64_t(text->size()) / 32);
    Text made;
    for (int64_t i = 0; i < count && !text->empty(); ++i) made.append(*text);
    made.safe = text->safe;
    return run.made(std::move(made));
  }
  const Sequence* list = a.as_list();
  if (count > 0 && int64_t(list->items.size()) > (int64_t(1) << 40) / count) run.spend(int64_t(1) << 40);
  run.spend(count * int64_t(list->items.size()));
  std::vector<Value> items;
  for (int64_t i = 0; i < count && !list->items.empty(); ++i) items.insert(items.end(), list->items.begin(), list->items.end());
  return Value::list(std::move(items), list->kind);
}

Value added_texts(Interpreter& run, const Text& a, const Text& b) {
  Text made = a.safe || !b.safe ? a : escaped(a);
  made.append(a.safe && !b.safe ? escaped(b) : b);
  made.safe = a.safe || b.safe;
  return run.made(std::move(made));
}

}  // namespace

Value apply_operator(Interpreter& run, std::string_view op, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail(v->undefined_message());
  const Text *s = a.as_text(), *t = b.as_text();
  if (s && op == "%") return run.made(formatted(run, *s, b));
  if (op == "+") {
    if (s && t) return added_texts(run, *s, *t);
    if (s) fail("can only concatenate str (not \"" + type_name(b) + "\") to str");
    const Sequence *x = a.as_list(), *y = b.as_list();
    if (x && y && x->kind == y->kind) {
      run.spend(int64_t(x->items.size() + y->items.size()));
      std::vector<Value> items = x->items;
      items.insert(items.end(), y->items.begin(), y->items.end());
      return Value::list(std::move(items), x->kind);
    }
    if (x) fail("can only concatenate " + type_name(a) + " (not \"" + type_name(b) + "\") to " + type_name(a));
  }
  if (op == "*") {
    if ((s || a.as_list()) && b.as_integer()) return repeated(run, a, *b.as_integer());
    if ((t || b.as_list()) && a.as_integer()) return repeated(run, b, *a.as_integer());
  }
  if ((a.as_big() && (b.as_number() || b.as_big())) || (b.as_big() && a.as_number())) too_large();
  const auto i = a.as_integer(), j = b.as_integer();
  if (i && j) return integers(op, *i, *j);
  const auto x = a.as_number(), y = b.as_number();
  if (x && y) return reals(op, *x, *y);
  unsupported(op, a, b);
}

Value negated(const Value& a) {
  if (a.is_undefined()) fail(a.undefined_message());
  if (a.as_big()) too_large();
  if (const auto i = a.as_integer()) {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t(0), *i, &result)) too_large();
    return Value::integer(result);
  }
  if (const double* d = a.as_real()) return Value::real(-*d);
  fail("bad operand type for unary -: '" + type_name(a) + "'");
}

Text escaped(const Text& text) {
  Text made;
  for (size_t i = 0; i < text.size(); ++i) {
    const char mark = text.mark(i);
    switch (text.bytes[i]) {
      case '&': made.append("&amp;", mark); break;
      case '<': made.append("&lt;", mark); break;
      case '>': made.append("&gt;", mark); break;
      case '\'': made.append("&#39;", mark); break;
      case '"': made.append("&#34;", mark); break;
      default: made.append(text, i, i + 1);
    }
  }
  return made;
}

Text formatted(Interpreter& run, const Text& format, const Value& values) {
  Text made;
  const Sequence* tuple = values.as_sequence() && values.as_sequence()->kind == Sequence::Kind::tuple ? values.as_sequence() : nullptr;
  size_t used = 0;
  const auto next = [&]() -> const Value& {
    if (tuple ? used >= tuple->items.size() : used >= 1) fail("not enough arguments for format string");
    return tuple ? tuple->items[used++] : (++used, values);
  };
  for (size_t at = 0; at < format.size();) {
    if (format.bytes[at] != '%') {
      made.append(format, at, at + 1);
      ++at;
      continue;
    }
    const size_t begin = at++;
    const Value* named = nullptr;
    if (at < format.size() && format.bytes[at] == '(') {
      const size_t close = format.bytes.find(')', at);
      if (close == std::string::npos) fail("incomplete format key");
      if (!values.as_dict()) fail("format requires a mapping");
      named = values.as_dict()->find(std::string_view(format.bytes).substr(at + 1, close - at - 1));
      if (!named) fail("'" + format.bytes.substr(at + 1, close - at - 1) + "'");
      at = close + 1;
    }
    const size_t spec = at;
    while (at < format.size() && std::string_view("-+ #0123456789.").find(format.bytes[at]) != std::string_view::npos) ++at;
    if (at >= format.size()) fail("incomplete format");
    const std::string flags = format.bytes.substr(spec, at - spec);
    const char kind = format.bytes[at++];
    if (kind == '%') {
      made.append("%", format.mark(begin));
      continue;
    }
    if (flags.size() > 8) fail("the format is too wide");
    const Value& value = named ? *named : next();
    char buffer[512];
    if (kind == 's' || kind == 'r') {
      if (!flags.empty()) fail("a width in %" + flags + kind + " is not known here", ErrorKind::unsupported);
      run.spend(value.weight());
      made.append(kind == 's' ? shown(value) : represented(value));
    } else if (kind == 'd' || kind == 'i' || kind == 'x' || kind == 'X' || kind == 'o') {
      const auto number = value.as_number();
      if (!number) fail("%" + std::string(1, kind) + " format: a real number is required, not " + type_name(value));
      if (!(std::abs(*number) < 9e18)) too_large();
      const long long whole = value.as_integer() ? *value.as_integer() : int64_t(*number);
      const std::string c = "%" + flags + "ll" + (kind == 'i' ? 'd' : kind);
      if (std::snprintf(buffer, sizeof buffer, c.c_str(), whole) >= int(sizeof buffer)) fail("the format is too wide");
      made.append(buffer, format.mark(begin));
    } else if (std::string_view("fFeEgG").find(kind) != std::string_view::npos) {
      const auto number = value.as_number();
      if (!number) fail("must be real number, not " + type_name(value));
      if (std::snprintf(buffer, sizeof buffer, ("%" + flags + kind).c_str(), *number) >= int(sizeof buffer)) fail("the format is too wide");
      made.append(buffer, format.mark(begin));
    } else {
      fail(std::string("unsupported format character '") + kind + "'");
    }
  }
  if (tuple ? used < tuple->items.size() : (used == 0 && !values.as_dict())) fail("not all arguments converted during string formatting");
  return made;
}

}  // namespace orrery::chat
