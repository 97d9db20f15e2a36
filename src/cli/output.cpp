#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace orrery::cli {

Output::Output(std::filesystem::path file) : path_(std::move(file)) {
  if (path_ == "-") path_.clear();   // standard output, as everywhere
  if (path_.empty()) return;
  std::error_code ignored;
  const auto kind = std::filesystem::status(path_, ignored).type();
  if (kind == std::filesystem::file_type::directory)
    throw Error{ErrorKind::bad_usage, "this is a folder, not a file", path_.string(), "-o takes the name of a file"};
  if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::character) return;
  file_.emplace(path_);
  file_->ready().value();
}

void Output::text(std::string_view bytes) {
  if (file_) return file_->write(bytes);
  if (to_file()) {
    device_text_ += bytes;
    return;
  }
  while (!bytes.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) throw ReaderGone{};
    if (count < 0) throw Error{ErrorKind::io, std::string("cannot write: ") + std::strerror(errno), "standard output"};
    bytes.remove_prefix(size_t(count));
  }
}

void Output::line(std::string_view text) { this->text(std::string(text) + "\n"); }
void Output::json(const Json& document) { line(to_line(document)); }

void Output::finish() {
  if (file_) file_->commit().value();
  else if (to_file()) write_file(path_, device_text_).value();
  file_.reset();
  path_.clear();
}

bool Output::is_terminal() const { return !to_file() && ::isatty(STDOUT_FILENO); }

bool Output::colours() const {
  const auto set_to = [](const char* name) { return std::string_view(std::getenv(name) ? std::getenv(name) : ""); };
  return is_terminal() && set_to("NO_COLOR").empty() && set_to("TERM") != "dumb";
}

std::filesystem::path Output::take_file() {
  file_.reset();
  return std::exchange(path_, {});
}

}  // namespace orrery::cli
