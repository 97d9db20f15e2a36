// The half of the parser that reads expressions: precedence from `if … else` down to names, as Jinja has it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "chat/syntax.h"

namespace orrery::chat {

class ExpressionParser {
 protected:
  ExpressionParser(std::vector<Token> tokens, std::string_view name) : tokens_(std::move(tokens)), template_name_(name) {}

  using Words = std::initializer_list<std::string_view>;

  // An expression, or several as a tuple. `until` are words that end it, for a trailing comma.
  ExpressionPtr tuple(bool with_conditional = true, Words until = {}, bool in_parentheses = false);
  ExpressionPtr expression(bool with_conditional = true);
  ExpressionPtr filters(ExpressionPtr subject, bool starts_with_name);
  ExpressionPtr target(Words until = {}, bool with_attributes = false);   // what may be assigned to
  std::string plain_name();                                               // of a macro, a parameter

  const Token& now() const { return tokens_[at_]; }
  const Token& after() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token next() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  bool is_op(std::string_view op) const { return now().kind == Token::Kind::op && now().text == op; }
  bool is_word(std::string_view word) const { return now().kind == Token::Kind::name && now().text == word; }
  bool skip_op(std::string_view op);
  bool skip_word(std::string_view word);
  void expect_op(std::string_view op);
  [[noreturn]] void fail_at(const std::string& what, Place at) const;

  // What the innermost macro's body reads of the names that Jinja fills by itself.
  Signature* signature_ = nullptr;
  // Unknown filters and tests so far. Inside {% if %} and `a if b` they are errors only when they are reached.
  std::vector<std::pair<std::string, Place>> unknown_;

  struct Nesting {   // counts levels of recursion, and refuses too many
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser.nesting_; }
    ExpressionParser& parser;
  };

 private:
  ExpressionPtr conditional();
  ExpressionPtr either();
  ExpressionPtr both();
  ExpressionPtr negation();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters = true);
  ExpressionPtr primary(bool with_attributes = false);
  ExpressionPtr postfix(ExpressionPtr subject);
  ExpressionPtr filters_and_tests(ExpressionPtr subject);
  ExpressionPtr subscript(ExpressionPtr subject);
  ExpressionPtr subscribed();
  ExpressionPtr test(ExpressionPtr subject);
  ExpressionPtr list();
  ExpressionPtr dict();
  std::vector<Argument> arguments();
  std::string dotted_name();
  ExpressionPtr binary(std::string op, ExpressionPtr left, ExpressionPtr right, Place at);
  ExpressionPtr make(Expression::Kind kind, Place at) const;
  ExpressionPtr finish(ExpressionPtr made) const;   // sets its height

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int nesting_ = 0;
  std::string template_name_;
};

}  // namespace orrery::chat
