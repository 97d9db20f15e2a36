#include "chat/template.h"

#include <algorithm>

#include "base/utf8.h"
#include "chat/parser.h"

namespace orrery::chat {
namespace {

constexpr size_t kLongestMessage = 500;

// An error's message as one line of a readable length: the template chose its words.
Error readable(Error error) {
  for (char& c : error.what)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  if (error.what.size() > kLongestMessage) {
    size_t end = kLongestMessage;
    while (end > 0 && (static_cast<unsigned char>(error.what[end]) & 0xC0) == 0x80) --end;
    error.what = error.what.substr(0, end) + " …";
  }
  return error;
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return local;
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view source, std::string_view name) {
  const Result<std::vector<Token>> tokens = tokens_of(source, name);
  if (!tokens) return readable(tokens.error());
  Result<Body> body = parse_template(source, name);
  if (!body) return readable(body.error());
  ChatTemplate made;
  made.source_ = source;
  made.name_ = name;
  for (const Token& token : *tokens)
    if (token.kind == Token::Kind::data || token.kind == Token::Kind::string) made.literals_ += token.text + '\0';
  made.body_ = std::make_shared<const Body>(std::move(*body));
  return made;
}

Result<Text> ChatTemplate::render(const Dict& variables, const RenderOptions& options) const {
  try {
    Interpreter run(*body_, name_, variables, options.limits, options.now ? *options.now : local_time());
    return run.render();
  } catch (const Error& error) {
    return readable(error);
  }
}

}  // namespace orrery::chat
