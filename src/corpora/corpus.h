// Practice data made by rule: each record is a pure function of (options, seed, index), so a split is a seed or a range
// of indices, records can be made in any order and in parallel, and nothing has to be stored.
//
//   const Corpus& corpus = find_corpus("sort");
//   const Json options = resolve_options(corpus, {{"length", 10}, {"max", 99}});
//   Json record = corpus.generate(options, seed, index);       // {"text": …, "input": […], "target": […]}
//   Verdict verdict = corpus.check(options, record["text"].get<std::string>());
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace orrery {

// An option, described once; the command line and the reference page are derived from it. All are whole numbers.
struct CorpusOption {
  std::string name;
  int64_t default_value, min, max;   // min and max included
  std::string help;
};

// Is a text one that the corpus could have written?
struct Verdict {
  bool correct = false;
  double log_probability = 0;        // nats; of a correct text, where the corpus knows it
  // Of a text that is not: where, and what was expected.
  size_t position = 0;               // byte of the first word that does not fit
  int sentence = 0;                  // that word's sentence, from 1
  std::string found;                 // that word; empty at the end of the text
  std::vector<std::string> expected;
  std::string why_not;               // all of this in one line; empty when correct
};

struct Corpus {
  std::string name, about;
  std::vector<CorpusOption> options;
  // One record: a JSON object with at least "text". Options as from resolve_options.
  Json (*generate)(const Json& options, uint64_t seed, uint64_t index) = nullptr;
  Verdict (*check)(const Json& options, std::string_view text) = nullptr;
  // The text to check of a record whose ids matter more than its "text"; null where that is all.
  Result<std::string> (*text)(const Json& record) = nullptr;
};

std::span<const Corpus* const> corpora();         // sorted by name
const Corpus& find_corpus(std::string_view name);  // throws an Error that lists the names

// The given options, checked, with defaults for the others. Throws for an unknown name or a value out of range.
Json resolve_options(const Corpus& corpus, const Json& given);

enum class CorpusFormat {
  lines,   // one JSON object a line
  text,    // only the texts, each followed by a line <|endoftext|>
};

struct CorpusFile {
  uint64_t seed = 1;
  uint64_t first = 0, count = 0;     // records of indices [first, first + count)
  CorpusFormat format = CorpusFormat::lines;
};

// The text of a record for `check`: of records as generated, and of as much of one as the corpus needs.
Result<std::string> text_of(const Corpus& corpus, const Json& record);

// Writes records to a file, whole or not at all.
Status write_corpus(const Corpus& corpus, const Json& options, const CorpusFile& what, const std::filesystem::path& path);

// One record as it stands in such a file, with its final newline.
std::string corpus_entry(const Json& record, CorpusFormat format);

}  // namespace orrery
