// Texts read part by part, on one thread and on several, against the same texts read as a whole: a tokenizer with one more added token, which stands in none of the
// texts and can only be looked for in a whole one.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "base/threads.h"
#include "tokenize/test_encodings.h"
#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

Json added(const char* content, int id, bool normalized) {
  return {{"id", id}, {"content", content}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", normalized}, {"special", true}};
}

Json steps(const char* field, std::vector<Json> all) { return {{"type", "Sequence"}, {field, all}}; }

Json bert() {
  Json vocab = Json::object();
  for (const char* token : {"[UNK]", "[SEP]", "the", "a", "##b", "##a", "b", "e", "##e", ".", ",", "(", "_", "-", "7", "##7", "\xE6\xBC\xA2", "##the"}) vocab[token] = vocab.size();
  return {{"normalizer", {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"added_tokens", {added("[SEP]", 1, false)}},
          {"model", {{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"continuing_subword_prefix", "##"}, {"max_input_chars_per_word", 9}, {"vocab", vocab}}}};
}

// With an unknown token that is also met as a piece, and pieces of several kinds of characters.
Json unigram() {
  Json vocab = Json::array();
  double score = -1.5;
  for (const char* piece : {"<unk>", "\xE2\x96\x81", "a", "b", "e", "the", "\xE2\x96\x81the", "a.", "._", ".", "_", "ab", "ba", "(a", "7", "77", "-7", "bb", "ee", "\xE6\xBC\xA2", "B", "(the)"})
    vocab.push_back(Json::array({piece, score -= 0.75}));
  return {{"normalizer", {{"type", "NFKC"}}},
          {"pre_tokenizer", steps("pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Metaspace"}, {"replacement", "\xE2\x96\x81"}, {"prepend_scheme", "always"}}})},
          {"added_tokens", {added("[SEP]", 0, false)}},
          {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocab}}}};
}

// The step that isolates punctuation sees what another put in front.
Json marked_unigram() {
  Json json = unigram();
  std::vector<Json> both = json["pre_tokenizer"]["pretokenizers"];
  both[0] = both[1];
  both[1] = {{"type", "BertPreTokenizer"}};
  json["pre_tokenizer"] = steps("pretokenizers", both);
  return json;
}

Json metaspace_bpe() {
  Json vocab = Json::object();
  for (const char* token : {"<unk>", "<s>", "\xE2\x96\x81", "a", "b", "e", "t", "h", "th", "the", "\xE2\x96\x81t", "\xE2\x96\x81the", ".", "..", "_", "(", "ab", "(a", "7", "-", "\xE2\x96\x81\xE2\x96\x81"}) vocab[token] = vocab.size();
  return {{"normalizer", steps("normalizers", {{{"type", "Prepend"}, {"prepend", "\xE2\x96\x81"}}, {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xE2\x96\x81"}}})},
          {"added_tokens", {added("<s>", 1, true)}},
          {"model",
           {{"type", "BPE"}, {"unk_token", "<unk>"}, {"fuse_unk", true}, {"vocab", vocab}, {"merges", {"t h", "th e", "\xE2\x96\x81 t", "\xE2\x96\x81 the", ". .", "a b", "( a", "\xE2\x96\x81 \xE2\x96\x81"}}}}};
}

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> parts = {"a", "b", "e", "the", "B", "T", "7", "77", ".", "._", "_", "(", "(the)", "-", ",", "{", "{}", "<unk>", "<s>", "[SEP]", " ", "  ", "\n", "\t ", "\r\n", "\xE2\x96\x81",
                                                 "\xC3\xA9", "e\xCC\x81", "\xCC\x81", "<\xCC\xB8", "\xE6\xBC\xA2", "\xE6\xBC\xA2\xE5\xAD\x97", "\xC2\xA0", "\xE3\x80\x80", "\xEF\xAC\x81", "\xE3\x8E\xA1", "\x01", "\xE2\x80\x8D", "abababababababab"};
  std::string text;
  const size_t length = random() % 24, favourite = random() % parts.size();
  for (size_t i = 0; i < length; ++i) text += parts[random() % 3 == 0 ? favourite : random() % parts.size()];
  return text;
}

}  // namespace

TEST_CASE("a text read part by part has the tokens of the whole") {
  ThreadPool pool(2);
  for (const Json& json : {bert(), unigram(), marked_unigram(), metaspace_bpe()}) {
    CAPTURE(json["model"]["type"]);
    Json other = json;
    other["added_tokens"].push_back(added("\xE2\x96\x81\x02\xE2\x96\x81never", 900, true));
    const Tokenizer by_parts = Tokenizer::from_json(json).value(), whole = Tokenizer::from_json(other).value();
    std::mt19937_64 random(11);
    for (int round = 0; round < 6000; ++round) {
      const std::string text = random_text(random);
      CAPTURE(text);
      EncodeOptions options{.unit = static_cast<OffsetUnit>(round % 3)};
      const Encoding a = by_parts.encode(text, options), b = whole.encode(text, options);
      require_equal(a, b);
      REQUIRE(by_parts.encode_ids(text, options) == b.ids);
      options.pool = &pool;
      options.least_share = 1 + random() % 12;
      require_equal(by_parts.encode(text, options), b);
      REQUIRE(by_parts.encode_ids(text, options) == b.ids);
    }
  }
}
