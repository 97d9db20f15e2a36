// JSON to values, keeping the digits of integers that no type of ours holds.
#include "base/utf8.h"
#include "chat/failure.h"
#include "chat/value.h"

namespace orrery::chat {
namespace {

// Builds values from the events of nlohmann's parser; containers under construction stand on a stack.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(char mark) : mark_(mark) {}

  bool null() override { return add(Value::none()); }
  bool boolean(bool b) override { return add(Value::boolean(b)); }
  bool number_integer(number_integer_t i) override { return add(Value::integer(i)); }
  bool number_unsigned(number_unsigned_t u) override { return add(u <= uint64_t(INT64_MAX) ? Value::integer(int64_t(u)) : Value::big(std::to_string(u))); }
  bool number_float(number_float_t d, const string_t& text) override {
    const bool is_integer = text.find_first_not_of("-0123456789") == std::string::npos;
    return add(is_integer ? Value::big(text) : Value::real(d));
  }
  bool string(string_t& text) override { return add(Value::text(marked(text))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(true); }
  bool key(string_t& text) override {
    open_.back().key = Value::text(marked(text));
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(false); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception& error) override {
    message = error.what();
    return false;
  }

  Value result;
  std::string message;

 private:
  struct Open {
    bool is_object = false;
    Dict dict;
    std::vector<Value> list;
    Value key;
  };
  Text marked(const std::string& text) const { return {text, mark_ == 0 ? std::string() : std::string(text.size(), mark_), false}; }
  bool open(bool is_object) {
    if (open_.size() >= size_t(Value::kMaxDepth)) return message = "nests deeper than " + std::to_string(Value::kMaxDepth), false;
    open_.emplace_back().is_object = is_object;
    return true;
  }
  bool close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    return add(done.is_object ? Value::dict(std::move(done.dict)) : Value::list(std::move(done.list)));
  }
  bool add(Value value) {
    if (open_.empty()) result = std::move(value);
    else if (open_.back().is_object) open_.back().dict.set(open_.back().key, std::move(value));
    else open_.back().list.push_back(std::move(value));
    return true;
  }

  char mark_;
  std::vector<Open> open_;
};

}  // namespace

Result<Value> Value::parse_json(std::string_view text, std::string_view where, char mark) {
  Builder builder(mark);
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return builder.result;
  // The common reader says where, in lines and columns.
  const Result<Json> again = orrery::parse_json(text, where);
  if (!again) return again.error();
  return Error{ErrorKind::bad_file, "the JSON " + builder.message, std::string(where)};
}

Value Value::from_json(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean: return boolean(json.get<bool>());
    case Json::value_t::number_integer: return integer(json.get<int64_t>());
    case Json::value_t::number_unsigned: {
      const auto u = json.get<uint64_t>();
      return u <= uint64_t(INT64_MAX) ? integer(int64_t(u)) : big(std::to_string(u));
    }
    case Json::value_t::number_float: return real(json.get<double>());
    case Json::value_t::string: return text(Text::from_input(repair_utf8(json.get_ref<const std::string&>()).text));
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(from_json(item));
      return list(std::move(items));
    }
    case Json::value_t::object: {
      Dict all;
      for (const auto& [key, value] : json.items()) all.set(text(Text::from_input(repair_utf8(key).text)), from_json(value));
      return dict(std::move(all));
    }
    default: return none();
  }
}

}  // namespace orrery::chat
