// Runs a template over its variables, within limits: a template is code from strangers. It reads what it is given and
// nothing else, and a hostile one ends with an error, soon.
//
//   Interpreter run(body, "chat_template.jinja", variables, limits, now);
//   Text prompt = run.render();                  // throws Error with line and column
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "chat/registry.h"
#include "chat/syntax.h"

namespace orrery::chat {

struct Limits {
  int64_t steps = 10'000'000;       // expressions, rounds of loops, items made, and every 32 bytes of text made
  size_t output = size_t(64) << 20; // bytes of the prompt
  int depth = 700;                  // calls and expressions within one another
};

// Names of one block; a loop's body gets a new one each round, an {% if %} none.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string, Value> names;
};
using ScopePtr = std::shared_ptr<Scope>;

class Interpreter {
 public:
  Interpreter(const Body& body, std::string name, const Dict& variables, const Limits& limits, const std::tm& now);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  Text render();

  // For filters, tests, methods and functions.
  const std::tm& now() const { return now_; }
  void spend(int64_t steps);
  Value made(Text text);                                  // a new text, paid for
  Value made(std::vector<Value> items, Sequence::Kind kind = Sequence::Kind::list);
  Value generator(std::vector<Value> items);              // to be gone through once
  std::vector<Value> items_of(const Value& value);        // what a loop over it sees; throws Error where there is no such thing
  Value member(const Value& value, const std::string& name);
  Value item(const Value& value, const Value& key);
  Value call(const Value& callee, Call& call);
  Text printed(const Value& value);                       // as {{ }} prints it, paid for
  bool same(const Value& a, const Value& b);              // a == b, paid for
  bool before(const Value& a, const Value& b, std::string_view op = "<");
  bool contains(const Value& container, const Value& value);
  void keep(std::shared_ptr<Object> object);              // whose contents are dropped at the end: they may form circles

 private:
  friend struct Loop;
  friend struct Macro;
  enum class Flow { on, leave_loop, next_round };
  struct Depth;

  Value evaluate(const Expression& e, const ScopePtr& scope);
  Value evaluate_inside(const Expression& e, const ScopePtr& scope);
  Value name_value(const Expression& e, const Scope* scope);
  Value call_value(const Expression& e, const ScopePtr& scope);
  Value filtered(const Expression& e, const Value* subject, const ScopePtr& scope);
  Value sliced(const Value& value, const Expression& slice, const ScopePtr& scope);
  Value compared(const Expression& e, const ScopePtr& scope);
  void add_arguments(Call& call, const Expression& e, const ScopePtr& scope);

  Flow run(const Body& body, const ScopePtr& scope, Text& out);
  Flow run(const Statement& s, const ScopePtr& scope, Text& out);
  Flow run_loop(const Statement& s, const ScopePtr& scope, const Value& items, int depth, Text& out);
  Value macro_of(const Statement& s, const ScopePtr& scope);
  void assign(const Expression& target, const Value& value, const ScopePtr& scope);
  ScopePtr inner(const ScopePtr& parent);
  void emit(Text& out, const Text& text);
  Text captured(const Body& body, const ScopePtr& scope);

  const Body& body_;
  std::string name_;
  Limits limits_;
  std::tm now_;
  int64_t steps_ = 0;
  int depth_ = 0;
  ScopePtr globals_;
  std::vector<std::shared_ptr<Object>> kept_;
};

}  // namespace orrery::chat
