#include <doctest/doctest.h>

#include "base/file.h"
#include "base/testing.h"
#include "tokenize/trainers/vocab_trainer.h"

namespace orrery {

namespace {

const std::string& corpus() {
  static const std::string text = read_file("../shared/tokenizers/training/botchan.txt").value();
  return text;
}

Json reference(const std::string& name) {
  const std::string file = name + ".json";
  return parse_json(read_file("../shared/tokenizers/training/" + file).value(), file).value();
}

template <class F>
void each_line(F f) {
  for (size_t at = 0; at <= corpus().size();) {
    const size_t newline = std::min(corpus().find('\n', at), corpus().size());
    f(std::string_view(corpus()).substr(at, newline - at));
    at = newline + 1;
  }
}

LearnedVocab learn(VocabOptions options) {
  options.lines = true;
  VocabTrainer trainer(std::move(options));
  ThreadPool pool(2);
  trainer.add_file("../shared/tokenizers/training/botchan.txt", pool).value();
  return trainer.train(pool);
}

int64_t tokens_for_corpus(const Tokenizer& tokenizer) {
  int64_t count = 0;
  each_line([&](std::string_view line) { count += static_cast<int64_t>(tokenizer.encode_ids(line, {.add_special = false}).size()); });
  return count;
}

}  // namespace

TEST_CASE("the reference's vocabularies are learned exactly where it repeats itself") {
  if (!shared_available("tokenizers")) return;
  const std::pair<const char*, VocabOptions> cases[] = {
      {"bpe_bytelevel", {.algorithm = "byte-bpe", .vocab_size = 2000}},
      {"bpe_whitespace_min5",
       {.algorithm = "bpe", .vocab_size = 2000, .min_frequency = 5, .special_tokens = std::vector<std::string>{"<unk>"}, .limit_alphabet = 50, .pre_tokenizer = pre_tokenizer_named("whitespace")}},
      {"wordlevel", {.algorithm = "wordlevel", .vocab_size = 2000}}};
  for (const auto& [name, options] : cases) {
    CAPTURE(name);
    const Json learned = learn(options).tokenizer_json, expected = reference(name);
    CHECK(learned["model"] == expected["model"]);
    CHECK(learned["added_tokens"] == expected["added_tokens"]);
  }
}

TEST_CASE("WordPiece and Unigram need no more tokens than the reference's, which differ from run to run") {
  if (!shared_available("tokenizers")) return;
  for (const auto& [name, algorithm] : {std::pair("wordpiece_bert", "wordpiece"), {"unigram_metaspace", "unigram"}}) {
    CAPTURE(name);
    VocabOptions options{.algorithm = algorithm, .vocab_size = 2000};
    if (std::string_view(algorithm) == "unigram") options.special_tokens = {"<unk>"};
    const Tokenizer learned = learn(options).tokenizer(), expected = Tokenizer::from_json(reference(name)).value();
    CHECK(learned.vocab_size() == 2000);
    const int64_t ours = tokens_for_corpus(learned), theirs = tokens_for_corpus(expected);
    CAPTURE(ours);
    CAPTURE(theirs);
    CHECK(static_cast<double>(ours) <= 1.005 * static_cast<double>(theirs));
  }
}

}  // namespace orrery
