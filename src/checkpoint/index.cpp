#include "checkpoint/index.h"

#include <algorithm>
#include <optional>

#include "base/json.h"

namespace orrery {

namespace {
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

bool leaves_folder(std::string_view name) { return name.starts_with('/') || name.starts_with(".."); }

// Receives the JSON events and keeps the entries of "weight_map"; everything else ("metadata") is passed over.
class IndexEvents final : public nlohmann::json_sax<Json> {
 public:
  explicit IndexEvents(const std::string& where) : where_(where) {}
  WeightMap weight_map;
  bool seen = false;
  std::optional<Error> error;

  bool start_object(size_t) override {
    if (depth_ == 1 && starting_map_) {
      starting_map_ = false;
      in_map_ = true;
    } else if (depth_ >= 1 && !value()) {
      return false;
    }
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) in_map_ = false;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ == 0) return fail("the index is a list instead of an object");
    if (!value()) return false;
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(std::string& text) override {
    if (in_map_) {
      weight_map.emplace_back(std::move(text), "");
    } else if (depth_ == 1 && text == "weight_map") {
      if (std::exchange(seen, true)) return fail("the index has two 'weight_map'");
      starting_map_ = true;
    }
    return true;
  }
  bool string(std::string& text) override {
    if (!in_map_) return value();
    if (!is_plain_name(text))
      return fail("tensor '" + weight_map.back().first + "' is said to be in '" + text + "', " +
                  (leaves_folder(text) ? "a path outside the model's folder"
                                       : "which is not the name of a file in this folder"));
    weight_map.back().second = std::move(text);
    return true;
  }
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(int64_t) override { return value(); }
  bool number_unsigned(uint64_t) override { return value(); }
  bool number_float(double, const std::string&) override { return value(); }
  bool binary(Json::binary_t&) override { return value(); }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    error = Error{ErrorKind::bad_file, "the index is not valid JSON", where_ + ", byte " + std::to_string(position)};
    return false;
  }

 private:
  bool fail(std::string what) {
    error = Error{ErrorKind::bad_file, std::move(what), where_};
    return false;
  }
  // A value other than a file name: fine anywhere but in the map or in its place.
  bool value() {
    if (depth_ == 0) return fail("the index is not an object");
    if (starting_map_) return fail("the index's 'weight_map' is not an object");
    if (in_map_) return fail("the index names no file for tensor '" + weight_map.back().first + "'");
    return true;
  }

  const std::string& where_;
  int depth_ = 0;
  bool starting_map_ = false, in_map_ = false;
};
}  // namespace

Result<WeightMap> parse_index(std::string_view text, const std::string& where) {
  IndexEvents events(where);
  // The JSON reader takes a zero byte for the end of its input.
  if (text.find('\0') != std::string_view::npos)
    return Error{ErrorKind::bad_file, "the index is not valid JSON: it has a zero byte", where};
  if (!Json::sax_parse(text, &events))
    return events.error ? *events.error : Error{ErrorKind::bad_file, "the index is not valid JSON", where};
  if (!events.seen) return Error{ErrorKind::bad_file, "the index has no 'weight_map'", where};

  std::vector<const std::pair<std::string, std::string>*> sorted;
  for (const auto& entry : events.weight_map) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end(),
                                        [](const auto* a, const auto* b) { return a->first == b->first; });
  if (twice != sorted.end())
    return Error{ErrorKind::bad_file,
                 "tensor '" + (*twice)->first + "' is listed twice: in " + (*twice)->second + " and in " +
                     (*(twice + 1))->second,
                 where};
  return std::move(events.weight_map);
}

std::string index_text(WeightMap weight_map, uint64_t total_bytes) {
  std::sort(weight_map.begin(), weight_map.end());
  std::string text =
      "{\n  \"metadata\": {\n    \"total_size\": " + std::to_string(total_bytes) + "\n  },\n  \"weight_map\": {";
  for (size_t i = 0; i < weight_map.size(); ++i)
    text += (i == 0 ? "\n    " : ",\n    ") + to_line(Json(weight_map[i].first)) + ": " +
            to_line(Json(weight_map[i].second));
  return text + "\n  }\n}\n";
}

}  // namespace orrery
