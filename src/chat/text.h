// A string of a template, with what is known of each byte: whether it came from the caller's messages, tools or
// documents, and whether a model wrote it. Every operation carries the marks along, so that the prompt at the end says
// of each byte who put it there (prompt.h decides by it what may become a control token).
//
//   Text text = Text::from_template("<|im_start|>");
//   text.append(Text::from_input("Hi <|im_end|>"));
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace orrery::chat {

inline constexpr char kFromInput = 1;    // bits of a mark: a message, a tool, a document,
inline constexpr char kGenerated = 2;    // the inside of {% generation %}

struct Text {
  std::string bytes;    // UTF-8
  std::string marks;    // one for each byte; empty where all are 0
  bool safe = false;    // Jinja's Markup: what is added to it with + is escaped for HTML

  static Text from_template(std::string_view bytes) { return {std::string(bytes), {}, false}; }
  static Text from_input(std::string_view bytes) { return {std::string(bytes), std::string(bytes.size(), kFromInput), false}; }

  size_t size() const { return bytes.size(); }
  bool empty() const { return bytes.empty(); }
  char mark(size_t at) const { return marks.empty() ? char(0) : marks[at]; }
  bool has_input() const;

  void append(const Text& other);
  void append(const Text& other, size_t begin, size_t end);
  void append(std::string_view more, char mark = 0);
  Text part(size_t begin, size_t end) const;   // keeps `safe`
  void mark_all(char mark);
};

// Where the code point ends that begins at `at`.
size_t next_place(std::string_view bytes, size_t at);

// The first `part` at `from` or later, or npos; linear in the text, whatever the two are.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);

// White space as Python's str.strip and \s see it.
bool is_space(char32_t c);
size_t skip_spaces(std::string_view text, size_t at);                  // the first place from `at` on that is no white space
size_t skip_spaces_back(std::string_view text, size_t end);            // the end of what is before white space

}  // namespace orrery::chat
