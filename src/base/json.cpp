#include "base/json.h"

#include <algorithm>

namespace orrery {

namespace {
constexpr int kMaxDepth = 512;

std::string line_and_column(std::string_view text, size_t byte) {
  byte = std::min(byte, text.size());
  const std::string_view before = text.substr(0, byte);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? byte : byte - newline - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<size_t>(column, 1));
}
}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  bool too_deep = false;
  const auto watch_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) {
      too_deep = true;
      throw Error{};
    }
    return true;
  };
  try {
    return Json::parse(text, watch_depth);
  } catch (const Json::parse_error& error) {
    std::string what = error.what();
    if (const size_t colon = what.find(": ", what.find("column")); colon != std::string::npos) what = what.substr(colon + 2);
    std::replace(what.begin(), what.end(), '\n', ' ');
    return Error{ErrorKind::bad_file, "not valid JSON: " + what,
                 std::string(where) + ", " + line_and_column(text, error.byte)};
  } catch (const Json::exception& error) {
    return Error{ErrorKind::bad_file, std::string("not valid JSON: ") + error.what(), std::string(where)};
  } catch (const Error&) {
    return Error{ErrorKind::bad_file, "JSON nested deeper than " + std::to_string(kMaxDepth), std::string(where)};
  }
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string to_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace orrery
