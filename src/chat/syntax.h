// What a template says: statements and expressions, as the parser found them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chat/lexer.h"
#include "chat/value.h"

namespace orrery::chat {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Body = std::vector<std::unique_ptr<Statement>>;

// f(a, key=b, *c, **d)
struct Argument {
  enum class Kind { plain, named, list, mapping };
  Kind kind = Kind::plain;
  std::string name;
  ExpressionPtr value;
};

struct Expression {
  enum class Kind {
    constant,     // value
    name,         // text
    list,         // items
    tuple,        // items
    dict,         // items: key, value, key, value, …
    member,       // items[0].text
    item,         // items[0][items[1]]
    slice,        // items[0 to 2], null where absent: the argument of `item`
    call,         // items[0](arguments)
    filter,       // items[0] | text(arguments); items[0] is null in {% filter %} and {% set %}
    test,         // items[0] is text(arguments)
    unary,        // text items[0]: not - +
    binary,       // items[0] text items[1]: + - * / // % ** and or
    concat,       // items joined by ~
    compare,      // items[0] operators[0] items[1] operators[1] …
    conditional,  // items[1] if items[0] else items[2], which may be null
    attribute,    // text.names[0]: where {% set %} may write in a namespace
  };
  Kind kind = Kind::constant;
  Place at;
  int height = 1;   // of the tree below: refused where too high, so that everything may recurse
  std::string text;
  Value value;
  std::vector<ExpressionPtr> items;
  std::vector<Argument> arguments;
  std::vector<std::string> names;
};

struct Parameter {
  std::string name;
  ExpressionPtr value;   // null where there is no default
};

// The parameters of a macro or a {% call %}, and which of the names that Jinja fills by itself its body reads.
struct Signature {
  std::vector<Parameter> parameters;
  bool reads_caller = false, reads_named = false, reads_rest = false;
};

struct Statement {
  enum class Kind {
    text,           // text
    print,          // expressions
    branch,         // expressions[i] guards bodies[i]; one body more is the else
    loop,           // target, expressions: what to go through, the test or null; bodies: the loop, the else
    set,            // target = expressions[0]
    set_block,      // target = bodies[0], through the filter expressions[0] or null
    macro,          // text(signature): bodies[0]
    call,           // expressions[0] is the call, bodies[0] its caller(signature)
    filter,         // bodies[0] through expressions[0]
    with,           // targets[i] = expressions[i] in bodies[0]
    generation,     // bodies[0] is what a model wrote
    block,          // bodies[0], in a scope of its own
    break_loop,
    continue_loop,
  };
  Kind kind = Kind::text;
  Place at;
  std::string text;
  ExpressionPtr target;
  std::vector<ExpressionPtr> targets, expressions;
  std::vector<Body> bodies;
  Signature signature;
  bool recursive = false;
};

}  // namespace orrery::chat
