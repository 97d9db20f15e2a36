// The result of a command: standard output, or a file written whole or not at all.
//
//   out.line("loss 1.25");         // text and a newline
//   out.json({{"loss", 1.25}});    // one JSON document on one line
//   out.text("Once upon");         // as it is: for streams
//   out.finish();                  // done when the command returns; before it the file of -o does not exist
//
// What goes to standard output is seen at once. Where its reader has gone (`| head`), ReaderGone is thrown and the
// program ends quietly.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/json.h"

namespace orrery::cli {

struct ReaderGone {};

class Output {
 public:
  // With a file that cannot be written, throws at once: before the work.
  explicit Output(std::filesystem::path file = {});

  void line(std::string_view text);
  void json(const Json& document);
  void text(std::string_view bytes);
  void finish();

  bool to_file() const { return !path_.empty(); }
  // Standard output on a terminal: a person reads along.
  bool is_terminal() const;
  // Whether it shows colours: a terminal that can, and nobody has set NO_COLOR.
  bool colours() const;
  // The path of -o, for a command that writes this file by itself (a .npy); what is printed then goes to standard output.
  std::filesystem::path take_file();

 private:
  std::filesystem::path path_;
  std::optional<AtomicFile> file_;
  std::string device_text_;  // for a path that is a pipe or a device, written by finish()
};

}  // namespace orrery::cli
