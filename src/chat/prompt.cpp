#include "chat/prompt.h"

#include <algorithm>

namespace orrery::chat {
namespace {

struct Span {
  size_t begin, end;
};

std::vector<std::string> control_tokens(const Tokenizer& tokenizer, const ChatTemplate& chat_template) {
  std::vector<std::string> names;
  const Json described = tokenizer.to_json();
  const auto added = described.find("added_tokens");
  if (added == described.end()) return names;
  for (const Json& token : *added) {
    const std::string name = token["content"].get<std::string>();
    if (name.empty()) continue;
    const bool only_space = skip_spaces(name, 0) == name.size();
    if (token.value("special", false) || (!only_space && chat_template.literals().find(name) != std::string::npos)) names.push_back(name);
  }
  return names;
}

// The places where a control token stands that the template did not write alone: leftmost first, the longest of each place.
std::vector<Span> hostile_places(const Text& text, const std::vector<std::string>& names) {
  std::vector<Span> found;
  for (const std::string& name : names)
    for (size_t at = 0; (at = find_text(text.bytes, name, at)) != std::string::npos; ++at) {
      bool from_input = false;
      for (size_t i = at; i < at + name.size(); ++i) from_input |= (text.mark(i) & kFromInput) != 0;
      if (from_input) found.push_back({at, at + name.size()});
    }
  std::sort(found.begin(), found.end(), [](const Span& a, const Span& b) { return a.begin != b.begin ? a.begin < b.begin : a.end > b.end; });
  std::vector<Span> apart;
  for (const Span& span : found)
    if (apart.empty() || span.begin >= apart.back().end) apart.push_back(span);
  return apart;
}

class Encoder {
 public:
  Encoder(const Tokenizer& tokenizer, const Text& text) : tokenizer_(tokenizer), text_(text) {
    newline_ = tokenizer_.encode_ids("\n", {.add_special = false});
  }

  // Pieces after the first are encoded behind a newline whose ids are dropped: else some tokenizers begin each with a space.
  void piece(size_t begin, size_t end, bool as_text) {
    if (begin == end) return;
    const EncodeOptions options{.add_special = false, .specials_as_text = as_text, .unit = OffsetUnit::bytes};
    const std::string bytes = text_.bytes.substr(begin, end - begin);
    if (begin > 0) {
      const Encoding behind = tokenizer_.encode("\n" + bytes, options);
      if (behind.size() > newline_.size() && std::equal(newline_.begin(), newline_.end(), behind.ids.begin()))
        return add(behind, newline_.size(), begin - 1);
    }
    add(tokenizer_.encode(bytes, options), 0, begin);
  }

  // A control token's name as text.
  void defuse(size_t begin, size_t end) {
    const std::string name = text_.bytes.substr(begin, end - begin);
    const auto id = tokenizer_.id_of(name);
    const auto holds_it = [&](size_t from) { return id && std::find(prompt.ids.begin() + int64_t(from), prompt.ids.end(), *id) != prompt.ids.end(); };
    const size_t before = prompt.ids.size();
    piece(begin, end, true);
    if (holds_it(before)) {   // an added token that is not special: it is found as long as it stands there whole
      truncate(before);
      const size_t middle = next_place(text_.bytes, begin);
      piece(begin, middle, true);
      piece(middle, end, true);
    }
    if (holds_it(before)) throw Error{ErrorKind::unsupported, "the tokenizer makes the control token \"" + name + "\" of plain text, so the conversation could write it", ""};
    ++prompt.defused;
  }

  ChatPrompt prompt;

 private:
  void truncate(size_t size) {
    prompt.ids.resize(size);
    prompt.tokens.resize(size);
    prompt.generated.resize(size);
  }
  void add(const Encoding& encoding, size_t from, size_t base) {
    for (size_t i = from; i < encoding.size(); ++i) {
      prompt.ids.push_back(encoding.ids[i]);
      prompt.tokens.emplace_back(encoding.token(i));
      bool generated = false;
      const Offsets at = encoding.offsets[i];
      for (auto byte = size_t(at.begin); byte < size_t(at.end) && base + byte < text_.size(); ++byte) generated |= (text_.mark(base + byte) & kGenerated) != 0;
      prompt.generated.push_back(generated);
    }
  }

  const Tokenizer& tokenizer_;
  const Text& text_;
  std::vector<int32_t> newline_;
};

}  // namespace

ChatPrompt encode_prompt(const Tokenizer& tokenizer, const Text& text, const ChatTemplate& chat_template, bool trust_input) {
  std::vector<Span> hostile;
  if (!trust_input && text.has_input()) hostile = hostile_places(text, control_tokens(tokenizer, chat_template));
  Encoder encoder(tokenizer, text);
  size_t at = 0;
  for (const Span& span : hostile) {
    encoder.piece(at, span.begin, false);
    encoder.defuse(span.begin, span.end);
    at = span.end;
  }
  encoder.piece(at, text.size(), false);
  return std::move(encoder.prompt);
}

}  // namespace orrery::chat
