// What stands after `is`: Jinja's tests.
#include <cmath>

#include "base/unicode.h"
#include "base/utf8.h"
#include "chat/failure.h"
#include "chat/objects.h"

namespace orrery::chat {
namespace {

Value yes_if(bool holds) { return Value::boolean(holds); }

const Value& only(const Call& call) {
  if (call.args.size() != 1 || !call.named.empty()) fail("the test '" + call.name + "' takes no arguments");
  return call.args[0];
}
const Value& other(const Call& call) {
  if (call.args.size() != 2 || !call.named.empty()) fail("the test '" + call.name + "' takes one argument");
  return call.args[1];
}
int64_t integer(const Value& value) {
  if (value.is_undefined()) fail(value.undefined_message());
  const auto i = value.as_integer();
  if (!i) fail("'" + type_name(value) + "' is no integer");
  return *i;
}
bool cased(Interpreter& run, const Value& value, uint32_t wanted, uint32_t unwanted) {
  const std::string text = run.printed(value).bytes;
  bool any = false;
  for (size_t at = 0; at < text.size(); at = next_place(text, at)) {
    const char32_t c = decode_utf8(text, at).value;
    if (is(c, unwanted)) return false;
    any |= is(c, wanted);
  }
  return any;
}

}  // namespace

Value test_defined(Call& call) { return yes_if(!only(call).is_undefined()); }
Value test_undefined(Call& call) { return yes_if(only(call).is_undefined()); }
Value test_none(Call& call) { return yes_if(only(call).is_none()); }
Value test_boolean(Call& call) { return yes_if(only(call).as_bool() != nullptr); }
Value test_true(Call& call) { return yes_if(only(call).as_bool() && *call.args[0].as_bool()); }
Value test_false(Call& call) { return yes_if(only(call).as_bool() && !*call.args[0].as_bool()); }
Value test_integer(Call& call) { return yes_if((only(call).as_integer() && !call.args[0].as_bool()) || call.args[0].as_big()); }
Value test_float(Call& call) { return yes_if(only(call).as_real() != nullptr); }
Value test_number(Call& call) { return yes_if(only(call).as_number() || call.args[0].as_big()); }
Value test_string(Call& call) { return yes_if(only(call).as_text() != nullptr); }
Value test_mapping(Call& call) { return yes_if(only(call).as_dict() != nullptr); }
Value test_callable(Call& call) { return yes_if(only(call).as<Applicable>() != nullptr || call.args[0].is_undefined()); }
Value test_escaped(Call& call) { return yes_if(only(call).as_text() && call.args[0].as_text()->safe); }
Value test_lower(Call& call) { return yes_if(cased(call.run, only(call), kLower, kUpper | kTitle)); }
Value test_upper(Call& call) { return yes_if(cased(call.run, only(call), kUpper, kLower | kTitle)); }

Value test_iterable(Call& call) {
  const Value& value = only(call);
  return yes_if(value.is_undefined() || value.as_text() || value.as_sequence() || value.as_dict() || value.as<Generator>() || value.as<Loop>());
}

// What has a length and can be asked for an item; that is true of mappings and texts too.
Value test_sequence(Call& call) {
  const Value& value = only(call);
  const Sequence* sequence = value.as_sequence();
  return yes_if(value.is_undefined() || value.as_text() || value.as_dict() || value.as_list() || (sequence && sequence->kind == Sequence::Kind::range));
}

Value test_odd(Call& call) { return yes_if(integer(only(call)) % 2 != 0); }
Value test_even(Call& call) { return yes_if(integer(only(call)) % 2 == 0); }
Value test_divisible(Call& call) {
  const int64_t by = integer(other(call));
  if (by == 0) fail("integer division or modulo by zero");
  return yes_if(by == -1 || integer(call.args[0]) % by == 0);
}

Value test_equal(Call& call) { return yes_if(call.run.same(call.args[0], other(call))); }
Value test_unequal(Call& call) { return yes_if(!call.run.same(call.args[0], other(call))); }
Value test_less(Call& call) { return yes_if(call.run.before(call.args[0], other(call))); }
Value test_greater(Call& call) { return yes_if(call.run.before(other(call), call.args[0], ">")); }
Value test_at_most(Call& call) { return yes_if(call.run.before(call.args[0], other(call), "<=") || call.run.same(call.args[0], call.args[1])); }
Value test_at_least(Call& call) { return yes_if(call.run.before(other(call), call.args[0], ">=") || call.run.same(call.args[0], call.args[1])); }
Value test_in(Call& call) { return yes_if(call.run.contains(other(call), call.args[0])); }

Value test_same(Call& call) {
  const Value &a = call.args[0], &b = other(call);
  if (a.identity() || b.identity()) return yes_if(a.identity() == b.identity());
  return yes_if(type_name(a) == type_name(b) && call.run.same(a, b));
}

Value test_filter(Call& call) { return yes_if(find_filter(call.run.printed(only(call)).bytes) != nullptr); }
Value test_test(Call& call) { return yes_if(find_test(call.run.printed(only(call)).bytes) != nullptr); }

}  // namespace orrery::chat
