#include "tokenize/trainers/parity_merges.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace orrery {

ParityMerges::ParityMerges(ParityRules rules, size_t languages) : rules_(std::move(rules)), corpora_(languages) {}

int32_t ParityMerges::token(const std::string& text) {
  const auto [entry, is_new] = ids_.emplace(text, static_cast<int32_t>(tokens_.size()));
  if (is_new) {
    tokens_.push_back(text);
    lengths_.push_back(1);
  }
  return entry->second;
}

void ParityMerges::add_word(size_t language, std::span<const int32_t> symbols, int64_t count) { corpora_[language].add(symbols, count); }

void ParityMerges::add_held_out_word(size_t language, std::span<const int32_t> symbols, int64_t count) {
  held_out_.resize(corpora_.size());
  held_out_[language].add(symbols, count);
}

void ParityMerges::Corpus::add(std::span<const int32_t> word, int64_t count) {
  const auto index = static_cast<uint32_t>(words.size());
  words.push_back({symbols.size(), static_cast<uint32_t>(word.size()), count});
  symbols.insert(symbols.end(), word.begin(), word.end());
  length += static_cast<int64_t>(word.size()) * count;
  for (size_t i = 0; i + 1 < word.size(); i++) change(pair_of(word[i], word[i + 1]), count, index);
}

void ParityMerges::Corpus::change(Pair pair, int64_t by, uint32_t word) {
  counts[pair] += by;
  if (by <= 0) return;
  std::vector<uint32_t>& known = places[pair];
  if (known.empty() || known.back() != word) known.push_back(word);
}

bool ParityMerges::Order::operator()(const Proposal& a, const Proposal& b) const {
  if (a.count != b.count) return a.count < b.count;
  const auto text = [&](int32_t id) -> const std::string& { return (*tokens)[static_cast<size_t>(id)]; };
  return std::tie(text(left_of(a.pair)), text(right_of(a.pair))) < std::tie(text(left_of(b.pair)), text(right_of(b.pair)));
}

// The pair that occurs most, by its count of now.
std::optional<ParityMerges::Proposal> ParityMerges::best(Queue& queue, const Counts& counts) {
  while (!queue.empty()) {
    Proposal top = queue.top();
    queue.pop();
    const auto found = counts.find(top.pair);
    const int64_t now = found == counts.end() ? 0 : found->second;
    if (now <= 0) continue;
    if (now == top.count) return top;
    top.count = now;
    queue.push(top);
  }
  return std::nullopt;
}

void ParityMerges::propose(Queue& queue, const Counts& counts, std::span<const Pair> pairs) const {
  for (const Pair pair : pairs)
    if (const auto found = counts.find(pair); found != counts.end() && found->second > 0) queue.push({found->second, pair});
}

// Joins the pair in all words, from left to right; the pairs whose counts have changed.
std::vector<ParityMerges::Pair> ParityMerges::merge(Corpus& corpus, Pair pair, int32_t product, int64_t longest) const {
  std::vector<Pair> changed;
  const auto entry = corpus.places.find(pair);
  if (entry == corpus.places.end()) return changed;
  const std::vector<uint32_t> words = std::move(entry->second);
  corpus.places.erase(entry);
  const int32_t left = left_of(pair), right = right_of(pair);
  const int64_t size = lengths_[static_cast<size_t>(product)];
  for (const uint32_t index : words) {
    Corpus::Word& word = corpus.words[index];
    int32_t* symbols = corpus.symbols.data() + word.begin;
    const auto now_beside = [&](Pair before, Pair after, int32_t neighbour) {
      corpus.change(before, -word.count, index);
      changed.push_back(before);
      if (lengths_[static_cast<size_t>(neighbour)] + size >= longest) return;
      corpus.change(after, word.count, index);
      changed.push_back(after);
    };
    uint32_t kept = 0;
    for (uint32_t i = 0; i < word.size; i++) {
      if (i + 1 == word.size || symbols[i] != left || symbols[i + 1] != right) {
        symbols[kept++] = symbols[i];
        continue;
      }
      if (kept > 0) now_beside(pair_of(symbols[kept - 1], left), pair_of(symbols[kept - 1], product), symbols[kept - 1]);
      if (i + 2 < word.size) now_beside(pair_of(right, symbols[i + 2]), pair_of(product, symbols[i + 2]), symbols[i + 2]);
      symbols[kept++] = product;
      i++;
    }
    corpus.length -= int64_t(word.size - kept) * word.count;
    word.size = kept;
  }
  corpus.counts[pair] = 0;
  return changed;
}

// The language with the largest is next.
double ParityMerges::need(size_t language) const {
  if (!rules_.ratio.empty()) return -(begun_[language] / static_cast<double>(corpora_[language].length) / rules_.ratio[language]);
  return static_cast<double>((held_out_.empty() ? corpora_ : held_out_)[language].length);
}

size_t ParityMerges::choose(const std::vector<bool>& done) {
  constexpr double kLeast = -std::numeric_limits<double>::infinity();
  std::vector<double> needs;
  for (size_t i = 0; i < corpora_.size(); i++) needs.push_back(done[i] ? kLeast : need(i));
  std::vector<bool> waits(needs.size(), false);
  const auto neediest = [&] {
    size_t found = 0;
    double most = kLeast;
    for (size_t i = 0; i < needs.size(); i++)
      if (!waits[i] && needs[i] > most) most = needs[i], found = i;
    return found;
  };
  if (!rules_.window) return neediest();
  const double share = rules_.alpha / static_cast<double>(needs.size());
  size_t found = 0;
  do {
    found = neediest();
    if (static_cast<double>(std::count(chosen_.begin(), chosen_.end(), found)) / static_cast<double>(rules_.window_size) <= share) break;
    waits[found] = true;
  } while (!std::all_of(waits.begin(), waits.end(), [](bool one) { return one; }));
  chosen_.push_back(found);
  if (static_cast<int64_t>(chosen_.size()) > rules_.window_size) chosen_.pop_front();
  return found;
}

void ParityMerges::learn(const std::function<void(int64_t, int64_t)>& progress) {
  std::vector<Queue> queues(corpora_.size(), Queue(Order{&tokens_}));
  Queue together(Order{&tokens_});
  Counts total;   // of all languages, while those count
  begun_.clear();
  for (size_t i = 0; i < corpora_.size(); i++) {
    begun_.push_back(static_cast<double>(corpora_[i].length));
    for (const auto& [pair, count] : corpora_[i].counts) {
      if (count > 0) queues[i].push({count, pair});
      if (rules_.global_merges > 0) total[pair] += count;
    }
  }
  for (const auto& [pair, count] : total)
    if (count > 0) together.push({count, pair});

  std::vector<bool> done(corpora_.size(), false);
  const int64_t room = rules_.vocab_size - static_cast<int64_t>(tokens_.size()), wanted = std::min(rules_.num_merges, room);
  int64_t vain = 0;   // choices without a merge, one after the other
  while (static_cast<int64_t>(merges_.size()) < rules_.num_merges && static_cast<int64_t>(tokens_.size()) < rules_.vocab_size) {
    if (std::all_of(done.begin(), done.end(), [](bool one) { return one; }) || vain > rules_.window_size + static_cast<int64_t>(done.size())) break;
    const bool of_all = static_cast<int64_t>(merges_.size()) < rules_.global_merges;
    const size_t language = of_all ? 0 : choose(done);
    const std::optional<Proposal> found = of_all ? best(together, total) : best(queues[language], corpora_[language].counts);
    if (!found || found->count < rules_.min_frequency) {
      if (of_all) break;
      done[language] = true;
      vain++;
      continue;
    }
    vain = 0;
    const int32_t left = left_of(found->pair), right = right_of(found->pair);
    const std::string &first = tokens_[static_cast<size_t>(left)], &second = tokens_[static_cast<size_t>(right)];
    merges_.emplace_back(first, second);
    const size_t known = tokens_.size();
    const int32_t product = token(first + second);
    if (tokens_.size() > known) lengths_.back() = lengths_[static_cast<size_t>(left)] + lengths_[static_cast<size_t>(right)];

    std::unordered_set<Pair> changed_anywhere = {found->pair};
    for (size_t i = 0; i < corpora_.size(); i++) {
      const std::vector<Pair> changed = merge(corpora_[i], found->pair, product, rules_.max_token_length);
      propose(queues[i], corpora_[i].counts, changed);
      if (rules_.global_merges > 0) changed_anywhere.insert(changed.begin(), changed.end());
    }
    for (Corpus& corpus : held_out_) merge(corpus, found->pair, product, INT64_MAX);
    if (of_all) {
      for (const Pair pair : changed_anywhere) {
        int64_t count = 0;
        for (const Corpus& corpus : corpora_)
          if (const auto one = corpus.counts.find(pair); one != corpus.counts.end()) count += one->second;
        total[pair] = std::max<int64_t>(count, 0);
      }
      propose(together, total, std::vector<Pair>(changed_anywhere.begin(), changed_anywhere.end()));
    }
    if (progress && merges_.size() % 64 == 0) progress(static_cast<int64_t>(merges_.size()), wanted);
  }
  if (progress) progress(static_cast<int64_t>(merges_.size()), static_cast<int64_t>(merges_.size()));
}

}  // namespace orrery
