// What a template may call by its name: Jinja's globals and those of transformers.
#include <ctime>

#include "chat/failure.h"
#include "chat/objects.h"

namespace orrery::chat {
namespace {

// dict(mapping or pairs, **more)
Dict dict_of(Call& call) {
  if (call.args.size() > 1) fail(call.name + " expected at most 1 argument, got " + std::to_string(call.args.size()));
  Dict made;
  if (!call.args.empty()) {
    if (const Dict* dict = call.args[0].as_dict()) {
      made = *dict;
    } else {
      for (const Value& pair : call.run.items_of(call.args[0])) {
        const std::vector<Value> two = call.run.items_of(pair);
        if (two.size() != 2) fail("dictionary update sequence has an element of length " + std::to_string(two.size()) + "; 2 is required");
        made.set(two[0], two[1]);
      }
    }
  }
  for (const auto& [name, value] : call.named) made.set(Value::text(name), value);
  call.run.spend(int64_t(made.items.size()) * 4);
  return made;
}

}  // namespace

Value function_dict(Call& call) { return Value::dict(dict_of(call)); }

Value function_namespace(Call& call) {
  const auto space = std::make_shared<Namespace>();
  const Dict attributes = dict_of(call);
  for (const auto& [key, value] : attributes.items) {
    if (!key.as_text()) fail("the names of a namespace are texts");
    space->set(key.as_text()->bytes, value);
  }
  call.run.keep(space);
  return Value::object(space);
}

Value function_range(Call& call) {
  constexpr int64_t kMost = 100000;
  if (call.args.empty() || call.args.size() > 3 || !call.named.empty()) fail("range expected 1 to 3 arguments, got " + std::to_string(call.args.size()));
  int64_t numbers[3] = {0, 0, 1};
  for (size_t i = 0; i < call.args.size(); ++i) {
    if (call.args[i].is_undefined()) fail(call.args[i].undefined_message());
    const auto number = call.args[i].as_integer();
    if (!number) fail("'" + type_name(call.args[i]) + "' object cannot be interpreted as an integer");
    numbers[i] = *number;
  }
  if (call.args.size() == 1) std::swap(numbers[0], numbers[1]);
  const auto [first, end, step] = std::tuple(numbers[0], numbers[1], numbers[2]);
  if (step == 0) fail("range() arg 3 must not be zero");
  std::vector<Value> items;
  for (int64_t i = first; step > 0 ? i < end : i > end;) {
    if (int64_t(items.size()) == kMost) fail("Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).");
    items.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  call.run.spend(int64_t(items.size()));
  std::string shown_range = "range(" + std::to_string(first) + ", " + std::to_string(end);
  if (step != 1) shown_range += ", " + std::to_string(step);
  return Value::range(std::move(items), shown_range + ")");
}

Value function_cycler(Call& call) {
  if (call.args.empty() || !call.named.empty()) fail("at least one item has to be provided");
  return Value::object(std::make_shared<Cycler>(call.args));
}

Value function_joiner(Call& call) {
  const Arguments args(call, {"sep"});
  return Value::object(std::make_shared<Joiner>(args[0] ? *args[0] : Value::text(", ")));
}

Value function_raise_exception(Call& call) {
  const Arguments args(call, {"message"}, 1);
  std::string message = call.run.printed(args.value(0)).bytes;
  for (char& c : message)
    if (c == '\n' || c == '\r') c = ' ';
  fail(std::move(message));
}

Value function_strftime_now(Call& call) {
  const Arguments args(call, {"format"}, 1);
  // What Python replaces itself, of a time without a zone.
  std::string format;
  const std::string& given = args.text(0).bytes;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] != '%' || i + 1 == given.size()) format += given[i];
    else if (given[++i] == 'f') format += "000000";
    else if (given[i] != 'z' && given[i] != 'Z') format += {'%', given[i]};
  }
  format += '.';   // so that an empty result is not a failure
  char buffer[4096];
  const size_t size = std::strftime(buffer, sizeof buffer, format.c_str(), &call.run.now());
  if (size == 0) fail("the time is too long a text");
  return call.run.made(Text::from_template(std::string_view(buffer, size - 1)));
}

}  // namespace orrery::chat
