#include "base/json.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

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

// What the library says of an error, without its own tag and position.
std::string reason_of(const Json::exception& exception) {
  std::string what = exception.what();
  if (const size_t tag = what.find("] "); what.starts_with('[') && tag != std::string::npos)
    what = what.substr(tag + 2);
  if (const size_t colon = what.find(": ", what.find("column")); colon != std::string::npos)
    what = what.substr(colon + 2);
  std::replace(what.begin(), what.end(), '\n', ' ');
  return what;
}

// Builds the document from the parser's events. The library's own builder looks for each new key among all earlier keys of
// an ordered object, which takes seconds for a vocabulary of 50,000; here equal keys are looked for once, by sorting.
class Builder final : public nlohmann::json_sax<Json> {
 public:
  Json document;
  std::string wrong;
  size_t position = 0;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(Json::binary_t& value) override { return add(std::move(value)); }
  bool key(std::string& text) override {
    key_ = std::move(text);
    return true;
  }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override {
    keep_last_of_equal_keys(open_.back()->get_ref<Json::object_t&>());
    open_.pop_back();
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const Json::exception& exception) override {
    wrong = "not valid JSON: " + reason_of(exception);
    position = byte;
    return false;
  }

 private:
  template <class Value>
  bool add(Value&& value) {
    place(Json(std::forward<Value>(value)));
    return true;
  }
  bool open(Json container) {
    if (open_.size() == size_t(kMaxDepth)) {
      wrong = "JSON nested deeper than " + std::to_string(kMaxDepth);
      return false;
    }
    open_.push_back(place(std::move(container)));  // its parent does not grow, so does not move, before it is closed
    return true;
  }
  Json* place(Json value) {
    if (open_.empty()) {
      document = std::move(value);
      return &document;
    }
    if (open_.back()->is_array()) {
      auto& array = open_.back()->get_ref<Json::array_t&>();
      array.push_back(std::move(value));
      return &array.back();
    }
    auto& object = open_.back()->get_ref<Json::object_t&>();
    object.emplace_back(std::move(key_), std::move(value));
    return &object.back().second;
  }

  // As in Python: the first place, the last value.
  static void keep_last_of_equal_keys(Json::object_t& object) {
    std::vector<size_t> order(object.size());
    std::iota(order.begin(), order.end(), size_t(0));
    const auto key_of = [&](size_t i) -> const std::string& { return object.begin()[std::ptrdiff_t(i)].first; };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key_of(a) < key_of(b); });
    std::vector<bool> drop;
    for (size_t i = 1, first = 0; i < order.size(); ++i) {
      if (key_of(order[i]) != key_of(order[i - 1])) {
        first = i;
        continue;
      }
      drop.resize(object.size());
      drop[order[i]] = true;
      object.begin()[std::ptrdiff_t(order[first])].second = std::move(object.begin()[std::ptrdiff_t(order[i])].second);
    }
    if (drop.empty()) return;
    Json::object_t kept;
    for (size_t i = 0; i < drop.size(); ++i)
      if (!drop[i]) kept.emplace_back(key_of(i), std::move(object.begin()[std::ptrdiff_t(i)].second));
    object = std::move(kept);
  }

  std::string key_;
  std::vector<Json*> open_;
};
}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  // The library takes a zero byte for the end of the text.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos)
    return Error{ErrorKind::bad_file, "not valid JSON: a zero byte",
                 std::string(where) + ", " + line_and_column(text, zero + 1)};
  Builder builder;
  if (Json::sax_parse(text, &builder)) return std::move(builder.document);
  std::string at = builder.position == 0 ? "" : ", " + line_and_column(text, builder.position);
  const bool is_line = text.find('\n') == std::string_view::npos && where.find(", line ") != std::string_view::npos;
  if (is_line && at.starts_with(", line 1,")) at.erase(0, 8);   // a line of a file, whose number `where` has
  return Error{ErrorKind::bad_file, builder.wrong, std::string(where) + at};
}

std::string to_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string to_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace orrery
