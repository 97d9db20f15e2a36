#include "chat/value.h"

#include <cmath>

#include "chat/failure.h"

namespace orrery::chat {
namespace {

// Deep values are refused where they are made, so that everything that walks them may recurse.
int checked_depth(int depth) {
  if (depth > Value::kMaxDepth) fail("values nest deeper than " + std::to_string(Value::kMaxDepth));
  return depth;
}

constexpr int64_t kMaxWeight = int64_t(1) << 50;

// A number with its digits, for equality of what may be larger than any type.
bool equal_numbers(const Value& a, const Value& b) {
  if (const BigInteger* x = a.as_big()) {
    const BigInteger* y = b.as_big();
    return y != nullptr && x->digits == y->digits;
  }
  const auto i = a.as_integer(), j = b.as_integer();
  if (i && j) return *i == *j;
  const auto x = a.as_number(), y = b.as_number();
  if (!x || !y) return false;
  if (!i && !j) return *x == *y;
  // An integer and a real: equal only where the real is that very integer.
  const double real = i ? *y : *x;
  return real == std::floor(real) && std::abs(real) < 9e18 && int64_t(real) == (i ? *i : *j);
}

}  // namespace

std::optional<Value> Object::member(const std::string&) { return std::nullopt; }

Value::Value() : Value(undefined("a value is undefined")) {}
Value Value::undefined(std::string message) { return Value(Data(std::make_shared<const Undefined>(Undefined{std::move(message)}))); }

Value Value::list(std::vector<Value> items, Sequence::Kind kind) {
  Sequence sequence{kind, std::move(items), 1, {}, 1};
  for (const Value& item : sequence.items) {
    sequence.depth = std::max(sequence.depth, 1 + item.depth());
    sequence.weight = std::min(kMaxWeight, sequence.weight + item.weight());
  }
  checked_depth(sequence.depth);
  return Value(Data(std::make_shared<const Sequence>(std::move(sequence))));
}

Value Value::range(std::vector<Value> items, std::string shown) {
  const auto weight = int64_t(items.size());
  return Value(Data(std::make_shared<const Sequence>(Sequence{Sequence::Kind::range, std::move(items), 1, std::move(shown), int64_t(1) + weight})));
}

Value Value::dict(Dict dict) {
  dict.weight = 1;
  for (const auto& [key, value] : dict.items) {
    dict.depth = std::max({dict.depth, 1 + key.depth(), 1 + value.depth()});
    dict.weight = std::min(kMaxWeight, dict.weight + key.weight() + value.weight());
  }
  checked_depth(dict.depth);
  return Value(Data(std::make_shared<const Dict>(std::move(dict))));
}

Value Value::object(std::shared_ptr<Object> object) {
  checked_depth(object->depth);
  return Value(Data(std::move(object)));
}

const Value* Dict::find(std::string_view key) const {
  const auto found = places.find("s" + std::string(key));
  return found == places.end() ? nullptr : &items[found->second].second;
}

const Value* Dict::find(const Value& key) const {
  const std::optional<std::string> text = key_text(key);
  if (!text) fail("unhashable type: '" + type_name(key) + "'");
  const auto found = places.find(*text);
  return found == places.end() ? nullptr : &items[found->second].second;
}

void Dict::set(const Value& key, Value value) {
  const std::optional<std::string> text = key_text(key);
  if (!text) fail("unhashable type: '" + type_name(key) + "'");
  const auto [place, is_new] = places.emplace(*text, items.size());
  if (is_new) items.emplace_back(key, std::move(value));
  else items[place->second].second = std::move(value);
}

std::optional<int64_t> Value::as_integer() const {
  if (const auto* i = std::get_if<int64_t>(&data_)) return *i;
  if (const bool* b = as_bool()) return *b ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::as_number() const {
  if (const double* d = as_real()) return *d;
  if (const auto i = as_integer()) return double(*i);
  return std::nullopt;
}

const Sequence* Value::as_list() const {
  const Sequence* sequence = as_sequence();
  return sequence && (sequence->kind == Sequence::Kind::list || sequence->kind == Sequence::Kind::tuple) ? sequence : nullptr;
}

Object* Value::as_object() const {
  const auto* found = std::get_if<std::shared_ptr<Object>>(&data_);
  return found ? found->get() : nullptr;
}

std::shared_ptr<Object> Value::object_pointer() const { return std::get<std::shared_ptr<Object>>(data_); }

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (const auto i = as_integer()) return *i != 0;
  if (const double* d = as_real()) return *d != 0;
  if (const Text* text = as_text()) return !text->empty();
  if (const Sequence* sequence = as_sequence()) return !sequence->items.empty();
  if (const Dict* dict = as_dict()) return !dict->items.empty();
  return true;
}

int Value::depth() const {
  if (const Sequence* sequence = as_sequence()) return sequence->depth;
  if (const Dict* dict = as_dict()) return dict->depth;
  if (const Object* object = as_object()) return object->depth;
  return 0;
}

int64_t Value::weight() const {
  if (const Text* text = as_text()) return 1 + int64_t(text->size() / 32);
  if (const BigInteger* big = as_big()) return 1 + int64_t(big->digits.size() / 32);
  if (const Sequence* sequence = as_sequence()) return sequence->weight;
  if (const Dict* dict = as_dict()) return dict->weight;
  return 1;
}

const void* Value::identity() const {
  if (const Text* text = as_text()) return text;
  if (const Sequence* sequence = as_sequence()) return sequence;
  if (const Dict* dict = as_dict()) return dict;
  return as_object();
}

std::optional<std::string> key_text(const Value& value) {
  if (const Text* text = value.as_text()) return "s" + text->bytes;
  if (value.is_none()) return "n";
  if (const auto i = value.as_integer()) return "i" + std::to_string(*i);
  if (const BigInteger* big = value.as_big()) return "i" + big->digits;
  if (const double* d = value.as_real()) {
    if (*d == std::floor(*d) && std::abs(*d) < 9e18) return "i" + std::to_string(int64_t(*d));
    return "d" + std::to_string(*d) + "/" + std::to_string(std::hash<double>()(*d));
  }
  if (value.is_undefined()) return "u";
  if (const Sequence* tuple = value.as_sequence(); tuple && tuple->kind == Sequence::Kind::tuple) {
    std::string all = "t";
    for (const Value& item : tuple->items) {
      const std::optional<std::string> key = key_text(item);
      if (!key) return std::nullopt;
      all += std::to_string(key->size()) + ":" + *key;
    }
    return all;
  }
  if (const Object* object = value.as_object()) return "o" + std::to_string(reinterpret_cast<uintptr_t>(object));
  return std::nullopt;
}

std::string type_name(const Value& value) {
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "NoneType";
  if (value.as_bool()) return "bool";
  if (value.as_integer() || value.as_big()) return "int";
  if (value.as_real()) return "float";
  if (const Text* text = value.as_text()) return text->safe ? "Markup" : "str";
  if (value.as_dict()) return "dict";
  if (const Sequence* sequence = value.as_sequence()) {
    switch (sequence->kind) {
      case Sequence::Kind::list: return "list";
      case Sequence::Kind::tuple: return "tuple";
      case Sequence::Kind::range: return "range";
      case Sequence::Kind::keys: return "dict_keys";
      case Sequence::Kind::values: return "dict_values";
      case Sequence::Kind::items: return "dict_items";
    }
  }
  return value.as_object()->type_name();
}

std::string object_type_name(const Value& value) { return value.is_none() ? "None" : type_name(value) + " object"; }

bool equal(const Value& a, const Value& b) {
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.as_text() || b.as_text()) return a.as_text() && b.as_text() && a.as_text()->bytes == b.as_text()->bytes;
  if (const Dict* x = a.as_dict()) {
    const Dict* y = b.as_dict();
    if (y == nullptr || x->items.size() != y->items.size()) return false;
    for (const auto& [key, value] : x->items) {
      const Value* other = y->find(key);
      if (other == nullptr || !equal(value, *other)) return false;
    }
    return true;
  }
  if (const Sequence* x = a.as_sequence()) {
    const Sequence* y = b.as_sequence();
    if (y == nullptr || x->kind != y->kind || x->items.size() != y->items.size()) return false;
    for (size_t i = 0; i < x->items.size(); ++i)
      if (!equal(x->items[i], y->items[i])) return false;
    return true;
  }
  if (a.as_object() || b.as_object()) return a.as_object() == b.as_object();
  return equal_numbers(a, b);
}

bool less(const Value& a, const Value& b, std::string_view op) {
  for (const Value* v : {&a, &b})
    if (v->is_undefined()) fail(v->undefined_message());
  if (a.as_text() && b.as_text()) return a.as_text()->bytes < b.as_text()->bytes;   // UTF-8 orders as code points do
  const auto x = a.as_integer(), y = b.as_integer();
  if (x && y) return *x < *y;
  const auto p = a.as_number(), q = b.as_number();
  if (p && q) return *p < *q;
  const Sequence *s = a.as_list(), *t = b.as_list();
  if (s && t && s->kind == t->kind) {
    for (size_t i = 0; i < std::min(s->items.size(), t->items.size()); ++i)
      if (!equal(s->items[i], t->items[i])) return less(s->items[i], t->items[i], op);
    return s->items.size() < t->items.size();
  }
  fail("'" + std::string(op) + "' not supported between instances of '" + type_name(a) + "' and '" + type_name(b) + "'");
}

}  // namespace orrery::chat
