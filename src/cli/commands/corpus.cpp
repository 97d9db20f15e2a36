// `orrery corpus NAME`: writes practice data, or checks texts against its rules.
#include "corpora/corpus.h"

#include <algorithm>

#include "cli/command.h"

namespace orrery::cli::commands {
namespace {
constexpr option_words::Choices kNames{{
#define CORPUS(name) #name,
#include "corpora/corpora.inc"
#undef CORPUS
}};

struct CorpusOptions {
  std::string name, format = "lines";
  int64_t first = 0, count = 10;
  std::filesystem::path check;
  static constexpr auto about = describe(
      "corpus", "", option(&CorpusOptions::name, "name", "Which corpus.", kNames, positional(), required()),
      option(&CorpusOptions::count, "count", "Records to write.", at_least(0)),
      option(&CorpusOptions::first, "first", "Index of the first record; a split is a seed or a range.", at_least(0)),
      option(&CorpusOptions::format, "format",
             "One JSON object a line, or the texts alone, each ended by <|endoftext|>.", one_of("lines", "text")),
      option(&CorpusOptions::check, "check", "Check the records of this file instead; a verdict a line.",
             unit("FILE")));
};

// The options of the corpora themselves, under a heading for each. Of two of one name the values are shared.
struct RuleOptions {
  std::vector<std::vector<int64_t>> values;

  void bind(OptionSet& set) {
    for (const Corpus* corpus : corpora()) {
      values.emplace_back();
      for (const CorpusOption& rule : corpus->options) values.back().push_back(rule.default_value);
    }
    for (size_t i = 0; i < values.size(); ++i)
      for (size_t j = 0; j < values[i].size(); ++j) {
        const CorpusOption& rule = corpora()[i]->options[j];
        OptionInfo info;
        info.name = rule.name.c_str();
        info.help = rule.help.c_str();
        info.low = double(rule.min);
        info.high = double(rule.max);
        set.append(info, "", &values[i][j], this, "Of " + corpora()[i]->name);
      }
  }
};

// Those that were given, checked to be options of this corpus.
Json rules_of(const Corpus& corpus, const OptionSet& set) {
  Json given = Json::object();
  for (const Option& option : set.options())
    if (option.given && option.heading.starts_with("Of ")) given[option.info.name] = option.value();
  return resolve_options(corpus, given);
}

void write_records(Context& context, const Corpus& corpus, const Json& rules, const CorpusOptions& options) {
  constexpr int64_t kChunk = 1024;
  const CorpusFormat format = options.format == "text" ? CorpusFormat::text : CorpusFormat::lines;
  Progress progress = context.progress("writing", options.count, "records");
  std::vector<std::string> entries;
  for (int64_t begin = 0; begin < options.count; begin += kChunk) {
    entries.resize(size_t(std::min(kChunk, options.count - begin)));
    context.pool().parallel(int64_t(entries.size()), [&](int64_t i) {
      const Json record = corpus.generate(rules, context.globals().seed, uint64_t(options.first + begin + i));
      entries[size_t(i)] = corpus_entry(record, format);
    });
    std::string chunk;
    for (const std::string& entry : entries) chunk += entry;
    context.out().text(chunk);
    progress.update(begin + int64_t(entries.size()));
  }
}

// The texts of a file in either format.
std::vector<std::string> texts_of(const Corpus& corpus, const std::string& bytes, const std::string& where) {
  constexpr std::string_view kEnd = "<|endoftext|>\n";
  std::vector<std::string> texts;
  const bool lines = bytes.starts_with("{");
  const std::string_view mark = lines ? "\n" : kEnd;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = std::min(bytes.find(mark, begin), bytes.size());
    std::string text = bytes.substr(begin, end - begin);
    if (lines && !text.empty()) {
      const std::string line = where + ", record " + std::to_string(texts.size() + 1);
      Result<std::string> read = text_of(corpus, parse_json(text, line).value());
      if (!read) throw Error{read.error().kind, read.error().what, line};
      text = std::move(*read);
    } else if (!lines && text.ends_with("\n")) {
      text.pop_back();
    }
    if (!text.empty()) texts.push_back(std::move(text));
    begin = end + mark.size();
  }
  return texts;
}

void check_records(Context& context, const Corpus& corpus, const Json& rules, const CorpusOptions& options) {
  const std::vector<std::string> texts = texts_of(corpus, read_file(options.check).value(), options.check.string());
  size_t correct = 0;
  for (const std::string& text : texts) {
    const Verdict verdict = corpus.check(rules, text);
    correct += verdict.correct;
    if (context.json())
      context.out().json({{"correct", verdict.correct},
                          {"log_probability", verdict.correct ? Json(verdict.log_probability) : Json()},
                          {"why_not", verdict.why_not}});
    else context.out().line(verdict.correct ? "correct" : verdict.why_not);
  }
  const auto own = [](const Option& option) { return option.given && option.heading.starts_with("Of "); };
  const std::vector<Option>& all = context.options().options();
  if (2 * correct < texts.size() && !corpus.options.empty() && std::none_of(all.begin(), all.end(), own))
    context.warn("checked by the rule's defaults; the flags that the records were made with, such as --" + corpus.options.back().name + ", are given here too");
  if (!context.json()) context.out().line(std::to_string(correct) + " of " + std::to_string(texts.size()) + " correct");
}

void run(Context& context, CorpusOptions& options, RuleOptions&) {
  const Corpus& corpus = find_corpus(options.name);
  const Json rules = rules_of(corpus, context.options());
  if (options.check.empty()) write_records(context, corpus, rules, options);
  else check_records(context, corpus, rules, options);
}
}  // namespace

const Command& corpus() {
  static const Command command{
      "corpus",
      "Write practice data made by rule, or check texts against the rule.",
      {"orrery corpus sort --length 8 --count 3", "orrery corpus stories --format text --count 2",
       "orrery corpus translation --words 10 --count 2",
       "orrery corpus stories --count 100 -o stories.jsonl && orrery corpus stories --check stories.jsonl"},
      run};
  return command;
}
}  // namespace orrery::cli::commands
