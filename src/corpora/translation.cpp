// The corpus of the toy language pair: draws source sentences, has them translated, checks translations.
#include "corpora/translation.h"

#include <algorithm>

#include "base/random.h"
#include "corpora/corpus.h"
#include "corpora/translation_words.h"

namespace orrery {
namespace {

using translation::Kind;

constexpr int64_t kShortest = 4;

class Writer {
 public:
  explicit Writer(Random& random) : random_(random) {}

  std::vector<int32_t> sentence() {
    ids_.clear();
    clause();
    if (chance(0.25)) {
      add(Kind::conjunction);
      clause();
    }
    return ids_;
  }

 private:
  void clause() {
    phrase(true);
    predicate(true);
    if (!chance(0.3)) return;
    add(Kind::preposition);
    phrase(true);
  }
  void phrase(bool may_have_clause) {
    add(Kind::determiner);
    for (double p : {0.5, 0.3}) {
      if (!chance(p)) break;
      add(Kind::adjective);
    }
    add(Kind::noun);
    if (!may_have_clause || !chance(0.2)) return;
    add(Kind::relative);
    predicate(false);
  }
  void predicate(bool object_may_have_clause) {
    if (chance(0.4)) add(Kind::adverb);
    const bool transitive = chance(0.65);
    add(transitive ? Kind::transitive : Kind::intransitive);
    if (transitive) phrase(object_may_have_clause);
  }
  void add(Kind kind) {
    const translation::Ids ids = translation::source_ids(kind);
    ids_.push_back(ids.first + int32_t(random_.below(uint64_t(ids.count))));
  }
  bool chance(double p) { return random_.uniform() < p; }

  Random& random_;
  std::vector<int32_t> ids_;
};

std::string spelled(const std::vector<int32_t>& ids) {
  std::string text;
  for (const int32_t id : ids) (text += text.empty() ? "" : " ") += translation_word(id);
  return text;
}

bool agrees(const Json& options) { return options.at("agreement") != 0; }

// The length is drawn first, all alike, and then sentences until one has it: long ones are as frequent as short ones.
Json generate(const Json& options, uint64_t seed, uint64_t index) {
  Random random(seed, index);
  const size_t length = size_t(kShortest) + random.below(options.at("words").get<uint64_t>() - uint64_t(kShortest) + 1);
  Writer writer(random);
  std::vector<int32_t> source;
  do source = writer.sentence();
  while (source.size() != length);
  const Translation right = translate(source, agrees(options)).value();
  const std::string from = spelled(source), to = spelled(right.target);
  return {{"text", from + " -> " + to}, {"input", source},  {"target", right.target}, {"alignment", right.alignment},
          {"source", from},             {"translation", to}};
}

struct Word {
  std::string_view text;
  size_t position;   // of its first byte
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    words.push_back({text.substr(begin, end - begin), begin});
    begin = end + 1;
  }
  return words;
}

// Word `at` of source, "->" and translation is not what was expected.
Verdict refused(std::string_view text, const std::vector<Word>& words, size_t at, size_t source_size, const std::string& expected) {
  Verdict verdict;
  const bool in_source = at <= source_size;
  verdict.position = at < words.size() ? words[at].position : text.size();
  verdict.sentence = in_source ? 1 : 2;
  if (at < words.size()) verdict.found = words[at].text.substr(0, 60);
  verdict.expected = {expected};
  verdict.why_not = "word " + std::to_string(in_source ? at + 1 : at - source_size) + " of the " + (in_source ? "source" : "translation") + ": " +
                    (at < words.size() ? "found \"" + verdict.found + "\"" : "the text ends") + ", expected " + expected;
  return verdict;
}

// "every fox sleeps near a horse -> omna vola uno kavo ped dormar", words parted by single spaces.
Verdict check(const Json& options, std::string_view text) {
  const std::vector<Word> words = words_of(text);
  std::vector<int32_t> source;
  while (source.size() < words.size() && words[source.size()].text != "->") source.push_back(translation::id_of(words[source.size()].text));
  const size_t size = source.size(), longest = options.at("words").get<size_t>();
  const auto not_so = [&](size_t at, const std::string& expected) { return refused(text, words, at, size, expected); };
  if (const auto misfit = find_misfit(source)) return not_so(misfit->position, misfit->expected);
  if (size > longest) return not_so(longest, "at most " + std::to_string(longest) + " words");
  if (size < size_t(kShortest)) return not_so(size, "at least " + std::to_string(kShortest) + " words");
  if (size == words.size()) return not_so(size, "\"->\" and the translation");
  const Translation right = translate(source, agrees(options)).value();
  for (size_t i = 0; i < size; ++i) {
    const size_t at = size + 1 + i;
    const std::string_view expected = translation_word(right.target[i]);
    if (at >= words.size() || words[at].text != expected) return not_so(at, "\"" + std::string(expected) + "\"");
  }
  if (words.size() > 2 * size + 1) return not_so(2 * size + 1, "the end of the text");
  Verdict verdict;
  verdict.correct = true;   // its log-probability stays 0: given the source there is only this
  return verdict;
}

// Where a record has ids, they are what is learned, so they are checked: "#200" stands for an id that is none.
Result<std::string> text(const Json& record) {
  const auto has = [&](const std::string& key) { return record.is_object() && record.contains(key); };
  if (has("text") && !has("input") && !has("target") && record["text"].is_string()) return record["text"].get<std::string>();
  std::string written;
  for (const std::string key : {"input", "target"}) {
    if (!has(key) || !record[key].is_array()) return Error{ErrorKind::bad_file, "a record has neither \"text\" nor the lists \"input\" and \"target\"", ""};
    if (key == "target") written += written.empty() ? "->" : " ->";
    for (const Json& id : record[key]) {
      const std::string_view word = id.is_number_integer() ? translation_word(id.get<int64_t>()) : "";
      if (!written.empty()) written += ' ';
      if (word.empty()) (written += '#') += to_line(id);
      else written += word;
    }
  }
  return written;
}

}  // namespace

const Corpus& translation_corpus() {
  static const Corpus corpus = {
      .name = "translation",
      .about = "Sentences and their translation into an invented language of other order and with agreement, for encoder-decoders.",
      .options = {{"words", 14, kShortest, 24, "The most words a sentence has; the fewest is 4."},
                  {"agreement", 1, 0, 1, "Whether words agree in gender; with 0 each has one form, and a translation is a reordering."}},
      .generate = generate,
      .check = check,
      .text = text};
  return corpus;
}

}  // namespace orrery
