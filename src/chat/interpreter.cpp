#include "chat/interpreter.h"

#include <algorithm>

#include "base/utf8.h"
#include "chat/failure.h"
#include "chat/objects.h"
#include "chat/operators.h"
#include "chat/printing.h"

namespace orrery::chat {
namespace {

using EK = Expression::Kind;
using SK = Statement::Kind;

std::string representation(const Value& value) { return value.weight() > 100 ? "of that kind" : represented(value).bytes; }

// Python's slice indices: where to begin, how many, and the step.
struct Range {
  int64_t begin, count, step;
};
Range slice_range(int64_t size, const Value* begin, const Value* end, const Value* step) {
  const auto number = [](const Value* v) -> std::optional<int64_t> {
    if (!v || v->is_none()) return std::nullopt;
    if (v->is_undefined()) fail(v->undefined_message());
    const auto i = v->as_integer();
    if (!i) fail("slice indices must be integers or None or have an __index__ method");
    return i;
  };
  const auto given_step = number(step);
  if (given_step && *given_step == 0) fail("slice step cannot be zero");
  const int64_t by = std::clamp<int64_t>(given_step.value_or(1), -(int64_t(1) << 40), int64_t(1) << 40);
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto bound = [&](std::optional<int64_t> v, int64_t otherwise) {
    if (!v) return otherwise;
    return std::clamp(*v < 0 ? std::max(*v, -size - 1) + size : *v, low, high);
  };
  const int64_t from = bound(number(begin), by > 0 ? low : high), to = bound(number(end), by > 0 ? high : low);
  const int64_t count = by > 0 ? (to > from ? (to - from + by - 1) / by : 0) : (to < from ? (from - to - by - 1) / -by : 0);
  return {from, count, by};
}

}  // namespace

struct Interpreter::Depth {
  explicit Depth(Interpreter& r) : run(r) {
    if (run.depth_ >= run.limits_.depth) fail("calls and expressions nest deeper than " + std::to_string(run.limits_.depth), ErrorKind::out_of_range);
    ++run.depth_;
  }
  ~Depth() { --run.depth_; }
  Interpreter& run;
};

Interpreter::Interpreter(const Body& body, std::string name, const Dict& variables, const Limits& limits, const std::tm& now)
    : body_(body), name_(std::move(name)), limits_(limits), now_(now), globals_(std::make_shared<Scope>()) {
  for (const auto& [key, value] : variables.items)
    if (const Text* text = key.as_text()) globals_->names[text->bytes] = value;
}

Interpreter::~Interpreter() {
  globals_->names.clear();
  for (const std::shared_ptr<Object>& object : kept_) object->drop();
}

Text Interpreter::render() {
  Text out;
  run(body_, inner(globals_), out);
  return out;
}

void Interpreter::spend(int64_t steps) {
  steps_ += steps;
  if (steps_ > limits_.steps) fail("the template takes more than " + std::to_string(limits_.steps) + " steps", ErrorKind::out_of_range);
}

Value Interpreter::made(Text text) {
  spend(int64_t(text.size() / 32));
  if (text.size() > limits_.output) fail("a text of the template is longer than " + std::to_string(limits_.output) + " bytes", ErrorKind::out_of_range);
  return Value::text(std::move(text));
}

Value Interpreter::made(std::vector<Value> items, Sequence::Kind kind) {
  spend(int64_t(items.size()));
  return Value::list(std::move(items), kind);
}

Value Interpreter::generator(std::vector<Value> items) {
  spend(int64_t(items.size()));
  return Value::object(std::make_shared<Generator>(std::move(items)));
}

void Interpreter::keep(std::shared_ptr<Object> object) {
  spend(50);
  kept_.push_back(std::move(object));
}

Text Interpreter::printed(const Value& value) {
  spend(value.weight());
  return shown(value);
}

bool Interpreter::same(const Value& a, const Value& b) {
  spend(std::min(a.weight(), b.weight()));
  return equal(a, b);
}

bool Interpreter::before(const Value& a, const Value& b, std::string_view op) {
  spend(std::min(a.weight(), b.weight()));
  return less(a, b, op);
}

ScopePtr Interpreter::inner(const ScopePtr& parent) {
  auto scope = std::make_shared<Scope>();
  scope->parent = parent;
  return scope;
}

void Interpreter::emit(Text& out, const Text& text) {
  spend(int64_t(text.size() / 32));
  if (out.size() + text.size() > limits_.output) fail("the prompt is longer than " + std::to_string(limits_.output) + " bytes", ErrorKind::out_of_range);
  out.append(text);
}

Text Interpreter::captured(const Body& body, const ScopePtr& scope) {
  Text out;
  run(body, scope, out);
  return out;
}

std::vector<Value> Interpreter::items_of(const Value& value) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const Sequence* sequence = value.as_sequence()) {
    items = sequence->items;
  } else if (const Dict* dict = value.as_dict()) {
    for (const auto& item : dict->items) items.push_back(item.first);
  } else if (const Text* text = value.as_text()) {
    spend(int64_t(text->size()));
    for (size_t at = 0; at < text->size();) {
      const size_t next = next_place(text->bytes, at);
      items.push_back(Value::text(text->part(at, next)));
      at = next;
    }
  } else if (Generator* generator = value.as<Generator>()) {
    items = generator->rest();
  } else {
    fail("'" + type_name(value) + "' object is not iterable");
  }
  spend(int64_t(items.size()));
  return items;
}

Value Interpreter::member(const Value& value, const std::string& name) {
  if (value.is_undefined()) fail(value.undefined_message());
  const std::string type = value.as_text() ? "str" : type_name(value);
  const auto unsafe = [&] { return Value::undefined("access to attribute '" + name + "' of '" + type + "' object is unsafe."); };
  if (name.starts_with("__") && name.ends_with("__")) return unsafe();
  if (const Method method = find_method(type, name); method.callable || method.changes) {
    if (method.changes) return unsafe();
    return Value::object(std::make_shared<BoundMethod>(value, method.callable));
  }
  if (Object* object = value.as_object())
    if (std::optional<Value> found = object->member(name)) return std::move(*found);
  if (const Dict* dict = value.as_dict())
    if (const Value* found = dict->find(name)) return *found;
  return Value::undefined("'" + object_type_name(value) + "' has no attribute '" + name + "'");
}

Value Interpreter::item(const Value& value, const Value& key) {
  if (value.is_undefined()) fail(value.undefined_message());
  const auto index = key.as_integer();
  spend(key.weight());
  if (const Dict* dict = value.as_dict()) {
    if (key_text(key))
      if (const Value* found = dict->find(key)) return *found;
  } else if (const Text* text = value.as_text(); text && index) {
    const auto size = int64_t(count_code_points(text->bytes));
    spend(size / 32);
    const int64_t at = *index < 0 ? *index + size : *index;
    if (at >= 0 && at < size) {
      size_t byte = 0;
      for (int64_t i = 0; i < at; ++i) byte = next_place(text->bytes, byte);
      return made(text->part(byte, next_place(text->bytes, byte)));
    }
  } else if (const Sequence* list = value.as_sequence(); list && index) {
    const bool indexed = list->kind == Sequence::Kind::list || list->kind == Sequence::Kind::tuple || list->kind == Sequence::Kind::range;
    const auto size = int64_t(list->items.size());
    const int64_t at = *index < 0 ? *index + size : *index;
    if (indexed && at >= 0 && at < size) return list->items[size_t(at)];
  }
  if (const Text* name = key.as_text()) return member(value, name->bytes);
  return Value::undefined(object_type_name(value) + " has no element " + representation(key));
}

Value Interpreter::sliced(const Value& value, const Expression& slice, const ScopePtr& scope) {
  std::optional<Value> bounds[3];
  for (size_t i = 0; i < 3; ++i)
    if (slice.items[i]) bounds[i] = evaluate(*slice.items[i], scope);
  const auto bound = [&](size_t i) { return bounds[i] ? &*bounds[i] : nullptr; };
  if (value.is_undefined()) fail(value.undefined_message());
  if (const Text* text = value.as_text()) {
    std::vector<size_t> places;
    spend(int64_t(text->size() / 4));
    for (size_t at = 0; at < text->size(); at = next_place(text->bytes, at)) places.push_back(at);
    const auto size = int64_t(places.size());
    places.push_back(text->size());
    const Range range = slice_range(size, bound(0), bound(1), bound(2));
    if (range.step == 1) return made(text->part(places[size_t(range.begin)], places[size_t(range.begin + range.count)]));
    Text made_text;
    made_text.safe = text->safe;
    for (int64_t i = 0; i < range.count; ++i) {
      const auto at = size_t(range.begin + i * range.step);
      made_text.append(*text, places[at], places[at + 1]);
    }
    return made(std::move(made_text));
  }
  const Sequence* list = value.as_sequence();
  if (list && (value.as_list() || list->kind == Sequence::Kind::range)) {
    const Range range = slice_range(int64_t(list->items.size()), bound(0), bound(1), bound(2));
    std::vector<Value> items;
    for (int64_t i = 0; i < range.count; ++i) items.push_back(list->items[size_t(range.begin + i * range.step)]);
    return made(std::move(items), list->kind == Sequence::Kind::tuple ? list->kind : Sequence::Kind::list);
  }
  return Value::undefined(object_type_name(value) + " has no such slice");
}

bool Interpreter::contains(const Value& container, const Value& value) {
  if (const Text* text = container.as_text()) {
    const Text* part = value.as_text();
    if (!part) fail("'in <string>' requires string as left operand, not " + type_name(value));
    spend(int64_t(text->size() / 32));
    return find_text(text->bytes, part->bytes) != std::string::npos;
  }
  spend(value.weight());
  if (const Dict* dict = container.as_dict()) return dict->find(value) != nullptr;
  if (container.is_none() || (!container.is_undefined() && !container.as_sequence() && !container.as<Generator>()))
    fail("argument of type '" + type_name(container) + "' is not iterable");
  for (const Value& item : items_of(container))
    if (same(item, value)) return true;
  return false;
}

Value Interpreter::call(const Value& callee, Call& call) {
  if (callee.is_undefined()) fail(callee.undefined_message());
  Applicable* applicable = callee.as<Applicable>();
  if (!applicable) fail("'" + type_name(callee) + "' object is not callable");
  const Depth depth(*this);
  return applicable->apply(call);
}

// The place of an error is that of the innermost node it happened in.
Value Interpreter::evaluate(const Expression& e, const ScopePtr& scope) {
  try {
    const Depth depth(*this);
    spend(1);
    return evaluate_inside(e, scope);
  } catch (Error& error) {
    if (error.where.empty()) error.where = where_text(name_, e.at);
    throw;
  }
}

Value Interpreter::name_value(const Expression& e, const Scope* scope) {
  for (; scope; scope = scope->parent.get())
    if (const auto found = scope->names.find(e.text); found != scope->names.end()) return found->second;
  if (const Callable function = find_function(e.text)) return Value::object(std::make_shared<Function>(e.text, function));
  return Value::undefined("'" + e.text + "' is undefined");
}

Value Interpreter::evaluate_inside(const Expression& e, const ScopePtr& scope) {
  switch (e.kind) {
    case EK::constant: return e.value;
    case EK::name: return name_value(e, scope.get());
    case EK::list:
    case EK::tuple: {
      std::vector<Value> items;
      for (const ExpressionPtr& item : e.items) items.push_back(evaluate(*item, scope));
      return made(std::move(items), e.kind == EK::list ? Sequence::Kind::list : Sequence::Kind::tuple);
    }
    case EK::dict: {
      Dict dict;
      for (size_t i = 0; i < e.items.size(); i += 2) {
        const Value key = evaluate(*e.items[i], scope);
        spend(4 + key.weight());
        dict.set(key, evaluate(*e.items[i + 1], scope));
      }
      return Value::dict(std::move(dict));
    }
    case EK::member: return member(evaluate(*e.items[0], scope), e.text);
    case EK::item: {
      const Value value = evaluate(*e.items[0], scope);
      if (e.items[1]->kind == EK::slice) return sliced(value, *e.items[1], scope);
      return item(value, evaluate(*e.items[1], scope));
    }
    case EK::call: return call_value(e, scope);
    case EK::filter: return filtered(e, nullptr, scope);
    case EK::test: {
      Call call{*this, e.text, {evaluate(*e.items[0], scope)}, {}};
      add_arguments(call, e, scope);
      const Callable test = find_test(e.text);
      if (!test) fail("No test named '" + e.text + "'.");
      return test(call);
    }
    case EK::unary: {
      const Value value = evaluate(*e.items[0], scope);
      if (e.text == "not") return Value::boolean(!value.truthy());
      if (e.text == "-") return negated(value);
      if (value.is_undefined()) fail(value.undefined_message());
      if (value.as_number() || value.as_big()) return value.as_bool() ? Value::integer(*value.as_integer()) : value;
      fail("bad operand type for unary +: '" + type_name(value) + "'");
    }
    case EK::binary: {
      Value left = evaluate(*e.items[0], scope);
      if (e.text == "and") return left.truthy() ? evaluate(*e.items[1], scope) : left;
      if (e.text == "or") return left.truthy() ? left : evaluate(*e.items[1], scope);
      return apply_operator(*this, e.text, left, evaluate(*e.items[1], scope));
    }
    case EK::concat: {
      Text text;
      for (const ExpressionPtr& item : e.items) emit(text, printed(evaluate(*item, scope)));
      return made(std::move(text));
    }
    case EK::compare: return compared(e, scope);
    case EK::conditional:
      if (evaluate(*e.items[0], scope).truthy()) return evaluate(*e.items[1], scope);
      if (e.items[2]) return evaluate(*e.items[2], scope);
      return Value::undefined("the inline if-expression evaluated to false and no else section was defined.");
    case EK::slice: fail("a slice stands where it cannot");
    case EK::attribute: fail("an attribute stands where it cannot");
  }
  return {};
}

Value Interpreter::compared(const Expression& e, const ScopePtr& scope) {
  Value left = evaluate(*e.items[0], scope);
  for (size_t i = 0; i < e.names.size(); ++i) {
    Value right = evaluate(*e.items[i + 1], scope);
    const std::string& op = e.names[i];
    bool holds = false;
    if (op == "==") holds = same(left, right);
    else if (op == "!=") holds = !same(left, right);
    else if (op == "in") holds = contains(right, left);
    else if (op == "not in") holds = !contains(right, left);
    else if (op == "<") holds = before(left, right, op);
    else if (op == ">") holds = before(right, left, op);
    else if (op == "<=") holds = before(left, right, op) || same(left, right);
    else holds = before(right, left, op) || same(left, right);
    if (!holds || i + 1 == e.names.size()) return Value::boolean(holds);
    left = std::move(right);
  }
  return left;
}

void Interpreter::add_arguments(Call& call, const Expression& e, const ScopePtr& scope) {
  for (const Argument& argument : e.arguments) {
    Value value = evaluate(*argument.value, scope);
    switch (argument.kind) {
      case Argument::Kind::plain: call.args.push_back(std::move(value)); break;
      case Argument::Kind::named: call.named.emplace_back(argument.name, std::move(value)); break;
      case Argument::Kind::list:
        for (Value& item : items_of(value)) call.args.push_back(std::move(item));
        break;
      case Argument::Kind::mapping: {
        if (value.is_undefined()) fail(value.undefined_message());
        const Dict* dict = value.as_dict();
        if (!dict) fail("argument after ** must be a mapping, not " + type_name(value));
        for (const auto& [key, item] : dict->items) {
          if (!key.as_text()) fail("keywords must be strings");
          call.named.emplace_back(key.as_text()->bytes, item);
        }
        break;
      }
    }
  }
}

Value Interpreter::call_value(const Expression& e, const ScopePtr& scope) {
  const Expression& callee = *e.items[0];
  const Value function = evaluate(callee, scope);
  Call call{*this, callee.text, {}, {}};
  add_arguments(call, e, scope);
  return this->call(function, call);
}

Value Interpreter::filtered(const Expression& e, const Value* subject, const ScopePtr& scope) {
  const Expression* inside = e.items[0].get();
  Call call{*this, e.text, {}, {}};
  call.args.push_back(!inside ? *subject : subject ? filtered(*inside, subject, scope) : evaluate(*inside, scope));
  add_arguments(call, e, scope);
  const Callable filter = find_filter(e.text);
  if (!filter) fail("No filter named '" + e.text + "'.");
  return filter(call);
}

Interpreter::Flow Interpreter::run(const Body& body, const ScopePtr& scope, Text& out) {
  for (const auto& statement : body) {
    try {
      const Depth depth(*this);
      spend(1);
      const Flow flow = run(*statement, scope, out);
      if (flow != Flow::on) return flow;
    } catch (Error& error) {
      if (error.where.empty()) error.where = where_text(name_, statement->at);
      throw;
    }
  }
  return Flow::on;
}

Interpreter::Flow Interpreter::run(const Statement& s, const ScopePtr& scope, Text& out) {
  switch (s.kind) {
    case SK::text: emit(out, Text::from_template(s.text)); break;
    case SK::print:
      for (const ExpressionPtr& expression : s.expressions) emit(out, printed(evaluate(*expression, scope)));
      break;
    case SK::branch:
      for (size_t i = 0; i < s.bodies.size(); ++i)
        if (i >= s.expressions.size() || evaluate(*s.expressions[i], scope).truthy()) return run(s.bodies[i], scope, out);
      break;
    case SK::loop: return run_loop(s, scope, evaluate(*s.expressions[0], scope), 0, out);
    case SK::break_loop: return Flow::leave_loop;
    case SK::continue_loop: return Flow::next_round;
    case SK::set: assign(*s.target, evaluate(*s.expressions[0], scope), scope); break;
    case SK::set_block: {
      Value text = made(captured(s.bodies[0], inner(scope)));
      if (s.expressions[0]) text = filtered(*s.expressions[0], &text, scope);
      assign(*s.target, text, scope);
      break;
    }
    case SK::filter: {
      const Value text = made(captured(s.bodies[0], inner(scope)));
      emit(out, printed(filtered(*s.expressions[0], &text, scope)));
      break;
    }
    case SK::macro: scope->names[s.text] = macro_of(s, scope); break;
    case SK::call: {
      const Expression& e = *s.expressions[0];
      const Value function = evaluate(*e.items[0], scope);
      Call call{*this, e.items[0]->text, {}, {}};
      add_arguments(call, e, scope);
      call.named.emplace_back("caller", macro_of(s, scope));
      emit(out, printed(this->call(function, call)));
      break;
    }
    case SK::with: {
      const ScopePtr inside = inner(scope);
      for (size_t i = 0; i < s.targets.size(); ++i) assign(*s.targets[i], evaluate(*s.expressions[i], scope), inside);
      return run(s.bodies[0], inside, out);
    }
    case SK::generation: {
      Text text = captured(s.bodies[0], inner(scope));
      text.mark_all(kGenerated);
      emit(out, text);
      break;
    }
    case SK::block: return run(s.bodies[0], inner(scope), out);
  }
  return Flow::on;
}

Interpreter::Flow Interpreter::run_loop(const Statement& s, const ScopePtr& scope, const Value& items, int depth, Text& out) {
  const auto loop = std::make_shared<Loop>(*this, s, scope, items_of(items), depth);
  while (loop->advance()) {
    spend(1);
    const ScopePtr inside = inner(scope);
    inside->names["loop"] = Value::object(loop);
    assign(*s.target, loop->current(), inside);
    if (run(s.bodies[0], inside, out) == Flow::leave_loop) break;
  }
  const bool none = loop->index0 < 0;
  loop->drop();
  if (none && s.bodies.size() > 1) return run(s.bodies[1], inner(scope), out);
  return Flow::on;
}

Value Interpreter::macro_of(const Statement& s, const ScopePtr& scope) {
  const auto macro = std::make_shared<Macro>(*this, s, scope);
  keep(macro);
  return Value::object(macro);
}

void Interpreter::assign(const Expression& target, const Value& value, const ScopePtr& scope) {
  if (target.kind == EK::name) {
    scope->names[target.text] = value;
  } else if (target.kind == EK::attribute) {
    Expression name;
    name.text = target.text;
    Namespace* space = name_value(name, scope.get()).as<Namespace>();
    if (!space) fail("cannot assign attribute on non-namespace object");
    space->set(target.names[0], value);
  } else {
    const std::vector<Value> items = items_of(value);
    const size_t count = target.items.size();
    if (items.size() < count) fail("not enough values to unpack (expected " + std::to_string(count) + ", got " + std::to_string(items.size()) + ")");
    if (items.size() > count) fail("too many values to unpack (expected " + std::to_string(count) + ")");
    for (size_t i = 0; i < count; ++i) assign(*target.items[i], items[i], scope);
  }
}

}  // namespace orrery::chat
