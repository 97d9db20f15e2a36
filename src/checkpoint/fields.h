// Reads the fields of a config.json, with errors that name the field, what was found and what is needed.
//
//   ConfigReader fields(json, "gpt2/config.json");
//   Config c;
//   c.num_layers  = fields.integer({"num_hidden_layers", "n_layer"}, {1, 1000});
//   c.hidden_size = fields.integer({"hidden_size", "n_embd"}, {1, 1 << 20});
//   c.num_heads   = fields.integer({"num_attention_heads", "n_head"}, {1, 1 << 16});
//   c.norm_eps    = fields.number_or("layer_norm_epsilon", 1e-5, {0, 1});
//   if (c.hidden_size % c.num_heads != 0)
//     fields.fail("hidden_size " + std::to_string(c.hidden_size) + " must be a multiple of num_attention_heads " + …);
//   return fields.finish(c);                      // Result<Config>: the value, or the first thing that was wrong
//
// A field that is null counts as absent. A field under two spellings must have the same value in both. The first error
// is kept; after it every getter still returns a value inside its range, so code between may divide and allocate little.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace orrery {

// The spellings of a field, the usual one first.
struct FieldNames {
  FieldNames(const char* name) : spellings{name} {}
  FieldNames(std::initializer_list<const char*> names) : spellings(names) {}
  std::vector<const char*> spellings;
};

struct IntegerRange {
  int64_t min = std::numeric_limits<int64_t>::min(), max = std::numeric_limits<int64_t>::max();
};
struct NumberRange {
  double min = -std::numeric_limits<double>::max(), max = std::numeric_limits<double>::max();
};

class ConfigReader {
 public:
  // `json` must outlive the reader; one that is not an object is the first error.
  ConfigReader(const Json& json, std::string where);

  int64_t integer(const FieldNames& names, IntegerRange range = {});
  int64_t integer_or(const FieldNames& names, int64_t absent, IntegerRange range = {});
  double number(const FieldNames& names, NumberRange range = {});
  double number_or(const FieldNames& names, double absent, NumberRange range = {});
  bool boolean(const FieldNames& names);
  bool boolean_or(const FieldNames& names, bool absent);
  std::string string(const FieldNames& names);
  std::string string_or(const FieldNames& names, std::string absent);
  // One of `allowed`; the error lists them.
  std::string choice_or(const FieldNames& names, std::string absent, std::initializer_list<const char*> allowed);
  // A whole number or a list of them (eos_token_id is both in the wild); empty where absent.
  std::vector<int64_t> integers(const FieldNames& names, IntegerRange range = {});

  bool has(const FieldNames& names) const { return raw(names) != nullptr; }
  const Json* raw(const FieldNames& names) const;  // nullptr where absent or null
  // The fields of a nested object; where it is absent, a reader to which every field is absent. Errors count for this one too.
  ConfigReader section(const FieldNames& names);

  // Fields that contradict each other, or a value not supported.
  void fail(std::string what, std::string hint = {}, ErrorKind kind = ErrorKind::bad_file);

  bool ok() const { return !*error_; }
  const Error& error() const { return **error_; }  // only where !ok()
  template <class T>
  Result<T> finish(T value) const {
    if (!ok()) return error();
    return value;
  }

 private:
  ConfigReader(const Json& json, std::string where, std::string prefix, std::shared_ptr<std::optional<Error>> error)
      : json_(&json), where_(std::move(where)), prefix_(std::move(prefix)), error_(std::move(error)) {}
  struct Field {
    const Json* value = nullptr;
    std::string name;  // as spelt in the file; the usual spelling where absent
  };
  Field find(const FieldNames& names);
  Field require(const FieldNames& names);
  void mismatch(const Field& field, const std::string& needed);
  int64_t integer_value(const Field& field, const Json& value, IntegerRange range);
  double number_value(const Field& field, NumberRange range);

  const Json* json_;
  std::string where_, prefix_;  // prefix_: "rope_scaling." inside that section
  std::shared_ptr<std::optional<Error>> error_;
};

}  // namespace orrery
