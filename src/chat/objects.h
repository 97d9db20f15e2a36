// Values with state or behaviour: what may be called, and what {% set ns.x = … %} may change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat/interpreter.h"

namespace orrery::chat {

struct Applicable : Object {
  virtual Value apply(Call& call) = 0;
};

struct Function : Applicable {
  Function(std::string n, Callable c) : name(std::move(n)), callable(c) {}
  std::string type_name() const override { return "function"; }
  Value apply(Call& call) override { return callable(call); }
  std::string name;
  Callable callable;
};

// value.method: the value becomes the first argument.
struct BoundMethod : Applicable {
  BoundMethod(Value v, Callable c) : self(std::move(v)), callable(c) { depth = 1 + self.depth(); }
  std::string type_name() const override { return "builtin_function_or_method"; }
  Value apply(Call& call) override {
    call.args.insert(call.args.begin(), self);
    return callable(call);
  }
  Value self;
  Callable callable;
};

struct Namespace : Object {
  std::string type_name() const override { return "Namespace"; }
  std::optional<Value> member(const std::string& name) override;
  void set(const std::string& name, Value value);   // throws Error for names with a leading underscore
  void drop() override { attributes = {}; }
  Dict attributes;
};

// What filters like `select` give: it can be gone through once, and has no length.
struct Generator : Object {
  explicit Generator(std::vector<Value> values) : items(std::move(values)) {
    for (const Value& item : items) depth = std::max(depth, 1 + item.depth());
  }
  std::string type_name() const override { return "generator"; }
  std::vector<Value> rest();
  std::vector<Value> items;
  size_t next = 0;
};

struct Macro : Applicable {
  Macro(Interpreter& r, const Statement& s, ScopePtr around) : run(r), statement(s), scope(std::move(around)) {}
  std::string type_name() const override { return "Macro"; }
  std::string shown() const override { return "<Macro " + (statement.text.empty() ? "anonymous" : "'" + statement.text + "'") + ">"; }
  std::optional<Value> member(const std::string& name) override;
  Value apply(Call& call) override;
  void drop() override { scope.reset(); }
  Interpreter& run;
  const Statement& statement;
  ScopePtr scope;
};

// The variable `loop`: where a loop stands. Looks one item ahead only where asked to, as a test of the loop may depend on its body.
struct Loop : Applicable {
  Loop(Interpreter& r, const Statement& s, ScopePtr around, std::vector<Value> values, int level);
  std::string type_name() const override { return "LoopContext"; }
  std::optional<Value> member(const std::string& name) override;
  Value apply(Call& call) override;   // loop(children), of a recursive one
  bool advance();
  void drop() override;               // when the loop is over
  const Value& current() const { return *current_; }
  int64_t index0 = -1;
  std::vector<Value> changed;         // what loop.changed() saw last
  bool saw_change = false;

 private:
  std::optional<Value> pull();
  bool peek();
  int64_t length();

  Interpreter& run_;
  const Statement& statement_;
  ScopePtr scope_;
  std::vector<Value> items_;
  size_t next_ = 0;
  int level_;
  bool tested_ = false;
  std::optional<int64_t> length_;
  std::optional<Value> before_, current_, after_;
};

struct Cycler : Object {
  std::string type_name() const override { return "Cycler"; }
  explicit Cycler(std::vector<Value> values) : items(std::move(values)) {
    for (const Value& item : items) depth = std::max(depth, 1 + item.depth());
  }
  std::optional<Value> member(const std::string& name) override;
  std::vector<Value> items;
  size_t at = 0;
};

struct Joiner : Applicable {
  std::string type_name() const override { return "Joiner"; }
  explicit Joiner(Value v) : separator(std::move(v)) { depth = 1 + separator.depth(); }
  Value apply(Call& call) override;
  Value separator;
  bool used = false;
};

}  // namespace orrery::chat
