// The values of a template: Python's, as far as templates see them. Texts, lists and mappings never change once made (the
// sandbox of the reference allows no change either); only objects (a namespace, a loop, a macro) have state.
//
//   Value v = Value::text(Text::from_input("Hi"));
//   if (const Text* text = v.as_text()) …
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "chat/text.h"

namespace orrery::chat {

class Value;
struct Object;

// Nothing, and why: "'tools' is undefined". Prints as "", is false and empty; anything else is an error with this message.
struct Undefined {
  std::string message;
};

// An integer beyond 64 bits: it prints and compares, and nothing else.
struct BigInteger {
  std::string digits;
};

// Values in a row, under the several names that Python has for that.
struct Sequence {
  enum class Kind { list, tuple, range, keys, values, items };
  Kind kind = Kind::list;
  std::vector<Value> items;
  int depth = 1;       // of containers within containers
  std::string range;   // how a range prints
  int64_t weight = 1;  // see Value::weight()
};

// A mapping in the order of its insertions.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  std::unordered_map<std::string, size_t> places;   // of keys, as key_text() spells them
  int depth = 1;
  int64_t weight = 1;

  const Value* find(std::string_view key) const;   // of a text
  const Value* find(const Value& key) const;
  void set(const Value& key, Value value);         // throws Error where the key cannot be one
};

class Value {
 public:
  Value();   // undefined
  static Value undefined(std::string message);
  static Value none() { return Value(Data(None{})); }
  static Value boolean(bool b) { return Value(Data(b)); }
  static Value integer(int64_t i) { return Value(Data(i)); }
  static Value real(double d) { return Value(Data(d)); }
  static Value big(std::string digits) { return Value(Data(std::make_shared<const BigInteger>(BigInteger{std::move(digits)}))); }
  static Value text(Text text) { return Value(Data(std::make_shared<const Text>(std::move(text)))); }
  static Value text(std::string_view bytes) { return text(Text::from_template(bytes)); }
  // Throw Error where containers nest deeper than kMaxDepth.
  static Value list(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list);
  static Value range(std::vector<Value> items, std::string shown);
  static Value dict(Dict dict);
  static Value object(std::shared_ptr<Object> object);

  // JSON as the caller's: every text is marked as input. Integers beyond 64 bits keep their digits where read from text.
  static Value from_json(const Json& json);
  static Result<Value> parse_json(std::string_view text, std::string_view where, char mark = kFromInput);

  bool is_undefined() const { return std::holds_alternative<std::shared_ptr<const Undefined>>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  const std::string& undefined_message() const { return std::get<std::shared_ptr<const Undefined>>(data_)->message; }
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  std::optional<int64_t> as_integer() const;   // a bool is one too
  const double* as_real() const { return std::get_if<double>(&data_); }
  std::optional<double> as_number() const;     // integer, bool or real
  const BigInteger* as_big() const { return pointer<BigInteger>(); }
  const Text* as_text() const { return pointer<Text>(); }
  const Sequence* as_sequence() const { return pointer<Sequence>(); }
  const Sequence* as_list() const;             // a list or a tuple
  const Dict* as_dict() const { return pointer<Dict>(); }
  Object* as_object() const;
  std::shared_ptr<Object> object_pointer() const;
  template <class T>
  T* as() const {   // an object of this kind
    return dynamic_cast<T*>(as_object());
  }

  bool truthy() const;
  int depth() const;
  // What it takes to print or compare it: all values inside, each as often as it is reached, and 32 bytes of text for one.
  // (Lists that share their items can be far heavier than the memory they take.)
  int64_t weight() const;
  const void* identity() const;   // of what lies behind; null for plain numbers and words

  static constexpr int kMaxDepth = 200;

 private:
  struct None {};
  using Data = std::variant<std::shared_ptr<const Undefined>, None, bool, int64_t, double, std::shared_ptr<const BigInteger>, std::shared_ptr<const Text>, std::shared_ptr<const Sequence>,
                            std::shared_ptr<const Dict>, std::shared_ptr<Object>>;
  explicit Value(Data data) : data_(std::move(data)) {}
  template <class T>
  const T* pointer() const {
    const auto* found = std::get_if<std::shared_ptr<const T>>(&data_);
    return found ? found->get() : nullptr;
  }
  Data data_;
};

// What a template can hold besides data: functions, macros, loops, namespaces (objects.h).
struct Object : std::enable_shared_from_this<Object> {
  virtual ~Object() = default;
  virtual std::string type_name() const = 0;   // as messages name it
  virtual std::string shown() const { return "<" + type_name() + ">"; }
  virtual std::optional<Value> member(const std::string& name);   // nothing where there is none
  virtual void drop() {}                                          // lets go of what it holds
  int depth = 0;                                                  // of the values it holds for good
};

// One word for each key, equal for equal keys (1, 1.0 and true are); nothing where the value cannot be a key.
std::optional<std::string> key_text(const Value& value);

std::string type_name(const Value& value);         // Python's: "str", "NoneType"
std::string object_type_name(const Value& value);  // "list object", "dict object", "None"

bool equal(const Value& a, const Value& b);
// a < b, as Python orders; throws Error where it does not.
bool less(const Value& a, const Value& b, std::string_view op = "<");

}  // namespace orrery::chat
