// Other ways to cut a text than the best one: the next best, and one drawn by chance.
//   Kudo 2018, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates".
//   Provilkov, Emelianenko and Voita 2020, "BPE-Dropout: Simple and Effective Subword Regularization".
#include <algorithm>
#include <cmath>

#include "tokenize/best_paths.h"
#include "tokenize/sentencepiece.h"

namespace orrery {

namespace {

[[noreturn]] void refuse(const char* what) { throw Error{ErrorKind::unsupported, what, ""}; }

// An index in proportion to the weights; their sum is greater than 0.
size_t draw(const std::vector<double>& weights, Random& random) {
  double left = 0;
  for (const double weight : weights) left += weight;
  left *= random.uniform();
  size_t i = 0;
  while (i + 1 < weights.size() && left >= weights[i]) left -= weights[i++];
  return i;
}

}  // namespace

std::vector<SentencePiece::Path> SentencePiece::nbest(const Normalized& normalized, int64_t count) const {
  if (model_ != Model::unigram) refuse("only Unigram models have several ways to cut a text, with scores");
  if (count < 1 || count > 512) throw Error{ErrorKind::out_of_range, "the best " + std::to_string(count) + " ways: 1 to 512 can be asked for", ""};
  std::vector<Path> paths;
  for (const ScoredPath& path : best_paths(normalized.text, size_t(count), [&](size_t begin, auto offer) {
         each_token(normalized.text, begin, [&](size_t end, float score, int32_t id) { offer(end, double(score), id); });
       })) {
    std::vector<Part> parts;
    for (const TokenSpan& token : path.tokens) parts.push_back({token.begin, token.end, token.id});
    paths.push_back({path.score, tokens_of(normalized, parts)});
  }
  return paths;
}

std::vector<SentencePiece::Path> SentencePiece::nbest(std::string_view text, int64_t count) const { return nbest(normalize(text, rules_, map_), count); }

// Forwards the log of the summed weights of all ways to each place, backwards a draw of the token that ends there.
void SentencePiece::sample_unigram(std::string_view text, double alpha, Random& random, std::vector<Part>& out) const {
  struct Arrival {
    double log_weight;
    uint32_t begin;
    int32_t id;
  };
  std::vector<std::vector<Arrival>> at(text.size() + 1);
  std::vector<double> total(text.size() + 1, 0);
  for (size_t begin = 0; begin <= text.size(); begin += begin < text.size() ? decode_utf8(text, begin).size : 1) {
    if (begin > 0) {
      double largest = -HUGE_VAL, sum = 0;
      for (const Arrival& a : at[begin]) largest = std::max(largest, a.log_weight);
      for (const Arrival& a : at[begin]) sum += std::exp(a.log_weight - largest);
      total[begin] = largest + std::log(sum);
    }
    if (begin < text.size())
      each_token(text, begin, [&](size_t end, float score, int32_t id) { at[end].push_back({total[begin] + alpha * double(score), static_cast<uint32_t>(begin), id}); });
  }
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  std::vector<double> weights;
  for (auto end = static_cast<uint32_t>(text.size()); end > 0;) {
    weights.clear();
    for (const Arrival& a : at[end]) weights.push_back(std::exp(a.log_weight - total[end]));
    const Arrival& drawn = at[end][draw(weights, random)];
    out.push_back({drawn.begin, end, drawn.id});
    end = drawn.begin;
  }
  std::reverse(out.begin() + first, out.end());
}

std::vector<SentencePiece::Token> SentencePiece::sample(std::string_view text, double alpha, int64_t size, Random& random) const {
  const Normalized normalized = normalize(text, rules_, map_);
  std::vector<Part> parts;
  if (model_ == Model::bpe) {
    split_bpe(normalized.text, parts, [&] { return random.uniform() < alpha; });
    return tokens_of(normalized, parts);
  }
  if (model_ != Model::unigram) refuse("only Unigram and BPE models can be sampled from");
  if (normalized.text.empty()) return {};
  if (size < 0) {
    sample_unigram(normalized.text, alpha, random, parts);
    return tokens_of(normalized, parts);
  }
  const std::vector<Path> paths = nbest(normalized, std::max<int64_t>(1, size));
  std::vector<double> weights;
  for (const Path& path : paths) weights.push_back(std::exp(alpha * (path.score - paths.front().score)));
  return paths[draw(weights, random)].tokens;
}

}  // namespace orrery
