#include "chat/expression_parser.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "chat/registry.h"

namespace orrery::chat {
namespace {

using Kind = Expression::Kind;
constexpr int kMaxNesting = 150, kMaxHeight = 300;

// Digits of base 2, 8, 10 or 16, as a decimal integer of any size.
Value integer_value(const std::string& text) {
  const char base_letter = text.size() > 2 && text[0] == '0' ? char(text[1] | 0x20) : ' ';
  const int base = base_letter == 'x' ? 16 : base_letter == 'o' ? 8 : base_letter == 'b' ? 2 : 10;
  errno = 0;
  const long long value = std::strtoll(text.c_str() + (base == 10 ? 0 : 2), nullptr, base);
  return errno == 0 ? Value::integer(value) : Value::big(text);
}

}  // namespace

ExpressionParser::Nesting::Nesting(ExpressionParser& p) : parser(p) {
  if (parser.nesting_ >= kMaxNesting) parser.fail_at("the template nests deeper than " + std::to_string(kMaxNesting), parser.now().at);
  ++parser.nesting_;
}

void ExpressionParser::fail_at(const std::string& what, Place at) const { throw Error{ErrorKind::bad_file, what, where_text(template_name_, at)}; }

bool ExpressionParser::skip_op(std::string_view op) {
  if (!is_op(op)) return false;
  next();
  return true;
}
bool ExpressionParser::skip_word(std::string_view word) {
  if (!is_word(word)) return false;
  next();
  return true;
}
void ExpressionParser::expect_op(std::string_view op) {
  if (!skip_op(op)) fail_at("expected '" + std::string(op) + "', got " + describe_token(now()), now().at);
}
std::string ExpressionParser::plain_name() {
  if (now().kind != Token::Kind::name) fail_at("expected a name, got " + describe_token(now()), now().at);
  return next().text;
}

ExpressionPtr ExpressionParser::make(Kind kind, Place at) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->at = at;
  return made;
}

ExpressionPtr ExpressionParser::finish(ExpressionPtr made) const {
  for (const ExpressionPtr& item : made->items)
    if (item) made->height = std::max(made->height, 1 + item->height);
  for (const Argument& argument : made->arguments) made->height = std::max(made->height, 1 + argument.value->height);
  if (made->height > kMaxHeight) fail_at("the expression has more than " + std::to_string(kMaxHeight) + " levels", made->at);
  return made;
}

ExpressionPtr ExpressionParser::binary(std::string op, ExpressionPtr left, ExpressionPtr right, Place at) {
  ExpressionPtr made = make(Kind::binary, at);
  made->text = std::move(op);
  made->items.push_back(std::move(left));
  made->items.push_back(std::move(right));
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::tuple(bool with_conditional, Words until, bool in_parentheses) {
  const Place at = now().at;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) expect_op(",");
    const bool ends = now().kind == Token::Kind::print_end || now().kind == Token::Kind::block_end || is_op(")") ||
                      std::any_of(until.begin(), until.end(), [&](std::string_view word) { return is_word(word); });
    if (ends) break;
    items.push_back(expression(with_conditional));
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!in_parentheses) fail_at("expected an expression, got " + describe_token(now()), now().at);
  }
  ExpressionPtr made = make(Kind::tuple, at);
  made->items = std::move(items);
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::target(Words until, bool with_attributes) {
  const Place at = now().at;
  const auto assignable = [&](const Expression& e) {
    if (e.kind == Kind::name || e.kind == Kind::attribute) return;
    if (e.kind == Kind::tuple) return;   // its items were checked as they were read
    fail_at("this cannot be assigned to", e.at);
  };
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  while (true) {
    if (!items.empty()) expect_op(",");
    if (now().kind == Token::Kind::block_end || is_op(")") || std::any_of(until.begin(), until.end(), [&](std::string_view word) { return is_word(word); })) break;
    if (is_op("(")) {
      const Nesting nesting(*this);
      next();
      items.push_back(target({}, with_attributes));
      expect_op(")");
    } else {
      items.push_back(primary(with_attributes));
    }
    assignable(*items.back());
    if (!is_op(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (items.empty()) fail_at("expected a name, got " + describe_token(now()), now().at);
    return std::move(items.front());
  }
  ExpressionPtr made = make(Kind::tuple, at);
  made->items = std::move(items);
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::expression(bool with_conditional) {
  const Nesting nesting(*this);
  return with_conditional ? conditional() : either();
}

ExpressionPtr ExpressionParser::conditional() {
  const Place at = now().at;
  const size_t known = unknown_.size();
  ExpressionPtr value = either();
  while (skip_word("if")) {
    ExpressionPtr made = make(Kind::conditional, at);
    made->items.push_back(either());
    made->items.push_back(std::move(value));
    if (skip_word("else")) {
      const Nesting nesting(*this);
      made->items.push_back(conditional());
    } else {
      made->items.push_back(nullptr);
    }
    value = finish(std::move(made));
    unknown_.resize(known);
  }
  return value;
}

ExpressionPtr ExpressionParser::either() {
  ExpressionPtr left = both();
  while (is_word("or")) {
    const Place at = next().at;
    left = binary("or", std::move(left), both(), at);
  }
  return left;
}

ExpressionPtr ExpressionParser::both() {
  ExpressionPtr left = negation();
  while (is_word("and")) {
    const Place at = next().at;
    left = binary("and", std::move(left), negation(), at);
  }
  return left;
}

ExpressionPtr ExpressionParser::negation() {
  if (!is_word("not")) return comparison();
  const Nesting nesting(*this);
  ExpressionPtr made = make(Kind::unary, next().at);
  made->text = "not";
  made->items.push_back(negation());
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::comparison() {
  constexpr std::array<std::string_view, 6> kOps = {"==", "!=", "<", "<=", ">", ">="};
  const Place at = now().at;
  std::vector<ExpressionPtr> items;
  std::vector<std::string> ops;
  items.push_back(sum());
  while (true) {
    if (now().kind == Token::Kind::op && std::find(kOps.begin(), kOps.end(), now().text) != kOps.end()) {
      ops.push_back(next().text);
    } else if (is_word("in")) {
      next();
      ops.push_back("in");
    } else if (is_word("not") && after().kind == Token::Kind::name && after().text == "in") {
      next();
      next();
      ops.push_back("not in");
    } else {
      break;
    }
    items.push_back(sum());
  }
  if (ops.empty()) return std::move(items.front());
  ExpressionPtr made = make(Kind::compare, at);
  made->items = std::move(items);
  made->names = std::move(ops);
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (is_op("+") || is_op("-")) {
    const Token op = next();
    left = binary(op.text, std::move(left), concatenation(), op.at);
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  const Place at = now().at;
  std::vector<ExpressionPtr> items;
  items.push_back(product());
  while (skip_op("~")) items.push_back(product());
  if (items.size() == 1) return std::move(items.front());
  ExpressionPtr made = make(Kind::concat, at);
  made->items = std::move(items);
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = power();
  while (is_op("*") || is_op("/") || is_op("//") || is_op("%")) {
    const Token op = next();
    left = binary(op.text, std::move(left), power(), op.at);
  }
  return left;
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr left = unary();
  while (is_op("**")) {
    const Place at = next().at;
    left = binary("**", std::move(left), unary(), at);
  }
  return left;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  ExpressionPtr made;
  if (is_op("-") || is_op("+")) {
    const Nesting nesting(*this);
    made = make(Kind::unary, now().at);
    made->text = next().text;
    made->items.push_back(unary(false));
    made = finish(std::move(made));
  } else {
    made = primary();
  }
  made = postfix(std::move(made));
  return with_filters ? filters_and_tests(std::move(made)) : std::move(made);
}

ExpressionPtr ExpressionParser::primary(bool with_attributes) {
  const Token token = now();
  ExpressionPtr made = make(Kind::constant, token.at);
  switch (token.kind) {
    case Token::Kind::name:
      next();
      if (token.text == "true" || token.text == "True") made->value = Value::boolean(true);
      else if (token.text == "false" || token.text == "False") made->value = Value::boolean(false);
      else if (token.text == "none" || token.text == "None") made->value = Value::none();
      else if (with_attributes && skip_op(".")) {
        made->kind = Kind::attribute;
        made->text = token.text;
        made->names.push_back(plain_name());
      } else {
        made->kind = Kind::name;
        made->text = token.text;
        if (signature_) {
          signature_->reads_caller |= token.text == "caller";
          signature_->reads_named |= token.text == "kwargs";
          signature_->reads_rest |= token.text == "varargs";
        }
      }
      return made;
    case Token::Kind::string: {
      std::string text;
      while (now().kind == Token::Kind::string) text += next().text;
      made->value = Value::text(text);
      return made;
    }
    case Token::Kind::integer: made->value = integer_value(next().text); return made;
    case Token::Kind::real: made->value = Value::real(std::strtod(next().text.c_str(), nullptr)); return made;
    default: break;
  }
  if (is_op("(")) {
    next();
    const Nesting nesting(*this);
    ExpressionPtr inner = tuple(true, {}, true);
    expect_op(")");
    return inner;
  }
  if (is_op("[")) return list();
  if (is_op("{")) return dict();
  fail_at("unexpected " + describe_token(token), token.at);
}

ExpressionPtr ExpressionParser::list() {
  ExpressionPtr made = make(Kind::list, next().at);
  while (!is_op("]")) {
    if (!made->items.empty()) expect_op(",");
    if (is_op("]")) break;
    made->items.push_back(expression());
  }
  next();
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::dict() {
  ExpressionPtr made = make(Kind::dict, next().at);
  while (!is_op("}")) {
    if (!made->items.empty()) expect_op(",");
    if (is_op("}")) break;
    made->items.push_back(expression());
    expect_op(":");
    made->items.push_back(expression());
  }
  next();
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr subject) {
  while (true) {
    if (is_op(".") || is_op("[")) {
      subject = subscript(std::move(subject));
    } else if (is_op("(")) {
      ExpressionPtr made = make(Kind::call, now().at);
      made->items.push_back(std::move(subject));
      made->arguments = arguments();
      subject = finish(std::move(made));
    } else {
      return subject;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr subject) {
  const Token token = next();
  if (token.text == ".") {
    const Token name = next();
    if (name.kind == Token::Kind::name) {
      ExpressionPtr made = make(Kind::member, token.at);
      made->text = name.text;
      made->items.push_back(std::move(subject));
      return finish(std::move(made));
    }
    if (name.kind != Token::Kind::integer) fail_at("expected a name or a number, got " + describe_token(name), name.at);
    ExpressionPtr made = make(Kind::item, token.at), index = make(Kind::constant, name.at);
    index->value = integer_value(name.text);
    made->items.push_back(std::move(subject));
    made->items.push_back(std::move(index));
    return finish(std::move(made));
  }
  std::vector<ExpressionPtr> indices;
  while (!is_op("]")) {
    if (!indices.empty()) expect_op(",");
    indices.push_back(subscribed());
  }
  next();
  ExpressionPtr made = make(Kind::item, token.at);
  made->items.push_back(std::move(subject));
  if (indices.size() == 1) {
    made->items.push_back(std::move(indices.front()));
  } else {
    ExpressionPtr several = make(Kind::tuple, token.at);
    several->items = std::move(indices);
    made->items.push_back(finish(std::move(several)));
  }
  return finish(std::move(made));
}

ExpressionPtr ExpressionParser::subscribed() {
  const Place at = now().at;
  ExpressionPtr begin;
  if (!is_op(":")) {
    begin = expression();
    if (!is_op(":")) return begin;
  }
  next();
  const auto bound = [&]() -> ExpressionPtr { return is_op(":") || is_op("]") || is_op(",") ? nullptr : expression(); };
  ExpressionPtr end = bound(), step;
  if (skip_op(":")) step = bound();
  ExpressionPtr made = make(Kind::slice, at);
  made->items.push_back(std::move(begin));
  made->items.push_back(std::move(end));
  made->items.push_back(std::move(step));
  return finish(std::move(made));
}

std::vector<Argument> ExpressionParser::arguments() {
  const Place at = next().at;
  std::vector<Argument> all;
  bool list = false, mapping = false, named = false;
  const auto ensure = [&](bool fine) {
    if (!fine) fail_at("invalid syntax for function call expression", at);
  };
  while (!is_op(")")) {
    if (!all.empty()) {
      expect_op(",");
      if (is_op(")")) break;
    }
    Argument argument;
    if (skip_op("*")) {
      ensure(!list && !mapping);
      list = true;
      argument.kind = Argument::Kind::list;
    } else if (skip_op("**")) {
      ensure(!mapping);
      mapping = true;
      argument.kind = Argument::Kind::mapping;
    } else if (now().kind == Token::Kind::name && after().kind == Token::Kind::op && after().text == "=") {
      ensure(!mapping);
      named = true;
      argument.kind = Argument::Kind::named;
      argument.name = next().text;
      next();
    } else {
      ensure(!list && !mapping && !named);
    }
    argument.value = expression();
    all.push_back(std::move(argument));
  }
  next();
  return all;
}

std::string ExpressionParser::dotted_name() {
  std::string name = plain_name();
  while (skip_op(".")) name += "." + plain_name();
  return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr subject, bool starts_with_name) {
  while (starts_with_name || skip_op("|")) {
    starts_with_name = false;
    ExpressionPtr made = make(Kind::filter, now().at);
    made->text = dotted_name();
    if (!find_filter(made->text)) unknown_.emplace_back("No filter named '" + made->text + "'.", made->at);
    if (is_op("(")) made->arguments = arguments();
    made->items.push_back(std::move(subject));
    subject = finish(std::move(made));
  }
  return subject;
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr subject) {
  while (true) {
    if (is_op("|")) subject = filters(std::move(subject), false);
    else if (is_word("is")) subject = test(std::move(subject));
    else if (is_op("(")) subject = postfix(std::move(subject));
    else return subject;
  }
}

ExpressionPtr ExpressionParser::test(ExpressionPtr subject) {
  ExpressionPtr made = make(Kind::test, next().at);
  const bool negated = skip_word("not");
  made->text = dotted_name();
  if (!find_test(made->text)) unknown_.emplace_back("No test named '" + made->text + "'.", made->at);
  made->items.push_back(std::move(subject));
  if (is_op("(")) {
    made->arguments = arguments();
  } else {
    const Token::Kind kind = now().kind;
    const bool literal = kind == Token::Kind::string || kind == Token::Kind::integer || kind == Token::Kind::real || is_op("[") || is_op("{");
    const bool word = kind == Token::Kind::name && !is_word("else") && !is_word("or") && !is_word("and");
    if (is_word("is")) fail_at("You cannot chain multiple tests with is", now().at);
    if (literal || word) {
      Argument argument;
      argument.value = postfix(primary());
      made->arguments.push_back(std::move(argument));
    }
  }
  made = finish(std::move(made));
  if (!negated) return made;
  ExpressionPtr opposite = make(Kind::unary, made->at);
  opposite->text = "not";
  opposite->items.push_back(std::move(made));
  return finish(std::move(opposite));
}

}  // namespace orrery::chat
