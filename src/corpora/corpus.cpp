#include "corpora/corpus.h"

#include <array>

#include "base/file.h"

namespace orrery {

#define CORPUS(name) const Corpus& name##_corpus();
#include "corpora/corpora.inc"
#undef CORPUS

std::span<const Corpus* const> corpora() {
#define CORPUS(name) &name##_corpus(),
  static const std::array all = {
#include "corpora/corpora.inc"
  };
#undef CORPUS
  return all;
}

const Corpus& find_corpus(std::string_view name) {
  std::string names;
  for (const Corpus* corpus : corpora()) {
    if (corpus->name == name) return *corpus;
    names += (names.empty() ? "" : ", ") + corpus->name;
  }
  throw Error{ErrorKind::bad_usage, "there is no corpus '" + std::string(name) + "'", "", "choose one of " + names};
}

Json resolve_options(const Corpus& corpus, const Json& given) {
  Json resolved = Json::object();
  for (const auto& option : corpus.options) resolved[option.name] = option.default_value;
  for (const auto& [name, value] : given.items()) {
    const CorpusOption* known = nullptr;
    for (const auto& option : corpus.options) {
      if (option.name == name) known = &option;
    }
    if (!known) {
      std::string names;
      for (const auto& option : corpus.options) names += (names.empty() ? "" : ", ") + option.name;
      throw Error{ErrorKind::bad_usage, "unknown option '" + name + "'", "corpus " + corpus.name, names.empty() ? "this corpus has no options of its own" : "its own options: " + names};
    }
    const bool whole = value.is_number_integer() && !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX));
    if (!whole || value.get<int64_t>() < known->min || value.get<int64_t>() > known->max) {
      throw Error{ErrorKind::bad_usage, name + " is " + to_line(value) + ", expected a whole number from " +
                                            std::to_string(known->min) + " to " + std::to_string(known->max),
                  "corpus " + corpus.name};
    }
    resolved[name] = value.get<int64_t>();
  }
  return resolved;
}

Result<std::string> text_of(const Corpus& corpus, const Json& record) {
  if (corpus.text) return corpus.text(record);
  if (!record.is_object() || !record.contains("text") || !record["text"].is_string())
    return Error{ErrorKind::bad_file, "a record has no \"text\"", ""};
  return record["text"].get<std::string>();
}

std::string corpus_entry(const Json& record, CorpusFormat format) {
  if (format == CorpusFormat::lines) return to_line(record) + "\n";
  return record.at("text").get_ref<const std::string&>() + "\n<|endoftext|>\n";
}

Status write_corpus(const Corpus& corpus, const Json& options, const CorpusFile& what, const std::filesystem::path& path) {
  const Json resolved = resolve_options(corpus, options);
  AtomicFile file(path);
  std::string pending;
  for (uint64_t i = 0; i < what.count; ++i) {
    pending += corpus_entry(corpus.generate(resolved, what.seed, what.first + i), what.format);
    if (pending.size() < (size_t(1) << 20)) continue;
    file.write(pending);
    pending.clear();
  }
  file.write(pending);
  return file.commit();
}

}  // namespace orrery
