#include "tokenize/trainers/byte_bpe.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <queue>

#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/scanners.h"
#include "tokenize/vocab.h"

namespace orrery {

namespace {

using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t key = uint64_t(uint32_t(pair.first)) << 32 | uint32_t(pair.second);
    return static_cast<size_t>((key ^ key >> 29) * 0x9E3779B97F4A7C15u);
  }
};

struct Symbol {
  int32_t id;
  int32_t bytes;
};

// A word of the corpus as its present symbols, in one array for all words.
struct Word {
  size_t begin;
  uint32_t size;
  int64_t count;
};

// A pair to merge, with its count when it was proposed and the words that may hold it.
struct Candidate {
  int64_t count;
  Pair pair;
  size_t words;   // index of the list
  bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : pair > o.pair; }
};

class Learner {
 public:
  explicit Learner(const ByteBpeOptions& options) : options_(options) {}

  void set_alphabet(const std::array<bool, 256>& seen) {
    for (const std::string& token : options_.special_tokens) id_of(token);
    std::vector<std::pair<char32_t, unsigned>> alphabet;   // in the order of the characters that stand for the bytes
    for (unsigned byte = 0; byte < 256; byte++)
      if (seen[byte] || options_.whole_alphabet) alphabet.emplace_back(byte_to_char(static_cast<unsigned char>(byte)), byte);
    std::sort(alphabet.begin(), alphabet.end());
    for (const auto& [character, byte] : alphabet) byte_ids_[byte] = id_of(to_utf8(character));
  }

  void add_word(std::string_view bytes, int64_t count) {
    const auto index = static_cast<uint32_t>(words_.size());
    words_.push_back({symbols_.size(), static_cast<uint32_t>(bytes.size()), count});
    for (const char c : bytes) symbols_.push_back({byte_ids_[static_cast<unsigned char>(c)], 1});
    const Symbol* word = symbols_.data() + words_.back().begin;
    for (size_t i = 0; i + 1 < bytes.size(); i++) change({word[i].id, word[i + 1].id}, count, index);
  }

  ByteBpe learn(const std::function<void(int64_t, int64_t)>& progress) {
    propose();
    const int64_t wanted = options_.vocab_size - static_cast<int64_t>(tokens_.size());
    while (static_cast<int64_t>(tokens_.size()) < options_.vocab_size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      if (const int64_t now = counts_[top.pair]; now != top.count) {
        top.count = now;
        queue_.push(top);
        continue;
      }
      if (top.count < 1 || top.count < options_.min_frequency) break;
      const auto left = static_cast<size_t>(top.pair.first), right = static_cast<size_t>(top.pair.second);
      merges_.emplace_back(tokens_[left], tokens_[right]);
      const int32_t product = id_of(tokens_[left] + tokens_[right]);
      const std::vector<uint32_t> places = std::move(lists_[top.words]);
      for (const uint32_t word : places) merge(word, top.pair, product);
      propose();
      if (progress && merges_.size() % 64 == 0) progress(static_cast<int64_t>(merges_.size()), wanted);
    }
    if (progress) progress(static_cast<int64_t>(merges_.size()), static_cast<int64_t>(merges_.size()));
    return {options_, std::move(tokens_), std::move(merges_)};
  }

 private:
  int32_t id_of(const std::string& token) {
    const auto [entry, is_new] = ids_.emplace(token, static_cast<int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(token);
    return entry->second;
  }

  // `by` more occurrences of a pair, in a word where it is new when `by` is positive.
  void change(const Pair& pair, int64_t by, uint32_t word) {
    counts_[pair] += by;
    if (by <= 0) return;
    std::vector<uint32_t>& places = new_places_[pair];
    if (places.empty() || places.back() != word) places.push_back(word);
  }

  // Puts the pairs that appeared since the last time into the queue.
  void propose() {
    for (auto& [pair, places] : new_places_) {
      const int64_t count = counts_[pair];
      if (count <= 0) continue;
      queue_.push({count, pair, lists_.size()});
      lists_.push_back(std::move(places));
    }
    new_places_.clear();
  }

  // Joins the pair wherever it stands in a word, from left to right, and counts what its neighbours become.
  void merge(uint32_t index, const Pair& pair, int32_t product) {
    Word& word = words_[index];
    Symbol* symbols = symbols_.data() + word.begin;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < word.size; i++) {
      if (i + 1 == word.size || symbols[i].id != pair.first || symbols[i + 1].id != pair.second) {
        symbols[kept++] = symbols[i];
        continue;
      }
      const Symbol joined{product, symbols[i].bytes + symbols[i + 1].bytes};
      const auto fits = [&](const Symbol& neighbour) { return neighbour.bytes + joined.bytes < options_.max_token_length; };
      if (kept > 0) {
        const Symbol& before = symbols[kept - 1];
        change({before.id, pair.first}, -word.count, index);
        if (fits(before)) change({before.id, product}, word.count, index);
      }
      if (i + 2 < word.size) {
        const Symbol& after = symbols[i + 2];
        change({pair.second, after.id}, -word.count, index);
        if (fits(after)) change({product, after.id}, word.count, index);
      }
      symbols[kept++] = joined;
      i++;
    }
    word.size = kept;
  }

  const ByteBpeOptions& options_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::pair<std::string, std::string>> merges_;
  std::vector<Symbol> symbols_;
  std::vector<Word> words_;
  std::unordered_map<Pair, int64_t, PairHash> counts_;
  std::unordered_map<Pair, std::vector<uint32_t>, PairHash> new_places_;
  std::vector<std::vector<uint32_t>> lists_;   // words of the candidates
  std::priority_queue<Candidate> queue_;
};

}  // namespace

size_t ByteBpeTrainer::Hash::operator()(std::string_view text) const { return static_cast<size_t>(hash_bytes(text)); }

ByteBpeTrainer::ByteBpeTrainer(ByteBpeOptions options) : options_(std::move(options)) {
  const auto refuse = [](const std::string& what) { throw Error{ErrorKind::bad_usage, what, ""}; };
  if (options_.vocab_size < 1 || options_.vocab_size > (1 << 24))
    refuse("vocab_size is " + std::to_string(options_.vocab_size) + ", expected 1 to 16777216");
  for (const std::string& token : options_.special_tokens)
    if (token.empty() || !is_valid_utf8(token)) refuse("a special token is empty or not valid UTF-8");
  for (const std::string& role : {options_.bos_token, options_.eos_token, options_.pad_token})
    if (!role.empty() && std::find(options_.special_tokens.begin(), options_.special_tokens.end(), role) == options_.special_tokens.end())
      refuse("'" + role + "' has a role but is not among the special tokens");
  if (options_.add_bos && options_.bos_token.empty()) refuse("add_bos needs a bos_token");
}

void ByteBpeTrainer::add(std::string_view text) {
  if (!is_valid_utf8(text)) return add(repair_utf8(text).text);
  std::string spaced;
  if (options_.add_prefix_space && !text.empty() && text[0] != ' ') text = spaced = " " + std::string(text);
  scan_gpt2(text, [&](size_t begin, size_t end) {
    const std::string_view word = text.substr(begin, end - begin);
    if (const auto known = words_.find(word); known != words_.end())
      known->second++;
    else
      words_.emplace(word, 1);
  });
}

Status ByteBpeTrainer::add_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorKind::not_found, "cannot be opened", path.string()};
  for (std::string line; std::getline(in, line);) {
    if (!in.eof()) line += '\n';
    add(line);
  }
  if (in.bad()) return Error{ErrorKind::io, "cannot be read", path.string()};
  return done();
}

ByteBpe ByteBpeTrainer::train(const std::function<void(int64_t, int64_t)>& progress) const {
  std::vector<std::pair<std::string_view, int64_t>> words(words_.begin(), words_.end());
  std::sort(words.begin(), words.end());
  std::array<bool, 256> seen{};
  for (const auto& [word, count] : words)
    for (const char c : word) seen[static_cast<unsigned char>(c)] = true;
  Learner learner(options_);
  learner.set_alphabet(seen);
  for (const auto& [word, count] : words) learner.add_word(word, count);
  return learner.learn(progress);
}

Json ByteBpe::tokenizer_json() const {
  Json vocab = Json::object();
  auto& entries = static_cast<Json::object_t::Container&>(vocab.get_ref<Json::object_t&>());   // see vocab_json()
  for (size_t id = 0; id < tokens.size(); id++) entries.emplace_back(tokens[id], id);
  Json pairs = Json::array();
  for (const auto& [left, right] : merges) pairs.push_back(Json::array({left, right}));
  Json added = Json::array();
  for (const std::string& token : options.special_tokens)
    added.push_back({{"id", std::find(tokens.begin(), tokens.end(), token) - tokens.begin()},
                     {"content", token},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  const Json byte_level = {{"type", "ByteLevel"}, {"add_prefix_space", options.add_prefix_space}, {"trim_offsets", true}, {"use_regex", true}};
  Json post_processor = byte_level;
  post_processor["trim_offsets"] = false;
  if (options.add_bos) {
    const Json bos = {{"SpecialToken", {{"id", options.bos_token}, {"type_id", 0}}}};
    const auto text = [](const char* id, int type) { return Json{{"Sequence", {{"id", id}, {"type_id", type}}}}; };
    const auto id = std::find(tokens.begin(), tokens.end(), options.bos_token) - tokens.begin();
    post_processor = {{"type", "TemplateProcessing"},
                      {"single", Json::array({bos, text("A", 0)})},
                      {"pair", Json::array({bos, text("A", 0), bos, text("B", 1)})},
                      {"special_tokens",
                       {{options.bos_token,
                         {{"id", options.bos_token}, {"ids", Json::array({id})}, {"tokens", Json::array({options.bos_token})}}}}}};
  }
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", std::move(added)},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", std::move(post_processor)},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", std::move(vocab)},
            {"merges", std::move(pairs)}}}};
}

Tokenizer ByteBpe::tokenizer() const {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  const auto role = [&](const char* name, const std::string& token) { config[name] = token.empty() ? Json() : Json(token); };
  role("bos_token", options.bos_token);
  role("eos_token", options.eos_token);
  role("pad_token", options.pad_token);
  return Tokenizer::from_json(tokenizer_json(), config).value();
}

}  // namespace orrery
