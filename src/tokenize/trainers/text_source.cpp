#include "tokenize/trainers/text_source.h"

#include <fstream>
#include <string>

#include "base/json.h"

namespace orrery {

namespace {
constexpr size_t kStretch = size_t(1) << 20;
constexpr std::string_view kEndOfText = "<|endoftext|>";
}  // namespace

Status read_texts(const std::filesystem::path& file, const std::function<void(std::string_view, uint64_t)>& read) {
  std::ifstream in(file, std::ios::binary);
  std::error_code failed;
  if (std::filesystem::is_directory(file, failed)) return Error{ErrorKind::bad_usage, "this is a folder, not a file", file.string(), "name its files"};
  if (!in) return Error{ErrorKind::not_found, "cannot be opened", file.string()};
  const bool records = file.extension() == ".jsonl";
  std::string text;
  uint64_t bytes = 0, number = 0;
  for (std::string line; std::getline(in, line);) {
    number++;
    bytes += line.size() + 1;
    if (records) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const std::string where = file.string() + ", line " + std::to_string(number);
      const Result<Json> record = parse_json(line, where);
      if (!record) return record.error();
      if (!record->is_object() || !record->contains("text") || !(*record)["text"].is_string())
        return Error{ErrorKind::bad_file, "a record has no \"text\"", where};
      read((*record)["text"].get_ref<const std::string&>(), bytes);
      continue;
    }
    const std::string_view trimmed = std::string_view(line).substr(0, line.size() - (line.ends_with('\r') ? 1 : 0));
    if (trimmed == kEndOfText) {
      if (!text.empty()) read(text, bytes);
      text.clear();
      continue;
    }
    const bool inked = !line.empty() && static_cast<unsigned char>(line[0]) > ' ';
    if (text.size() > kStretch && inked) {
      read(text, bytes);
      text.assign(1, '\n');
    } else if (!text.empty()) {
      text += '\n';
    }
    text += line;
    if (text.size() > 64 * kStretch) {   // a line without end: cut before a space, or where it stands
      const size_t space = text.rfind(' ');
      const size_t cut = space == std::string::npos || space == 0 ? text.size() : space;
      read(std::string_view(text).substr(0, cut), bytes);
      text.erase(0, cut);
    }
  }
  if (in.bad()) return Error{ErrorKind::io, "cannot be read", file.string()};
  if (!text.empty()) read(text, bytes);
  return done();
}

}  // namespace orrery
