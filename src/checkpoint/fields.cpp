#include "checkpoint/fields.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace orrery {

namespace {
// A value as the file has it, short enough for one line.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  std::string text = to_line(value);
  if (text.size() > 60) text = text.substr(0, 60) + "…";
  return text;
}

std::string shown(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

// "from 1 to 100", "of at least 1", or nothing for a range without ends.
template <class Range, class Show>
std::string range_text(Range range, Show show) {
  const Range open;
  if (range.min == open.min && range.max == open.max) return "";
  if (range.max == open.max) return " of at least " + show(range.min);
  if (range.min == open.min) return " of at most " + show(range.max);
  return " from " + show(range.min) + " to " + show(range.max);
}
std::string needed_integer(IntegerRange range) {
  return "a whole number" + range_text(range, [](int64_t end) { return std::to_string(end); });
}
std::string needed_number(NumberRange range) {
  return "a number" + range_text(range, [](double end) { return shown(end); });
}

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}
}  // namespace

ConfigReader::ConfigReader(const Json& json, std::string where)
    : ConfigReader(json, std::move(where), "", std::make_shared<std::optional<Error>>()) {
  if (json.is_object()) return;
  fail("this is " + shown(json) + ", not a JSON object");
  json_ = &empty_object();
}

const Json* ConfigReader::raw(const FieldNames& names) const {
  for (const char* name : names.spellings)
    if (const auto entry = json_->find(name); entry != json_->end() && !entry->is_null()) return &*entry;
  return nullptr;
}

ConfigReader::Field ConfigReader::find(const FieldNames& names) {
  Field field;
  for (const char* name : names.spellings) {
    const auto entry = json_->find(name);
    if (entry == json_->end() || entry->is_null()) continue;
    if (!field.value) {
      field = {&*entry, prefix_ + name};
    } else if (*field.value != *entry) {
      fail("fields '" + field.name + "' and '" + prefix_ + name + "' mean the same, but are " + shown(*field.value) +
           " and " + shown(*entry));
    }
  }
  if (!field.value) field.name = prefix_ + names.spellings.front();
  return field;
}

ConfigReader::Field ConfigReader::require(const FieldNames& names) {
  Field field = find(names);
  if (!field.value) {
    std::string others;
    for (size_t i = 1; i < names.spellings.size(); ++i)
      others += (i == 1 ? " (or '" : ", '") + (prefix_ + names.spellings[i]) + "'";
    fail("field '" + field.name + "'" + others + (others.empty() ? "" : ")") + " is missing");
  }
  return field;
}

void ConfigReader::mismatch(const Field& field, const std::string& needed) {
  fail("field '" + field.name + "' is " + shown(*field.value) + ", but must be " + needed);
}

void ConfigReader::fail(std::string what, std::string hint, ErrorKind kind) {
  if (!*error_) *error_ = Error{kind, std::move(what), where_, std::move(hint)};
}

int64_t ConfigReader::integer_value(const Field& field, const Json& value, IntegerRange range) {
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t(std::numeric_limits<int64_t>::max()));
  if (fits) {
    const int64_t number = value.get<int64_t>();
    if (number >= range.min && number <= range.max) return number;
  }
  fail("field '" + field.name + "' is " + shown(value) + ", but must be " + needed_integer(range));
  return std::clamp<int64_t>(0, range.min, range.max);
}

double ConfigReader::number_value(const Field& field, NumberRange range) {
  if (field.value->is_number()) {
    const double number = field.value->get<double>();
    if (number >= range.min && number <= range.max) return number;
  }
  mismatch(field, needed_number(range));
  return std::clamp(0.0, range.min, range.max);
}

int64_t ConfigReader::integer(const FieldNames& names, IntegerRange range) {
  const Field field = require(names);
  return field.value ? integer_value(field, *field.value, range) : std::clamp<int64_t>(0, range.min, range.max);
}

int64_t ConfigReader::integer_or(const FieldNames& names, int64_t absent, IntegerRange range) {
  const Field field = find(names);
  return field.value ? integer_value(field, *field.value, range) : absent;
}

double ConfigReader::number(const FieldNames& names, NumberRange range) {
  const Field field = require(names);
  return field.value ? number_value(field, range) : std::clamp(0.0, range.min, range.max);
}

double ConfigReader::number_or(const FieldNames& names, double absent, NumberRange range) {
  const Field field = find(names);
  return field.value ? number_value(field, range) : absent;
}

bool ConfigReader::boolean(const FieldNames& names) {
  require(names);
  return boolean_or(names, false);
}

bool ConfigReader::boolean_or(const FieldNames& names, bool absent) {
  const Field field = find(names);
  if (!field.value) return absent;
  if (field.value->is_boolean()) return field.value->get<bool>();
  mismatch(field, "true or false");
  return absent;
}

std::string ConfigReader::string(const FieldNames& names) {
  require(names);
  return string_or(names, "");
}

std::string ConfigReader::string_or(const FieldNames& names, std::string absent) {
  const Field field = find(names);
  if (!field.value) return absent;
  if (field.value->is_string()) return field.value->get<std::string>();
  mismatch(field, "a string");
  return absent;
}

std::string ConfigReader::choice_or(const FieldNames& names, std::string absent,
                                    std::initializer_list<const char*> allowed) {
  const Field field = find(names);
  if (!field.value) return absent;
  std::string list;
  for (const char* word : allowed) {
    if (field.value->is_string() && field.value->get_ref<const std::string&>() == word) return word;
    list += (list.empty() ? "'" : ", '") + std::string(word) + "'";
  }
  fail("field '" + field.name + "' is " + shown(*field.value) + ", but must be one of " + list, "",
       field.value->is_string() ? ErrorKind::unsupported : ErrorKind::bad_file);
  return absent;
}

std::vector<int64_t> ConfigReader::integers(const FieldNames& names, IntegerRange range) {
  const Field field = find(names);
  std::vector<int64_t> list;
  if (!field.value) return list;
  if (!field.value->is_array()) {
    list.push_back(integer_value(field, *field.value, range));
    return list;
  }
  for (size_t i = 0; i < field.value->size(); ++i) {
    const Json& value = (*field.value)[i];
    list.push_back(integer_value({&value, field.name + "[" + std::to_string(i) + "]"}, value, range));
  }
  return list;
}

ConfigReader ConfigReader::section(const FieldNames& names) {
  const Field field = find(names);
  const bool usable = field.value && field.value->is_object();
  if (field.value && !usable) mismatch(field, "an object");
  return ConfigReader(usable ? *field.value : empty_object(), where_, field.name + ".", error_);
}

}  // namespace orrery
