#include "chat/parser.h"

#include <algorithm>

#include "chat/expression_parser.h"

namespace orrery::chat {
namespace {

using Kind = Statement::Kind;

class Parser : private ExpressionParser {
 public:
  Parser(std::vector<Token> tokens, std::string_view name) : ExpressionParser(std::move(tokens), name) {}

  Body run() {
    Body body = statements({});
    fail_on_unknown(0);
    return body;
  }

 private:
  // A word that opens a statement, and what reads the rest of it.
  struct Tag {
    std::string_view word;
    std::unique_ptr<Statement> (Parser::*read)(Place);
  };
  static const std::vector<Tag>& tags() {
    static const std::vector<Tag> all = {{"break", &Parser::break_loop}, {"call", &Parser::call},   {"continue", &Parser::continue_loop},
                                         {"block", &Parser::block},      {"filter", &Parser::filter}, {"for", &Parser::loop},
                                         {"generation", &Parser::generation}, {"if", &Parser::branch}, {"macro", &Parser::macro},
                                         {"print", &Parser::print},      {"set", &Parser::set},     {"with", &Parser::with}};
    return all;
  }

  std::unique_ptr<Statement> make(Kind kind, Place at) const {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->at = at;
    return made;
  }

  void fail_on_unknown(size_t known) const {
    if (unknown_.size() > known) fail_at(unknown_[known].first, unknown_[known].second);
  }

  // Up to one of the words, whose tag is left with that word as the next token.
  Body statements(Words until) {
    const Nesting nesting(*this);
    Body body;
    while (now().kind != Token::Kind::end) {
      const Token token = next();
      if (token.kind == Token::Kind::data) {
        body.push_back(make(Kind::text, token.at));
        body.back()->text = token.text;
      } else if (token.kind == Token::Kind::print_begin) {
        body.push_back(make(Kind::print, token.at));
        body.back()->expressions.push_back(tuple());
        expect_end(Token::Kind::print_end, "}}");
      } else {   // a block begins
        if (std::any_of(until.begin(), until.end(), [&](std::string_view word) { return is_word(word); })) return body;
        body.push_back(statement());
        expect_end(Token::Kind::block_end, "%}");
      }
    }
    if (until.size() > 0) fail_at("the template ends before '" + std::string(*(until.end() - 1)) + "'", now().at);
    return body;
  }

  void expect_end(Token::Kind kind, const char* text) {
    if (now().kind != kind) fail_at(std::string("expected '") + text + "', got " + describe_token(now()), now().at);
    next();
  }

  std::unique_ptr<Statement> statement() {
    const Token word = now();
    if (word.kind != Token::Kind::name) fail_at("expected the name of a tag, got " + describe_token(word), word.at);
    for (const Tag& tag : tags())
      if (tag.word == word.text) {
        next();
        return (this->*tag.read)(word.at);
      }
    for (const std::string_view other : {"include", "import", "from", "extends", "autoescape"})
      if (word.text == other) fail_at("{% " + word.text + " %} is not for chat templates", word.at);
    fail_at("Encountered unknown tag '" + word.text + "'.", word.at);
  }

  // The rest of a tag after which a body comes, and that body. `hard`: what it does not know is an error at once.
  Body body(Words until, bool hard) {
    skip_op(":");
    expect_end(Token::Kind::block_end, "%}");
    const size_t known = unknown_.size();
    Body read = statements(until);
    if (hard) fail_on_unknown(known);
    return read;
  }
  Body only_body(std::string_view end) {
    Body read = body({end}, true);
    next();
    return read;
  }

  std::unique_ptr<Statement> branch(Place at) {
    const size_t known = unknown_.size();
    auto made = make(Kind::branch, at);
    while (true) {
      made->expressions.push_back(tuple(false));
      made->bodies.push_back(body({"elif", "else", "endif"}, false));
      const std::string word = next().text;
      if (word == "elif") continue;
      if (word == "else") {
        made->bodies.push_back(body({"endif"}, false));
        next();
      }
      break;
    }
    unknown_.resize(known);
    return made;
  }

  std::unique_ptr<Statement> loop(Place at) {
    auto made = make(Kind::loop, at);
    const size_t known = unknown_.size();
    made->target = target({"in"});
    if (!skip_word("in")) fail_at("expected 'in', got " + describe_token(now()), now().at);
    made->expressions.push_back(tuple(false, {"recursive"}));
    made->expressions.push_back(skip_word("if") ? expression() : nullptr);
    made->recursive = skip_word("recursive");
    fail_on_unknown(known);
    ++loops_;
    made->bodies.push_back(body({"else", "endfor"}, true));
    --loops_;
    if (next().text == "else") made->bodies.push_back(only_body("endfor"));
    return made;
  }

  std::unique_ptr<Statement> break_loop(Place at) { return control(Kind::break_loop, "break", at); }
  std::unique_ptr<Statement> continue_loop(Place at) { return control(Kind::continue_loop, "continue", at); }
  std::unique_ptr<Statement> control(Kind kind, const char* word, Place at) {
    if (loops_ == 0) fail_at(std::string("'") + word + "' outside loop", at);
    return make(kind, at);
  }

  std::unique_ptr<Statement> set(Place at) {
    auto made = make(Kind::set, at);
    made->target = target({}, true);
    if (skip_op("=")) {
      made->expressions.push_back(tuple());
      return made;
    }
    made->kind = Kind::set_block;
    made->expressions.push_back(filters(nullptr, false));
    made->bodies.push_back(only_body("endset"));
    return made;
  }

  Signature signature() {
    Signature read;
    expect_op("(");
    while (!is_op(")")) {
      if (!read.parameters.empty()) expect_op(",");
      Parameter parameter;
      const Place at = now().at;
      parameter.name = plain_name();
      if (skip_op("=")) parameter.value = expression();
      else if (!read.parameters.empty() && read.parameters.back().value) fail_at("non-default argument follows default argument", at);
      read.parameters.push_back(std::move(parameter));
    }
    next();
    return read;
  }

  // The body of a macro or a caller: loops outside cannot be left from inside.
  void callable_body(Statement& made, std::string_view end) {
    Signature* const outer = std::exchange(signature_, &made.signature);
    const int loops = std::exchange(loops_, 0);
    made.bodies.push_back(only_body(end));
    loops_ = loops;
    signature_ = outer;
    if (!outer) return;
    outer->reads_caller |= made.signature.reads_caller;
    outer->reads_named |= made.signature.reads_named;
    outer->reads_rest |= made.signature.reads_rest;
  }

  std::unique_ptr<Statement> macro(Place at) {
    auto made = make(Kind::macro, at);
    made->text = plain_name();
    made->signature = signature();
    callable_body(*made, "endmacro");
    return made;
  }

  std::unique_ptr<Statement> call(Place at) {
    auto made = make(Kind::call, at);
    if (is_op("(")) made->signature = signature();
    made->expressions.push_back(expression());
    if (made->expressions.back()->kind != Expression::Kind::call) fail_at("expected a call", at);
    callable_body(*made, "endcall");
    return made;
  }

  std::unique_ptr<Statement> filter(Place at) {
    auto made = make(Kind::filter, at);
    made->expressions.push_back(filters(nullptr, true));
    made->bodies.push_back(only_body("endfilter"));
    return made;
  }

  std::unique_ptr<Statement> with(Place at) {
    auto made = make(Kind::with, at);
    while (now().kind != Token::Kind::block_end) {
      if (!made->targets.empty()) expect_op(",");
      made->targets.push_back(single_target());
      expect_op("=");
      made->expressions.push_back(expression());
    }
    made->bodies.push_back(only_body("endwith"));
    return made;
  }
  ExpressionPtr single_target() {   // a comma ends it
    const Place at = now().at;
    auto made = std::make_unique<Expression>();
    made->kind = Expression::Kind::name;
    made->at = at;
    made->text = plain_name();
    return made;
  }

  std::unique_ptr<Statement> generation(Place at) {
    auto made = make(Kind::generation, at);
    made->bodies.push_back(only_body("endgeneration"));
    return made;
  }

  std::unique_ptr<Statement> block(Place at) {
    auto made = make(Kind::block, at);
    made->text = plain_name();
    while (skip_word("scoped") || skip_word("required"));
    made->bodies.push_back(only_body("endblock"));
    skip_word(made->text);
    return made;
  }

  std::unique_ptr<Statement> print(Place at) {
    auto made = make(Kind::print, at);
    while (now().kind != Token::Kind::block_end) {
      if (!made->expressions.empty()) expect_op(",");
      made->expressions.push_back(expression());
    }
    return made;
  }

  int loops_ = 0;
};

}  // namespace

Result<Body> parse_template(std::string_view source, std::string_view name) {
  Result<std::vector<Token>> tokens = tokens_of(source, name);
  if (!tokens) return tokens.error();
  try {
    return Parser(std::move(*tokens), name).run();
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace orrery::chat
