// Unigram: of all ways to cut a piece into tokens, the one whose scores (log probabilities) add up to most.
//   Kudo 2018, "Subword Regularization", in the details as Hugging Face does it:
//
//   best[e] = max over tokens [b, e) of best[b] + score(token), in doubles; of equals the one that was met first stays
//   a character that is no token by itself may be unknown, at the lowest score - 10
//   neighbouring unknowns become one; with byte_fallback it is spelled in bytes, "<0xE4>", if all of them exist
#include <algorithm>
#include <array>
#include <cmath>

#include "base/utf8.h"
#include "tokenize/best_paths.h"
#include "tokenize/byte_trie.h"
#include "tokenize/model.h"
#include "tokenize/step.h"
#include "tokenize/word_cache.h"

namespace orrery::token_models {

namespace {

constexpr double kUnknownPenalty = 10;

class Unigram : public TokenModel {
 public:
  explicit Unigram(ModelConfig config);
  std::unique_ptr<ModelRun> run() const override;
  const Vocab& vocab() const override { return vocab_; }
  SafePairs safe_pairs() const override;
  int32_t told_by_text() const override { return unknown_; }
  Json to_json() const override;
  Json explain(std::string_view piece, bool bytes) const override;

 private:
  struct Run;

  int32_t unknown() const {
    if (unknown_ == Vocab::kAbsent)
      throw Error{ErrorKind::bad_file, "the text has a part that the vocabulary lacks, and there is no unknown token (unk_id)", ""};
    return unknown_;
  }

  std::vector<double> scores_;              // by id
  TokenList pieces_;                        // by id, only where a piece is given twice
  Vocab vocab_;
  ByteTrie trie_;
  int32_t unknown_ = Vocab::kAbsent;
  double unknown_score_ = 0;
  Json byte_fallback_;                      // as given: absent, true or false
  std::array<int32_t, 256> fallback_ids_;   // "<0xE4>"; all absent without byte_fallback
};

struct Unigram::Run : ModelRun {
  explicit Run(const Unigram& of) : model(of) {}

  void tokenize(std::string_view piece, bool, std::vector<TokenSpan>& out) override {
    cache.tokenize(piece, out, [&](std::string_view word, std::vector<TokenSpan>& tokens) { search(word, tokens); });
  }

 private:
  struct Best {   // of the paths that end here: the last token
    double score = 0;
    uint32_t begin = kNowhere;
    int32_t id = 0;
  };
  static constexpr uint32_t kNowhere = 0xFFFFFFFF;

  void search(std::string_view piece, std::vector<TokenSpan>& out) {
    best.assign(piece.size() + 1, Best{});
    for (size_t begin = 0; begin < piece.size();) {
      const double here = best[begin].score;
      const size_t next = begin + decode_valid_utf8(piece, begin).size;
      bool is_token = false;
      const auto offer = [&](size_t end, double score, int32_t id) {
        Best& now = best[end];
        if (now.begin == kNowhere || here + score > now.score) now = {here + score, static_cast<uint32_t>(begin), id};
      };
      model.trie_.each_prefix(piece, begin, [&](size_t end, int32_t id) {
        offer(end, model.scores_[static_cast<size_t>(id)], id);
        is_token = is_token || end == next;
      });
      if (!is_token) offer(next, model.unknown_score_, model.unknown());
      begin = next;
    }

    if (size_t count = 0; none_is_unknown(piece.size(), count)) {   // the tokens as they are, from the end
      const size_t before = out.size();
      out.resize(before + count);
      TokenSpan* token = out.data() + out.size();
      for (auto end = static_cast<uint32_t>(piece.size()); end > 0; end = best[end].begin) *--token = {best[end].id, best[end].begin, end};
      return;
    }
    path.clear();
    for (auto end = static_cast<uint32_t>(piece.size()); end > 0; end = best[end].begin) {
      const Best& last = best[end];
      if (last.id == model.unknown_ && !path.empty() && path.back().id == model.unknown_)
        path.back().begin = last.begin;
      else
        path.push_back({last.id, last.begin, end});
    }
    for (auto token = path.rbegin(); token != path.rend(); ++token) {
      if (token->id == model.unknown_)
        add_unknown(piece, *token, out);
      else
        out.push_back(*token);
    }
  }

  bool none_is_unknown(size_t size, size_t& count) const {
    for (size_t end = size; end > 0; end = best[end].begin, count++)
      if (best[end].id == model.unknown_) return false;
    return true;
  }

  // Unknowns that became one may be a token together.
  void add_unknown(std::string_view piece, TokenSpan token, std::vector<TokenSpan>& out) {
    const std::string_view text = piece.substr(token.begin, token.end - token.begin);
    const auto fallback = [&](char c) { return model.fallback_ids_[static_cast<unsigned char>(c)]; };
    if (const int32_t id = model.vocab_.find(text); id != Vocab::kAbsent)
      out.push_back({id, token.begin, token.end});
    else if (std::all_of(text.begin(), text.end(), [&](char c) { return fallback(c) != Vocab::kAbsent; }))
      for (const char c : text) out.push_back({fallback(c), token.begin, token.end});
    else
      out.push_back(token);
  }

  const Unigram& model;
  WordCache cache;
  std::vector<Best> best;
  std::vector<TokenSpan> path;   // from the end
};

std::unique_ptr<ModelRun> Unigram::run() const { return std::make_unique<Run>(*this); }

Unigram::Unigram(ModelConfig config) : scores_(std::move(config.scores)) {
  const Json& fields = config.fields;
  if (scores_.size() != config.vocab.size()) bad_field(fields, "vocab", "a list of [piece, score]");
  for (const char* name : {"alpha", "nbest_size"})
    if (fields.contains(name) && !fields[name].is_null())
      throw Error{ErrorKind::unsupported, "Unigram with sampling (\"" + std::string(name) + "\"), which makes ids random, is not supported", "",
                  "set it to null in tokenizer.json to encode without it"};
  if (fields.contains("unk_id") && !fields["unk_id"].is_null()) {
    const int64_t id = count_field(fields, "unk_id");
    if (id >= static_cast<int64_t>(scores_.size())) bad_field(fields, "unk_id", "the id of a piece");
    unknown_ = static_cast<int32_t>(id);
  }
  std::vector<std::pair<std::string_view, int32_t>> members;
  members.reserve(config.vocab.size());
  for (const auto& [piece, id] : config.vocab) members.emplace_back(piece, id);
  trie_ = ByteTrie(std::move(members));
  vocab_ = Vocab(config.vocab);
  if (vocab_.size() != config.vocab.size()) pieces_ = std::move(config.vocab);
  if (!scores_.empty()) unknown_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;

  if (fields.contains("byte_fallback")) byte_fallback_ = fields["byte_fallback"];
  const bool falls_back = flag_field(fields, "byte_fallback", false);
  for (unsigned b = 0; b < 256; b++) {
    constexpr char kHex[] = "0123456789ABCDEF";
    fallback_ids_[b] = falls_back ? vocab_.find(std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">") : Vocab::kAbsent;
  }
}

// No path skips a place that no piece spans, so both sides have their own best, unless sums were rounded: then what stands before would
// decide between nearly equal ones. Scores are floats, multiples of a small power of two, whose sums in doubles are exact for long.
SafePairs Unigram::safe_pairs() const {
  constexpr double kExact = 9007199254740992;   // 2^53
  double unit = 1, most = std::abs(unknown_score_);
  for (const double score : scores_) {
    if (!std::isfinite(score)) return {};
    while (unit < kExact && score * unit != std::floor(score * unit)) unit *= 2;
    most = std::max(most, std::abs(score));
  }
  SafePairs safe;
  safe.longest = static_cast<size_t>(kExact / unit / std::max(most, 1.0));
  AsciiPairs joined;
  vocab_.each([&](std::string_view piece, int32_t) { joined.add_all(piece); });
  // An unknown has neither end at one of these: two of them would become one.
  const std::string unknown(vocab_.token(unknown_).value_or(""));
  std::array<bool, 128> known;
  for (unsigned char c = 0; c < 128; c++)
    known[c] = vocab_.find(to_utf8(c)) != Vocab::kAbsent && !unknown.starts_with(static_cast<char>(c)) && !unknown.ends_with(static_cast<char>(c));
  for (unsigned char first = 0; first < 128; first++)
    for (unsigned char second = 0; second < 128; second++)
      if (!joined.has(first, second) && (known[first] || known[second])) safe.pairs.add(first, second);
  return safe;
}

Json Unigram::explain(std::string_view piece, bool) const {
  Json out = {{"model", "Unigram"}};
  out.update(paths_json(piece, best_paths(piece, 2, [&](size_t begin, auto offer) {
    const size_t next = begin + decode_utf8(piece, begin).size;
    bool is_token = false;
    trie_.each_prefix(piece, begin, [&](size_t end, int32_t id) {
      offer(end, scores_[static_cast<size_t>(id)], id);
      is_token = is_token || end == next;
    });
    if (!is_token) offer(next, unknown_score_, unknown_);
  })));
  return out;
}

Json Unigram::to_json() const {
  Json pieces = Json::array();
  for (size_t i = 0; i < scores_.size(); i++)
    pieces.push_back(Json::array({std::string(pieces_.empty() ? *vocab_.token(static_cast<int32_t>(i)) : pieces_.text(i)), scores_[i]}));
  Json out = {{"type", "Unigram"}, {"unk_id", unknown_ == Vocab::kAbsent ? Json() : Json(unknown_)}, {"vocab", std::move(pieces)}};
  if (!byte_fallback_.is_null()) out["byte_fallback"] = byte_fallback_;
  return out;
}

}  // namespace

const ModelKind& unigram() {
  static const ModelKind kind = {.type = "Unigram", .make = [](ModelConfig config) -> std::unique_ptr<TokenModel> {
                                   return std::make_unique<Unigram>(std::move(config));
                                 }};
  return kind;
}

}  // namespace orrery::token_models
