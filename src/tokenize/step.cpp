#include "tokenize/step.h"

#include "base/utf8.h"

namespace orrery {

namespace steps {
#define STEP(name) const StepKind& name();
#include "tokenize/steps/steps.inc"
#undef STEP
}  // namespace steps

namespace {

const std::vector<const StepKind*>& kinds() {
  static const std::vector<const StepKind*> all = {
#define STEP(name) &steps::name(),
#include "tokenize/steps/steps.inc"
#undef STEP
  };
  return all;
}

std::string type_of(const Json& config) {
  if (config.is_object())
    if (const auto type = config.find("type"); type != config.end() && type->is_string()) return type->get<std::string>();
  return "a step without a type";
}

// A step's maker for one role; `role` is the member of StepKind, `what` its name in messages.
template <class Step>
std::unique_ptr<Step> make(const Json& config, std::unique_ptr<Step> (*StepKind::*role)(const Json&), const char* what) {
  if (!config.is_object() || !config.contains("type") || !config["type"].is_string())
    throw Error{ErrorKind::bad_file, std::string(what) + " is no object with a \"type\"", ""};
  const std::string type = config["type"].get<std::string>();
  for (const StepKind* kind : kinds())
    if (kind->type == type && kind->*role) return (kind->*role)(config);
  throw Error{ErrorKind::unsupported, std::string(what) + " '" + type + "' is not supported", ""};
}

template <class T>
T read_field(const Json& config, const char* name, bool (Json::*is_type)() const noexcept, const std::string& expected,
             const T* fallback) {
  const auto field = config.find(name);
  if (field == config.end() || field->is_null()) {
    if (fallback) return *fallback;
    bad_field(config, name, expected);
  }
  if (!((*field).*is_type)()) bad_field(config, name, expected);
  return field->get<T>();
}

}  // namespace

std::unique_ptr<Normalizer> make_normalizer(const Json& config) { return make(config, &StepKind::normalizer, "the normalizer"); }
std::unique_ptr<PreTokenizer> make_pre_tokenizer(const Json& config) {
  return make(config, &StepKind::pre_tokenizer, "the pre-tokenizer");
}
std::unique_ptr<PostProcessor> make_post_processor(const Json& config) {
  return make(config, &StepKind::post_processor, "the post-processor");
}
std::unique_ptr<Decoder> make_decoder(const Json& config) { return make(config, &StepKind::decoder, "the decoder"); }

void bad_field(const Json& config, const char* name, const std::string& expected) {
  const bool absent = !config.is_object() || !config.contains(name);
  throw Error{ErrorKind::bad_file,
              type_of(config) + (absent ? " lacks" : " has a wrong") + " \"" + name + "\": expected " + expected, ""};
}

bool flag_field(const Json& config, const char* name) {
  return read_field<bool>(config, name, &Json::is_boolean, "true or false", nullptr);
}
bool flag_field(const Json& config, const char* name, bool fallback) {
  return read_field<bool>(config, name, &Json::is_boolean, "true or false", &fallback);
}
std::string text_field(const Json& config, const char* name) {
  return read_field<std::string>(config, name, &Json::is_string, "a string", nullptr);
}
std::string text_field(const Json& config, const char* name, std::string_view fallback) {
  const std::string text(fallback);
  return read_field<std::string>(config, name, &Json::is_string, "a string", &text);
}

char32_t char_field(const Json& config, const char* name) {
  const std::string text = text_field(config, name);
  const CodePoint c = text.empty() ? CodePoint{} : decode_utf8(text, 0);
  if (text.empty() || c.size != text.size()) bad_field(config, name, "one character");
  return c.value;
}

int64_t count_field(const Json& config, const char* name) {
  const auto field = config.find(name);
  if (field == config.end() || !field->is_number_integer() || *field < 0 || *field > INT32_MAX)
    bad_field(config, name, "a whole number from 0 to 2147483647");
  return field->get<int64_t>();
}
int64_t count_field(const Json& config, const char* name, int64_t fallback) {
  return config.contains(name) && !config[name].is_null() ? count_field(config, name) : fallback;
}

const Json& list_field(const Json& config, const char* name) {
  const auto field = config.find(name);
  if (field == config.end() || !field->is_array()) bad_field(config, name, "a list");
  return *field;
}

}  // namespace orrery
