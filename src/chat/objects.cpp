#include "chat/objects.h"

#include "chat/failure.h"

namespace orrery::chat {
namespace {

Value loop_cycle(Call& call) {
  const Loop* loop = call.args[0].as<Loop>();
  if (call.args.size() < 2) fail("no items for cycling given");
  return call.args[1 + size_t(loop->index0) % (call.args.size() - 1)];
}

Value loop_changed(Call& call) {
  Loop* loop = call.args[0].as<Loop>();
  std::vector<Value> values(call.args.begin() + 1, call.args.end());
  bool same = loop->saw_change && values.size() == loop->changed.size();
  for (size_t i = 0; same && i < values.size(); ++i) same = call.run.same(values[i], loop->changed[i]);
  loop->changed = std::move(values);
  loop->saw_change = true;
  return Value::boolean(!same);
}

Value cycler_next(Call& call) {
  Cycler* cycler = call.args[0].as<Cycler>();
  const Value current = cycler->items[cycler->at];
  cycler->at = (cycler->at + 1) % cycler->items.size();
  return current;
}

Value cycler_reset(Call& call) {
  call.args[0].as<Cycler>()->at = 0;
  return Value::none();
}

Value bound(Object* self, Callable callable) { return Value::object(std::make_shared<BoundMethod>(Value::object(self->shared_from_this()), callable)); }

}  // namespace

std::optional<Value> Namespace::member(const std::string& name) {
  const Value* found = attributes.find(name);
  return found ? std::optional(*found) : std::nullopt;
}

void Namespace::set(const std::string& name, Value value) {
  if (name.starts_with('_')) fail("a namespace cannot store '" + name + "': names with a leading underscore are private");
  attributes.set(Value::text(name), std::move(value));
}

std::vector<Value> Generator::rest() {
  std::vector<Value> left(items.begin() + int64_t(next), items.end());
  next = items.size();
  return left;
}

std::optional<Value> Macro::member(const std::string& name) {
  if (name == "name") return Value::text(statement.text);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const Parameter& parameter : statement.signature.parameters) names.push_back(Value::text(parameter.name));
  return Value::list(std::move(names), Sequence::Kind::tuple);
}

Value Macro::apply(Call& call) {
  run.spend(10);
  if (!scope) fail("the macro is no longer there");
  const Signature& signature = statement.signature;
  const ScopePtr inside = run.inner(scope);
  const std::string shown_name = "macro '" + statement.text + "'";
  const auto take = [&](const std::string& name) -> std::optional<Value> {
    for (size_t i = 0; i < call.named.size(); ++i)
      if (call.named[i].first == name) {
        Value value = call.named[i].second;
        call.named.erase(call.named.begin() + int64_t(i));
        return value;
      }
    return std::nullopt;
  };
  bool has_caller = false;
  for (size_t i = 0; i < signature.parameters.size(); ++i) {
    const Parameter& parameter = signature.parameters[i];
    std::optional<Value> value;
    if (i < call.args.size()) value = call.args[i];
    else value = take(parameter.name);
    if (!value) value = parameter.value ? run.evaluate(*parameter.value, inside) : Value::undefined("parameter '" + parameter.name + "' was not provided");
    has_caller |= parameter.name == "caller";
    inside->names[parameter.name] = std::move(*value);
  }
  if (signature.reads_caller && !has_caller) inside->names["caller"] = take("caller").value_or(Value::undefined("No caller defined"));
  if (signature.reads_named) {
    Dict rest;
    for (auto& [name, value] : call.named) rest.set(Value::text(name), value);
    inside->names["kwargs"] = Value::dict(std::move(rest));
  } else if (!call.named.empty()) {
    fail(shown_name + " takes no keyword argument '" + call.named.front().first + "'");
  }
  const size_t count = signature.parameters.size();
  if (signature.reads_rest) {
    std::vector<Value> rest;
    if (call.args.size() > count) rest.assign(call.args.begin() + int64_t(count), call.args.end());
    inside->names["varargs"] = Value::list(std::move(rest), Sequence::Kind::tuple);
  } else if (call.args.size() > count) {
    fail(shown_name + " takes not more than " + std::to_string(count) + " argument(s)");
  }
  return run.made(run.captured(statement.bodies[0], inside));
}

Loop::Loop(Interpreter& r, const Statement& s, ScopePtr around, std::vector<Value> values, int level)
    : run_(r), statement_(s), scope_(std::move(around)), items_(std::move(values)), level_(level) {}

std::optional<Value> Loop::pull() {
  const Expression* test = statement_.expressions[1].get();
  while (next_ < items_.size()) {
    Value item = items_[next_++];
    if (!test || tested_) return item;
    const ScopePtr inside = run_.inner(scope_);
    run_.assign(*statement_.target, item, inside);
    if (run_.evaluate(*test, inside).truthy()) return item;
  }
  return std::nullopt;
}

void Loop::drop() {
  items_.clear();
  changed.clear();
  scope_.reset();
  before_.reset();
  current_.reset();
  after_.reset();
}

bool Loop::peek() {
  if (!after_) after_ = pull();
  return after_.has_value();
}

bool Loop::advance() {
  if (!peek()) return false;
  before_ = std::move(current_);
  current_ = std::move(after_);
  after_.reset();
  ++index0;
  return true;
}

int64_t Loop::length() {
  if (length_) return *length_;
  if (!statement_.expressions[1]) return *(length_ = int64_t(items_.size()));
  std::vector<Value> rest;
  while (std::optional<Value> item = pull()) rest.push_back(std::move(*item));
  length_ = int64_t(rest.size()) + index0 + 1 + (after_ ? 1 : 0);
  items_ = std::move(rest);
  next_ = 0;
  tested_ = true;
  return *length_;
}

std::optional<Value> Loop::member(const std::string& name) {
  if (name == "index") return Value::integer(index0 + 1);
  if (name == "index0") return Value::integer(index0);
  if (name == "first") return Value::boolean(index0 == 0);
  if (name == "last") return Value::boolean(!peek());
  if (name == "length") return Value::integer(length());
  if (name == "revindex") return Value::integer(length() - index0);
  if (name == "revindex0") return Value::integer(length() - index0 - 1);
  if (name == "depth") return Value::integer(level_ + 1);
  if (name == "depth0") return Value::integer(level_);
  if (name == "previtem") return !before_ ? Value::undefined("there is no previous item") : *before_;
  if (name == "nextitem") return peek() ? *after_ : Value::undefined("there is no next item");
  if (name == "cycle") return bound(this, loop_cycle);
  if (name == "changed") return bound(this, loop_changed);
  return std::nullopt;
}

Value Loop::apply(Call& call) {
  if (!statement_.recursive) fail("The loop must have the 'recursive' marker to be called recursively.");
  if (!scope_) fail("the loop is over");
  const Arguments args(call, {"iterable"}, 1);
  Text out;
  run_.run_loop(statement_, scope_, args.value(0), level_ + 1, out);
  return run_.made(std::move(out));
}

std::optional<Value> Cycler::member(const std::string& name) {
  if (name == "current") return items[at];
  if (name == "next") return bound(this, cycler_next);
  if (name == "reset") return bound(this, cycler_reset);
  return std::nullopt;
}

Value Joiner::apply(Call& call) {
  const Arguments args(call, {});
  if (used) return separator;
  used = true;
  return Value::text("");
}

}  // namespace orrery::chat
