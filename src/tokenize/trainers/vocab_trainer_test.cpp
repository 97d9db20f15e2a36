#include "tokenize/trainers/vocab_trainer.h"

#include <doctest/doctest.h>

#include "base/file.h"
#include "base/testing.h"

namespace orrery {

namespace {

LearnedVocab learn(VocabOptions options, const std::vector<std::string>& texts, int threads = 1) {
  VocabTrainer trainer(std::move(options));
  for (const std::string& text : texts) trainer.add(text);
  ThreadPool pool(threads);
  return trainer.train(pool);
}

std::vector<std::string> tokens_of(const LearnedVocab& learned) {
  std::vector<std::string> tokens;
  const Json& vocab = learned.tokenizer_json["model"]["vocab"];
  if (vocab.is_array())
    for (const Json& piece : vocab) tokens.push_back(piece[0]);
  else
    for (const auto& [token, id] : vocab.items()) tokens.push_back(token);
  return tokens;
}

const std::vector<std::string> kTexts = {"low lower lowest, the low road", "new newer newest: the new road", "wide wider widest", "the lowest and the widest road"};
const char* const kAlgorithms[] = {"bpe", "byte-bpe", "unigram", "wordlevel", "wordpiece"};

}  // namespace

TEST_CASE("the most frequent pair is merged first, ties by the lower ids") {
  const LearnedVocab learned = learn({.algorithm = "bpe", .vocab_size = 7, .special_tokens = std::vector<std::string>{}, .pre_tokenizer = Json()}, {"abab", "abab", "abab", "cdcd"});
  CHECK(tokens_of(learned) == std::vector<std::string>{"a", "b", "c", "d", "ab", "abab", "cd"});
  CHECK(learned.tokenizer_json["model"]["merges"] == Json::parse(R"([["a","b"],["ab","ab"],["c","d"]])"));
}

TEST_CASE("a small corpus gives the reference's vocabularies") {
  const Json goldens = parse_json(read_file("src/tokenize/testdata/trained.json").value(), "trained.json").value();
  for (const Json& golden : goldens["cases"]) {
    CAPTURE(to_line(golden["options"]));
    const Json& given = golden["options"];
    VocabOptions options{.algorithm = golden["algorithm"]};
    options.vocab_size = given["vocab_size"];
    options.min_frequency = given.value("min_frequency", 0);
    options.special_tokens = given["special_tokens"].get<std::vector<std::string>>();
    options.initial_alphabet = given["initial_alphabet"];
    if (given.contains("max_token_length")) options.max_token_length = given["max_token_length"];
    if (options.algorithm == "bpe") options.pre_tokenizer = pre_tokenizer_named("whitespace");
    const LearnedVocab learned = learn(options, goldens["corpus"]);
    CHECK(tokens_of(learned) == golden["vocab"].get<std::vector<std::string>>());
    CHECK(learned.tokenizer_json["model"].value("merges", Json::array()) == golden["merges"]);
  }
}

TEST_CASE("special tokens come first, then the bytes, and every text can be encoded") {
  const Tokenizer tokenizer = learn({.algorithm = "byte-bpe", .vocab_size = 300, .special_tokens = std::vector<std::string>{"<s>", "</s>"}}, {"the cat sat on the mat, the cat"}).tokenizer();
  CHECK(tokenizer.id_of("<s>") == 0);
  CHECK(tokenizer.bos_id() == 0);
  CHECK(tokenizer.id_of("!") == 2);
  const std::string text = "the mat \xF0\x9F\x98\x80\n\t</s>";
  CHECK(tokenizer.encode_ids(text)[0] == 0);
  CHECK(tokenizer.decode(tokenizer.encode_ids(text, {.add_special = false})) == text);
}

TEST_CASE("a pair rarer than min_frequency is not merged, nor a token longer than max_token_length made") {
  const VocabOptions base{.algorithm = "bpe", .vocab_size = 1000, .special_tokens = std::vector<std::string>{}};
  VocabOptions rare = base, limited = base;
  rare.min_frequency = 3;
  for (const std::string& token : tokens_of(learn(rare, {"ab ab ab cd cd"}))) CHECK(token != "cd");
  limited.max_token_length = 3;
  limited.pre_tokenizer = pre_tokenizer_named("whitespace");
  for (const std::string& token : tokens_of(learn(limited, {"abcdef abcdef"}))) CHECK(token.size() <= 3);
}

TEST_CASE("the same vocabulary for any order of the texts and number of threads, never more than was asked for") {
  for (const char* algorithm : kAlgorithms) {
    CAPTURE(algorithm);
    const VocabOptions options{.algorithm = algorithm, .vocab_size = std::string_view(algorithm) == "byte-bpe" ? 280 : 45};
    const Json one = learn(options, kTexts, 1).tokenizer_json, other = learn(options, {kTexts.rbegin(), kTexts.rend()}, 3).tokenizer_json;
    CHECK(one == other);
    CHECK(one["model"]["vocab"].size() <= static_cast<size_t>(options.vocab_size));
  }
}

TEST_CASE("every algorithm gives a tokenizer that reads its corpus without unknown tokens") {
  for (const char* algorithm : kAlgorithms) {
    CAPTURE(algorithm);
    const Tokenizer tokenizer = learn({.algorithm = algorithm, .vocab_size = 320}, kTexts).tokenizer();
    for (const std::string& text : kTexts) {
      const std::vector<int32_t> ids = tokenizer.encode_ids(text, {.add_special = false});
      CHECK(!ids.empty());
      for (const int32_t id : ids) CHECK_FALSE(tokenizer.is_special(id));
    }
  }
}

TEST_CASE("metaspace vocabularies give the text back, unknown characters by their bytes") {
  for (const char* algorithm : {"bpe", "unigram"}) {
    CAPTURE(algorithm);
    const Tokenizer tokenizer = learn({.algorithm = algorithm, .vocab_size = 400, .byte_fallback = true}, kTexts).tokenizer();
    const std::string text = "the widest \xE4\xB8\xAD road";
    CHECK(tokenizer.decode(tokenizer.encode_ids(text, {.add_special = false})) == text);
  }
}

TEST_CASE("prefix and suffix mark where tokens stand in a word") {
  const LearnedVocab bpe = learn({.algorithm = "bpe", .vocab_size = 60, .end_of_word_suffix = "</w>"}, kTexts);
  CHECK(bpe.tokenizer().decode(bpe.tokenizer().encode_ids("the low road", {.add_special = false})) == "the low road");
  CHECK(bpe.tokenizer().id_of("the</w>").has_value());
  const LearnedVocab piece = learn({.algorithm = "wordpiece", .vocab_size = 60}, kTexts);
  const Encoding encoded = piece.tokenizer().encode("the lowest");
  CHECK(encoded.tokens().front() == "[CLS]");
  CHECK(encoded.tokens().back() == "[SEP]");
  CHECK(piece.tokenizer().decode(encoded.ids, true) == "the lowest");
}

TEST_CASE("the alphabet is limited to the most frequent characters, and holds those asked for") {
  const std::vector<std::string> tokens = tokens_of(learn({.algorithm = "bpe", .vocab_size = 4, .special_tokens = std::vector<std::string>{}, .limit_alphabet = 3, .initial_alphabet = "z", .pre_tokenizer = Json()}, {"aaab", "bc"}));
  CHECK(tokens == std::vector<std::string>{"a", "b", "z", "aa"});
}

TEST_CASE("words are forgotten from the rarest when the memory is full") {
  WordCounts counts(10000);
  for (int i = 0; i < 500; i++) {
    counts.add("often");
    counts.add("rare" + std::to_string(i));
  }
  CHECK(counts.forgotten_below() >= 1);
  CHECK(counts.size() < 200);
  int64_t often = 0;
  for (const auto& [word, count] : counts.sorted())
    if (word == "often") often = count;
  CHECK(often > 400);
}

TEST_CASE("words counted apart are words counted together, short and long, from the same text for any number of threads") {
  std::vector<WordCounts> parts(3);
  WordCounts whole;
  for (int i = 0; i < 4000; i++) {
    const std::string word = std::string(static_cast<size_t>(i % 23), 'x') + std::to_string(i % 700);
    parts[static_cast<size_t>(i) % 3].add(word);
    whole.add(word);
  }
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    WordCounts joined;
    joined.add(parts, pool);
    CHECK(joined.sorted() == whole.sorted());
  }
}

TEST_CASE("a limit of memory forgets the same words with any number of threads") {
  const TemporaryFolder folder("vocab");
  std::string text;
  for (int i = 0; i < 60000; i++) text += "word" + std::to_string(i * 7919 % 15013) + (i % 10 == 9 ? "\n" : " often ");
  write_file(folder.path() / "a.txt", text).value();
  Json first;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    VocabTrainer trainer({.algorithm = "byte-bpe", .vocab_size = 400, .memory = 200000, .lines = true});
    CHECK(trainer.add_file(folder.path() / "a.txt", pool).ok());
    CHECK(trainer.words().front().forgotten_below() >= 1);
    CHECK(trainer.words().front().times_forgotten() > 10000);
    const Json learned = trainer.train(pool).tokenizer_json;
    if (first.is_null()) first = learned;
    CHECK(learned == first);
  }
}

TEST_CASE("a file is read text by text") {
  const TemporaryFolder folder("vocab");
  write_file(folder.path() / "a.txt", "one two\n<|endoftext|>\nthree\n").value();
  write_file(folder.path() / "b.jsonl", "{\"text\": \"four five\"}\n\n{\"text\": \"six\"}\n").value();
  write_file(folder.path() / "c.jsonl", "{\"other\": 1}\n").value();
  VocabTrainer trainer({.algorithm = "wordlevel"});
  ThreadPool pool(2);
  CHECK(trainer.add_file(folder.path() / "a.txt", pool).ok());
  CHECK(trainer.add_file(folder.path() / "b.jsonl", pool).ok());
  CHECK(trainer.words().front().size() == 6);
  CHECK_FALSE(trainer.add_file(folder.path() / "c.jsonl", pool).ok());
  CHECK_FALSE(trainer.add_file("/nowhere/at/all.txt", pool).ok());
}

TEST_CASE("tokens of characters do not run over the ends of lines, which have a token where they are kept") {
  const TemporaryFolder folder("vocab");
  std::string text;
  for (int i = 0; i < 20; i++) text += "the cat\nsat there\n\n";
  write_file(folder.path() / "a.txt", text).value();
  ThreadPool pool(1);
  for (const char* algorithm : {"bpe", "unigram", "wordpiece"}) {
    CAPTURE(algorithm);
    VocabTrainer trainer({.algorithm = algorithm, .vocab_size = 60});
    CHECK(trainer.add_file(folder.path() / "a.txt", pool).ok());
    const LearnedVocab learned = trainer.train(pool);
    for (const std::string& token : tokens_of(learned)) CHECK((token == "\n" || token.find('\n') == std::string::npos));
    CHECK(learned.tokenizer().id_of("\n").has_value() == (std::string_view(algorithm) != "wordpiece"));
  }
}

TEST_CASE("impossible options are refused") {
  CHECK_THROWS_AS(VocabTrainer({.algorithm = "magic"}), Error);
  CHECK_THROWS_AS(VocabTrainer({.algorithm = "bpe", .vocab_size = 0}), Error);
  CHECK_THROWS_AS(VocabTrainer({.algorithm = "bpe", .special_tokens = std::vector<std::string>{""}}), Error);
  CHECK_THROWS_AS(VocabTrainer({.algorithm = "bpe", .unk_token = "[UNK]"}), Error);
  CHECK_THROWS_AS(VocabTrainer({.algorithm = "byte-bpe", .limit_alphabet = 10}), Error);
  CHECK_THROWS_AS(learn({.algorithm = "unigram", .vocab_size = 8}, kTexts), Error);
}

namespace {

// Merges of the languages' texts, a file each; held_out may be none.
std::vector<std::string> parity_merges(VocabOptions options, const std::vector<std::string>& texts, const std::vector<std::string>& held_out = {}) {
  const TemporaryFolder folder("parity");
  ThreadPool pool(1);
  options.algorithm = "parity-bpe";
  options.special_tokens = std::vector<std::string>{};
  options.lines = true;
  options.pre_tokenizer = Json{{"type", "Sequence"}, {"pretokenizers", Json::array({Json{{"type", "WhitespaceSplit"}}, {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}})}};
  VocabTrainer trainer(options);
  for (const std::string& text : texts) {
    write_file(folder.path() / "text.txt", text).value();
    trainer.add_file(folder.path() / "text.txt", pool).value();
  }
  for (const std::string& text : held_out) {
    write_file(folder.path() / "text.txt", text).value();
    trainer.add_held_out_file(folder.path() / "text.txt", pool).value();
  }
  const LearnedVocab learned = trainer.train(pool);
  std::vector<std::string> merges;
  for (const Json& merge : learned.tokenizer_json["model"]["merges"]) merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  return merges;
}

std::string repeated(const std::string& word, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += word + "\n";
  return text;
}

}  // namespace

TEST_CASE("a fair vocabulary merges for the language that is cut worst") {
  using Merges = std::vector<std::string>;
  // Equally long: the first; of equally frequent pairs the last one in order.
  CHECK(parity_merges({.min_frequency = 1, .num_merges = 6}, {repeated("aabb", 10), repeated("ccdd", 10)}) == Merges{"b b", "d d", "a bb", "c dd", "a abb", "c cdd"});
  // The held-out texts tell.
  CHECK(parity_merges({.num_merges = 2}, {repeated("ab", 10), repeated("cd", 5)}, {repeated("ab", 1), repeated("cd", 10)}) == Merges{"c d", "a b"});
  // A language that had more than its share of the last merges waits.
  const std::vector<std::string> uneven = {repeated("aabb", 100), repeated("ccdd", 1)};
  CHECK(parity_merges({.num_merges = 6}, uneven) == Merges{"b b", "a bb", "a abb", "d d", "c dd", "c cdd"});
  CHECK(parity_merges({.num_merges = 6, .window_size = 2, .variant = "window", .alpha = 1}, uneven) == Merges{"b b", "a bb", "d d", "a abb", "c dd", "c cdd"});
  // A language without pairs is done, and the others go on.
  CHECK(parity_merges({.num_merges = 10}, {repeated("ab", 10), repeated("cdef", 10)}) == Merges{"e f", "d ef", "a b", "c def"});
  // All together first.
  const std::vector<std::string> mirrored = {repeated("ab", 5) + repeated("cd", 1), repeated("ab", 1) + repeated("cd", 5)};
  CHECK(parity_merges({.num_merges = 2, .global_merges = 1}, mirrored) == Merges{"c d", "a b"});
  CHECK(parity_merges({.num_merges = 2}, mirrored) == Merges{"a b", "c d"});
  // The one that is to shrink more comes first.
  CHECK(parity_merges({.num_merges = 1, .ratio = {1, 2}}, mirrored) == Merges{"c d"});
  // The bytes count.
  CHECK(parity_merges({.num_merges = 257, .total_symbols = true}, {"ab\n", "cd\n"}) == Merges{"a b"});
  CHECK_THROWS_AS(parity_merges({.ratio = {1}}, mirrored), Error);
  CHECK_THROWS_AS(parity_merges({}, mirrored, {"ab\n"}), Error);
}

}  // namespace orrery
