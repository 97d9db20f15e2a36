#include "chat/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/unicode.h"
#include "base/utf8.h"
#include "chat/text.h"

namespace orrery::chat {
namespace {

using Kind = Token::Kind;

// Longest first.
constexpr std::array<std::string_view, 26> kOperators = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"};

std::string with_plain_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') text += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n') text += '\n';
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string_view source, std::string_view name) : text_(with_plain_newlines(source)), name_(name) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    add(Kind::end, {}, at_);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, size_t at) { throw Error{ErrorKind::bad_file, what, where_text(name_, place(at))}; }

  // Tokens come in order, so lines are counted once.
  Place place(size_t at) {
    if (at < counted_) counted_ = 0, counted_place_ = {};
    for (; counted_ < at; ++counted_) {
      if (text_[counted_] == '\n') ++counted_place_.line, counted_place_.column = 1;
      else if ((static_cast<unsigned char>(text_[counted_]) & 0xC0) != 0x80) ++counted_place_.column;
    }
    return counted_place_;
  }
  void add(Kind kind, std::string text, size_t at) { tokens_.push_back({kind, std::move(text), place(at)}); }

  bool follows(std::string_view what, size_t at) const { return std::string_view(text_).substr(at).starts_with(what); }
  char sign_at(size_t at) const { return at < text_.size() && (text_[at] == '-' || text_[at] == '+') ? text_[at] : ' '; }

  // Text up to a tag, less the white space that the tag takes.
  void add_data(size_t begin, size_t end, char sign, bool is_print) {
    const size_t first = begin;
    if (sign == '-') {
      end = first + skip_spaces_back(std::string_view(text_).substr(first, end - first), end - first);
    } else if (sign != '+' && !is_print) {
      const std::string_view data = std::string_view(text_).substr(begin, end - begin);
      const size_t newline = data.rfind('\n');
      const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
      if ((line > 0 || line_starting_) && skip_spaces(data, line) == data.size()) end = begin + line;
    }
    if (end > begin) add(Kind::data, text_.substr(begin, end - begin), begin);
  }

  // What a tag of statements or a comment takes after its end.
  void after_block(char sign) {
    if (sign == '-') at_ = skip_spaces(text_, at_);
    else if (sign != '+' && at_ < text_.size() && text_[at_] == '\n') ++at_;
  }
  void note_line_start() { line_starting_ = text_[at_ - 1] == '\n'; }

  void root() {
    const size_t begin = at_;
    size_t tag = begin;
    while (true) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        add(Kind::data, text_.substr(begin), begin);
        at_ = text_.size();
        return;
      }
      if (text_[tag + 1] == '%' || text_[tag + 1] == '{' || text_[tag + 1] == '#') break;
      ++tag;
    }
    const char kind = text_[tag + 1], sign = sign_at(tag + 2);
    const size_t inside = tag + (sign == ' ' ? 2 : 3);
    add_data(begin, tag, sign, kind == '{');
    if (kind == '#') return comment(tag, inside);
    if (kind == '%' && raw(tag, inside)) return;
    add(kind == '{' ? Kind::print_begin : Kind::block_begin, {}, tag);
    at_ = inside;
    expression(tag, kind == '{');
    note_line_start();
  }

  void comment(size_t tag, size_t inside) {
    const size_t end = text_.find("#}", inside);
    if (end == std::string::npos) fail("a comment does not end", tag);
    const char sign = end > inside ? sign_at(end - 1) : ' ';
    at_ = end + 2;
    after_block(sign);
    note_line_start();
  }

  // {% raw %} … {% endraw %}: what is between is data.
  bool raw(size_t tag, size_t inside) {
    size_t at = skip_spaces(text_, inside);
    if (!follows("raw", at)) return false;
    at = skip_spaces(text_, at + 3);
    if (follows("-%}", at)) at_ = skip_spaces(text_, at + 3);
    else if (follows("%}", at)) at_ = at + 2;
    else return false;
    note_line_start();
    for (size_t end = at_; (end = text_.find("{%", end)) != std::string::npos; ++end) {
      const char sign = sign_at(end + 2);
      size_t name = skip_spaces(text_, end + (sign == ' ' ? 2 : 3));
      if (!follows("endraw", name)) continue;
      name = skip_spaces(text_, name + 6);
      const char last = sign_at(name);
      if (!follows("%}", name + (last == ' ' ? 0 : 1))) continue;
      add_data(at_, end, sign, false);
      at_ = name + (last == ' ' ? 2 : 3);
      after_block(last);
      note_line_start();
      return true;
    }
    fail("{% raw %} does not end", tag);
  }

  // The inside of {% %} or {{ }} and its end. Ends are not looked for inside brackets, where }} closes two of them.
  void expression(size_t tag, bool is_print) {
    const std::string_view end = is_print ? "}}" : "%}";
    std::string brackets;
    while (true) {
      at_ = skip_spaces(text_, at_);
      if (at_ >= text_.size()) fail(is_print ? "{{ does not end" : "{% does not end", tag);
      if (brackets.empty()) {
        const char sign = sign_at(at_);
        const bool signed_end = sign != ' ' && !(is_print && sign == '+') && follows(end, at_ + 1);
        if (signed_end || follows(end, at_)) {
          add(is_print ? Kind::print_end : Kind::block_end, {}, at_);
          at_ += signed_end ? 3 : 2;
          if (!is_print) after_block(signed_end ? sign : ' ');
          else if (signed_end) at_ = skip_spaces(text_, at_);
          return;
        }
      }
      if (number() || word() || string()) continue;
      const auto op = std::find_if(kOperators.begin(), kOperators.end(), [&](std::string_view o) { return follows(o, at_); });
      if (op == kOperators.end()) fail("unexpected character '" + text_.substr(at_, decode_utf8(text_, at_).size) + "'", at_);
      const char c = op->front();
      if (c == '(') brackets += ')';
      else if (c == '[') brackets += ']';
      else if (c == '{') brackets += '}';
      else if (c == ')' || c == ']' || c == '}') {
        if (brackets.empty()) fail(std::string("unexpected '") + c + "'", at_);
        if (brackets.back() != c) fail(std::string("unexpected '") + c + "', expected '" + brackets.back() + "'", at_);
        brackets.pop_back();
      }
      add(Kind::op, std::string(*op), at_);
      at_ += op->size();
    }
  }

  // Digits with single underscores between them; returns their end, or `at` where there are none.
  template <class IsDigit>
  size_t digits(size_t at, IsDigit is) const {
    size_t end = at;
    while (end < text_.size() && (is(text_[end]) || (text_[end] == '_' && end > at && end + 1 < text_.size() && is(text_[end + 1])))) ++end;
    return end;
  }

  bool number() {
    if (!is_digit(text_[at_])) return false;
    const size_t begin = at_;
    const auto finish = [&](Kind kind, size_t end) {
      std::string text = text_.substr(begin, end - begin);
      text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
      add(kind, std::move(text), begin);
      at_ = end;
      return true;
    };
    size_t end = digits(begin, is_digit);
    if (begin == 0 || text_[begin - 1] != '.') {
      size_t real = end;
      if (real + 1 < text_.size() && text_[real] == '.' && is_digit(text_[real + 1])) real = digits(real + 1, is_digit);
      if (real < text_.size() && (text_[real] == 'e' || text_[real] == 'E')) {
        const size_t exponent = real + (real + 1 < text_.size() && (text_[real + 1] == '+' || text_[real + 1] == '-') ? 2 : 1);
        if (exponent < text_.size() && is_digit(text_[exponent])) real = digits(exponent, is_digit);
      }
      if (real > end) return finish(Kind::real, real);
    }
    if (text_[begin] != '0') return finish(Kind::integer, end);
    if (begin + 2 < text_.size()) {
      const char base = char(text_[begin + 1] | 0x20);
      const auto in_base = [base](char c) { return base == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c >= '0' && c <= (base == 'b' ? '1' : '7'); };
      if ((base == 'x' || base == 'b' || base == 'o') && in_base(text_[begin + 2])) return finish(Kind::integer, digits(begin + 2, in_base));
    }
    return finish(Kind::integer, digits(begin, [](char c) { return c == '0'; }));
  }

  bool word() {
    const auto is_word = [&](size_t at) { return at < text_.size() && (text_[at] == '_' || is(decode_utf8(text_, at).value, kWord)); };
    if (!is_word(at_)) return false;
    const size_t begin = at_;
    while (is_word(at_)) at_ = next_place(text_, at_);
    add(Kind::name, text_.substr(begin, at_ - begin), begin);
    return true;
  }

  bool string() {
    const char quote = text_[at_];
    if (quote != '\'' && quote != '"') return false;
    size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) fail(std::string("unexpected character '") + quote + "'", at_);
    add(Kind::string, unescaped(at_ + 1, end), at_);
    at_ = end + 1;
    return true;
  }

  // Python's escapes; a backslash before anything else stays.
  std::string unescaped(size_t begin, size_t end) {
    std::string text;
    for (size_t i = begin; i < end;) {
      if (text_[i] != '\\') {
        text += text_[i++];
        continue;
      }
      const size_t start = i;
      const char c = text_[i + 1];
      i += 2;
      constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
      if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
        text += kTo[simple];
      } else if (c == '\n') {
      } else if (c >= '0' && c <= '7') {
        uint32_t value = 0;
        for (--i; i < end && i < start + 4 && text_[i] >= '0' && text_[i] <= '7'; ++i) value = value * 8 + uint32_t(text_[i] - '0');
        append_utf8(text, value);
      } else if (c == 'x' || c == 'u' || c == 'U') {
        const size_t count = c == 'x' ? 2 : c == 'u' ? 4 : 8;
        uint32_t value = 0;
        for (size_t k = 0; k < count; ++k, ++i) {
          const bool hex = i < end && std::isxdigit(static_cast<unsigned char>(text_[i]));
          if (!hex) fail(std::string("truncated \\") + c + " escape", start);
          value = value * 16 + uint32_t(is_digit(text_[i]) ? text_[i] - '0' : (text_[i] | 0x20) - 'a' + 10);
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) fail("an escape names no character", start);
        append_utf8(text, value);
      } else if (c == 'N') {
        fail("characters by name (\\N) are not known here", start);
      } else {
        text += '\\';
        --i;
      }
    }
    return text;
  }

  std::string text_;
  std::string name_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool line_starting_ = true;
  size_t counted_ = 0;
  Place counted_place_;
};

}  // namespace

std::string where_text(std::string_view name, Place place) {
  return std::string(name) + ", line " + std::to_string(place.line) + ", column " + std::to_string(place.column);
}

Result<std::vector<Token>> tokens_of(std::string_view source, std::string_view name) {
  if (!is_valid_utf8(source)) return Error{ErrorKind::bad_file, "the template is not valid UTF-8", std::string(name)};
  try {
    return Lexer(source, name).run();
  } catch (const Error& error) {
    return error;
  }
}

std::string describe_token(const Token& token) {
  switch (token.kind) {
    case Kind::data: return "text";
    case Kind::print_begin: return "'{{'";
    case Kind::print_end: return "'}}'";
    case Kind::block_begin: return "'{%'";
    case Kind::block_end: return "'%}'";
    case Kind::string: return "a string";
    case Kind::end: return "the end of the template";
    default: return "'" + token.text + "'";
  }
}

}  // namespace orrery::chat
