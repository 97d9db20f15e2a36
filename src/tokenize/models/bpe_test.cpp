// Words of all lengths against the definition: the merge of the lowest rank, the leftmost of equals, one at a time.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;

std::vector<std::string> merged(const std::string& word, const Merges& merges) {
  std::vector<std::string> tokens;
  for (const char c : word) tokens.emplace_back(1, c);
  for (;;) {
    size_t lowest = merges.size(), at = 0;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto found = static_cast<size_t>(std::find(merges.begin(), merges.end(), std::pair(tokens[i], tokens[i + 1])) - merges.begin());
      if (found < lowest) lowest = found, at = i;
    }
    if (lowest == merges.size()) return tokens;
    tokens[at] += tokens[at + 1];
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("words of all lengths merge by the lowest rank, in whatever order merges stand") {
  std::mt19937_64 random(4);
  for (int round = 0; round < 24; ++round) {
    std::vector<std::string> tokens = {"a", "b", "c"};
    Merges merges;
    while (merges.size() < 25) {
      const std::string left = tokens[random() % tokens.size()], right = tokens[random() % tokens.size()], joined = left + right;
      if (std::find(tokens.begin(), tokens.end(), joined) != tokens.end()) continue;
      tokens.push_back(joined);
      merges.emplace_back(left, right);
    }
    if (round % 2 == 1) std::shuffle(merges.begin(), merges.end(), random);
    Json vocab = Json::object(), list = Json::array();
    for (size_t i = 0; i < tokens.size(); ++i) vocab[tokens[i]] = i;
    for (const auto& [left, right] : merges) list.push_back(Json::array({left, right}));
    const Tokenizer tokenizer = Tokenizer::from_json({{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", list}}}}).value();
    for (const size_t length : {1 + random() % 40, 1 + random() % 500, 513 + random() % 300}) {
      std::string word;
      const size_t letters = 1 + random() % 3;
      while (word.size() < length) word += static_cast<char>('a' + random() % letters);
      std::vector<int32_t> expected;
      for (const std::string& token : merged(word, merges)) expected.push_back(vocab[token].get<int32_t>());
      CAPTURE(word);
      REQUIRE(tokenizer.encode_ids(word) == expected);
    }
  }
}

namespace {

// Long texts of runs, of repeated words and of anything, of a few characters.
std::string long_text(std::mt19937_64& random, const std::vector<std::string>& characters, size_t count) {
  std::string text;
  const auto any = [&]() -> const std::string& { return characters[random() % characters.size()]; };
  while (count > 0) {
    const size_t length = std::min<size_t>(count, 1 + random() % (random() % 4 == 0 ? 1500 : 40)), period = 1 + random() % 5;
    std::vector<std::string> word;
    for (size_t i = 0; i < period; ++i) word.push_back(any());
    const bool repeats = random() % 2 == 0;
    for (size_t i = 0; i < length; ++i) text += repeats ? word[i % period] : any();
    count -= length;
  }
  return text;
}

// The definition, over ids.
std::vector<int32_t> merged_ids(std::vector<int32_t> ids, const std::map<std::pair<int32_t, int32_t>, std::pair<size_t, int32_t>>& merges) {
  for (;;) {
    std::pair<size_t, int32_t> lowest{SIZE_MAX, 0};
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i)
      if (const auto found = merges.find({ids[i], ids[i + 1]}); found != merges.end() && found->second.first < lowest.first) lowest = found->second, at = i;
    if (lowest.first == SIZE_MAX) return ids;
    ids[at] = lowest.second;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

}  // namespace

TEST_CASE("long words of any script, by characters and by bytes, merge as by the definition") {
  const std::vector<std::string> characters = {"a", "b", "\u00E9", "\u00FC", "\u0301", "\u6F22", "\u5B57", "\u5B58", "\u4E00", "\U0001F642"};
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    const bool bytes = round % 2 == 0;
    std::vector<std::string> tokens;   // by id
    std::map<std::string, int32_t> id_of;
    const auto add = [&](const std::string& token) { return id_of.emplace(token, int32_t(tokens.size())).second ? tokens.push_back(token), true : false; };
    if (bytes) {
      for (int b = 0; b < 256; ++b) add(to_utf8(byte_to_char(static_cast<unsigned char>(b))));
    } else {
      for (const std::string& c : characters) add(c);
    }
    const auto spell = [&](const std::string& text) {
      std::vector<std::string> spelled;
      for (size_t at = 0; at < text.size();) {
        const size_t size = bytes ? 1 : decode_utf8(text, at).size;
        spelled.push_back(bytes ? to_utf8(byte_to_char(static_cast<unsigned char>(text[at]))) : text.substr(at, size));
        at += size;
      }
      return spelled;
    };
    // Merges of what stands side by side in the characters' texts, so that many cross them.
    Merges list;
    const size_t wanted = 5 + random() % 60;
    for (int tries = 0; list.size() < wanted && tries < 5000; ++tries) {
      std::vector<std::string> spelled = spell(long_text(random, characters, 2 + random() % 4));
      for (size_t i = 0; i + 1 < spelled.size(); ++i)
        while (i + 1 < spelled.size() && random() % 4 != 0 && (id_of.contains(spelled[i] + spelled[i + 1]) || list.size() < wanted)) {
          const std::string left = spelled[i], right = spelled[i + 1];
          if (add(left + right)) list.emplace_back(left, right);
          spelled[i] += right;
          spelled.erase(spelled.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
    }
    if (round % 3 == 0) std::shuffle(list.begin(), list.end(), random);
    std::map<std::pair<int32_t, int32_t>, std::pair<size_t, int32_t>> merges;
    Json vocab = Json::object(), told = Json::array();
    for (const auto& [left, right] : list) {
      merges.emplace(std::pair(id_of[left], id_of[right]), std::pair(told.size(), id_of[left + right]));
      told.push_back(Json::array({left, right}));
    }
    for (const auto& [token, id] : id_of) vocab[token] = id;
    Json json = {{"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", told}}}};
    if (bytes) json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}, {"trim_offsets", false}};
    const Tokenizer tokenizer = Tokenizer::from_json(json).value();
    for (int text = 0; text < 3; ++text) {
      const std::string word = long_text(random, characters, 1 + random() % (text == 0 ? 900 : 60));
      std::vector<int32_t> ids;
      for (const std::string& symbol : spell(word)) ids.push_back(id_of.at(symbol));
      CAPTURE(round);
      CAPTURE(word);
      REQUIRE(tokenizer.encode_ids(word) == merged_ids(ids, merges));
      REQUIRE(tokenizer.encode(word).ids == tokenizer.encode_ids(word));
    }
  }
}

TEST_CASE("characters that a vocabulary lacks are unknown in long words as in short ones") {
  const Json merges = Json::array({Json::array({"\u6F22", "\u5B57"}), Json::array({"a", "a"})});
  for (const bool fuse : {false, true}) {
    const Json model = {{"type", "BPE"}, {"unk_token", "?"}, {"fuse_unk", fuse}, {"vocab", {{"?", 0}, {"a", 1}, {"aa", 2}, {"\u6F22", 3}, {"\u5B57", 4}, {"\u6F22\u5B57", 5}}}, {"merges", merges}};
    const Tokenizer tokenizer = Tokenizer::from_json({{"model", model}}).value();
    for (const size_t count : {1, 7, 700}) {
      std::string text;
      std::vector<int32_t> expected;
      for (size_t i = 0; i < count; ++i) {
        text += "\u6F22\u5B57\u4E00\u4E01aaa";
        expected.insert(expected.end(), {5, 0});
        if (!fuse) expected.push_back(0);
        expected.insert(expected.end(), {2, 1});
      }
      CHECK(tokenizer.encode_ids(text) == expected);
      CHECK(tokenizer.encode_ids(text) == expected);
    }
  }
}
