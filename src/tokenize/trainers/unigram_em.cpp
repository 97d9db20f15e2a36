#include "tokenize/trainers/unigram_em.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <span>

#include "base/utf8.h"

namespace orrery {

namespace {

constexpr double kUnit = 1 << 20;            // of a sum of expectations
constexpr double kUnknownPenalty = 10;
constexpr double kRaise = 4;                 // added to a score for each character: sums of long words stay in range
constexpr int64_t kWordsATask = 2048;

// ψ(x) for x > 0: the recurrence up to 7, then the asymptotic series around x - 1/2.
double digamma(double x) {
  double sum = 0;
  for (; x < 7; x += 1) sum -= 1 / x;
  const double y = 1 / ((x - 0.5) * (x - 0.5));
  return sum + std::log(x - 0.5) + y * (1.0 / 24 - y * (7.0 / 960 - y * (31.0 / 8064 - y * 127.0 / 30720)));
}

size_t characters(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

double log_sum(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return low == -INFINITY ? high : high + std::log1p(std::exp(low - high));
}

}  // namespace

struct UnigramPieces::Scratch {
  struct Edge {
    uint32_t begin, end;
    int32_t piece;   // -1 is an unknown character
  };
  std::vector<Edge> edges;
  std::vector<double> before, after;
  std::vector<double> best;
  std::vector<Edge> from;
  std::vector<int32_t> path;
  std::span<const double> raised;   // exp(score + kRaise · characters) of each piece

  // All pieces in the word by their starts, and single characters that no piece covers.
  void walk(std::string_view word, const ByteTrie& trie) {
    edges.clear();
    for (size_t at = 0; at < word.size();) {
      const size_t next = at + decode_utf8(word, at).size;
      bool single = false;
      trie.each_prefix(word, at, [&](size_t end, int32_t piece) {
        edges.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end), piece});
        single = single || end == next;
      });
      if (!single) edges.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(next), -1});
      at = next;
    }
  }
};

UnigramPieces::UnigramPieces(std::vector<ScoredPiece> pieces, const WordList& words, ThreadPool& pool)
    : pieces_(std::move(pieces)), words_(words), pool_(pool) {
  index();
}

void UnigramPieces::index() {
  std::vector<std::pair<std::string_view, int32_t>> members;
  members.reserve(pieces_.size());
  lowest_ = 0;
  for (size_t i = 0; i < pieces_.size(); i++) {
    members.emplace_back(pieces_[i].text, static_cast<int32_t>(i));
    lowest_ = std::min(lowest_, pieces_[i].score);
  }
  trie_ = ByteTrie(std::move(members));
}

// Forward and backward sums over all ways to cut the word give each edge its share. In probabilities; in their logarithms
// where those leave the range of a double.
void UnigramPieces::expect(std::string_view word, int64_t count, Scratch& s, std::vector<int64_t>& expected) const {
  s.walk(word, trie_);
  const auto add = [&](int32_t piece, double share) {
    const auto units = static_cast<int64_t>(std::llround(share * static_cast<double>(count) * kUnit));
    if (piece >= 0) std::atomic_ref(expected[static_cast<size_t>(piece)]).fetch_add(units, std::memory_order_relaxed);
  };
  const double unknown = std::exp(lowest_ - kUnknownPenalty + kRaise);
  const auto weight = [&](const Scratch::Edge& e) { return e.piece < 0 ? unknown : s.raised[static_cast<size_t>(e.piece)]; };
  s.before.assign(word.size() + 1, 0);
  s.after.assign(word.size() + 1, 0);
  s.before[0] = s.after[word.size()] = 1;
  for (const auto& e : s.edges) s.before[e.end] += s.before[e.begin] * weight(e);
  for (auto e = s.edges.rbegin(); e != s.edges.rend(); ++e) s.after[e->begin] += s.after[e->end] * weight(*e);
  const double all = s.before[word.size()];
  if (all > 1e-250 && all < 1e250) {
    for (const auto& e : s.edges) add(e.piece, s.before[e.begin] * weight(e) * s.after[e.end] / all);
    return;
  }
  const auto score = [&](const Scratch::Edge& e) { return e.piece < 0 ? lowest_ - kUnknownPenalty : pieces_[static_cast<size_t>(e.piece)].score; };
  s.before.assign(word.size() + 1, -INFINITY);
  s.after.assign(word.size() + 1, -INFINITY);
  s.before[0] = s.after[word.size()] = 0;
  for (const auto& e : s.edges) s.before[e.end] = log_sum(s.before[e.end], s.before[e.begin] + score(e));
  for (auto e = s.edges.rbegin(); e != s.edges.rend(); ++e) s.after[e->begin] = log_sum(s.after[e->begin], s.after[e->end] + score(*e));
  for (const auto& e : s.edges) add(e.piece, std::exp(s.before[e.begin] + score(e) + s.after[e.end] - s.before[word.size()]));
}

void UnigramPieces::improve() {
  std::vector<int64_t> expected(pieces_.size(), 0);
  std::vector<double> raised(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); i++) raised[i] = std::exp(pieces_[i].score + kRaise * static_cast<double>(characters(pieces_[i].text)));
  std::vector<Scratch> scratch(static_cast<size_t>(pool_.num_threads()));
  for (Scratch& s : scratch) s.raised = raised;
  const auto count = static_cast<int64_t>(words_.size());
  pool_.parallel((count + kWordsATask - 1) / kWordsATask, [&](int64_t task, int thread) {
    for (int64_t i = task * kWordsATask; i < std::min(count, (task + 1) * kWordsATask); i++) {
      const auto& word = words_[static_cast<size_t>(i)];
      expect(word.first, word.second, scratch[static_cast<size_t>(thread)], expected);
    }
  });

  double total = 0;
  std::vector<ScoredPiece> kept;
  for (size_t i = 0; i < pieces_.size(); i++) {
    const double times = static_cast<double>(expected[i]) / kUnit;
    if (times < 0.5) continue;
    kept.push_back({std::move(pieces_[i].text), times});
    total += times;
  }
  const double log_total = digamma(total);
  for (ScoredPiece& piece : kept) piece.score = digamma(piece.score) - log_total;
  pieces_ = std::move(kept);
  index();
}

bool UnigramPieces::best_cut(std::string_view text, int32_t without, Scratch& s) const {
  s.walk(text, trie_);
  s.best.assign(text.size() + 1, -INFINITY);
  s.from.assign(text.size() + 1, {0, 0, -1});
  s.best[0] = 0;
  for (const auto& e : s.edges) {
    if (e.piece >= 0 && e.piece == without) continue;
    const double score = s.best[e.begin] + (e.piece < 0 ? lowest_ - kUnknownPenalty : pieces_[static_cast<size_t>(e.piece)].score);
    if (score > s.best[e.end]) {
      s.best[e.end] = score;
      s.from[e.end] = e;
    }
  }
  s.path.clear();
  if (text.empty() || s.best[text.size()] == -INFINITY) return false;
  bool known = true;
  for (size_t at = text.size(); at > 0; at = s.from[at].begin) {
    s.path.push_back(s.from[at].piece);
    known = known && s.from[at].piece >= 0;
  }
  return known;
}

// A piece that goes is replaced by the best other way to write it. The loss is what that costs the corpus: with f its
// frequency and F the sum of all, f · (log f/F - Σ over the other way's pieces a of log (f_a + f)/F'), F' = F + f (number - 1).
void UnigramPieces::prune(size_t size) {
  std::vector<int64_t> times(pieces_.size(), 0);
  std::vector<Scratch> scratch(static_cast<size_t>(pool_.num_threads()));
  const auto count = static_cast<int64_t>(words_.size());
  pool_.parallel((count + kWordsATask - 1) / kWordsATask, [&](int64_t task, int thread) {
    Scratch& s = scratch[static_cast<size_t>(thread)];
    for (int64_t i = task * kWordsATask; i < std::min(count, (task + 1) * kWordsATask); i++) {
      const auto& word = words_[static_cast<size_t>(i)];
      best_cut(word.first, -1, s);
      for (const int32_t piece : s.path)
        if (piece >= 0) std::atomic_ref(times[static_cast<size_t>(piece)]).fetch_add(word.second, std::memory_order_relaxed);
    }
  });
  int64_t sum = 0;
  for (const int64_t n : times) sum += n;
  const double all = static_cast<double>(sum), log_all = std::log(all);

  enum class Fate : uint8_t { gone, kept, candidate };
  std::vector<Fate> fates(pieces_.size(), Fate::gone);
  std::vector<double> losses(pieces_.size(), 0);
  const auto pieces = static_cast<int64_t>(pieces_.size());
  pool_.parallel((pieces + kWordsATask - 1) / kWordsATask, [&](int64_t task, int thread) {
    Scratch& s = scratch[static_cast<size_t>(thread)];
    for (int64_t i = task * kWordsATask; i < std::min(pieces, (task + 1) * kWordsATask); i++) {
      const auto id = static_cast<size_t>(i);
      const bool other = best_cut(pieces_[id].text, static_cast<int32_t>(i), s);
      if (!other) {
        fates[id] = Fate::kept;
        continue;
      }
      if (times[id] == 0) continue;
      if (s.best[pieces_[id].text.size()] > pieces_[id].score) {   // never the best way to write itself, yet used inside words
        fates[id] = Fate::kept;
        continue;
      }
      const double f = static_cast<double>(times[id]);
      const double log_other = std::log(all + f * static_cast<double>(s.path.size() - 1));
      double likelihood = std::log(f) - log_all;
      for (const int32_t piece : s.path) likelihood -= std::log(static_cast<double>(times[static_cast<size_t>(piece)]) + f) - log_other;
      fates[id] = Fate::candidate;
      losses[id] = f * likelihood;
    }
  });

  std::vector<size_t> candidates;
  size_t kept = 0;
  for (size_t i = 0; i < pieces_.size(); i++) {
    if (fates[i] == Fate::kept) kept++;
    if (fates[i] == Fate::candidate) candidates.push_back(i);
  }
  std::stable_sort(candidates.begin(), candidates.end(), [&](size_t a, size_t b) { return losses[a] > losses[b]; });
  for (size_t i = 0; i < candidates.size() && kept < size; i++, kept++) fates[candidates[i]] = Fate::kept;
  std::vector<ScoredPiece> left;
  for (size_t i = 0; i < pieces_.size(); i++)
    if (fates[i] == Fate::kept) left.push_back(std::move(pieces_[i]));
  pieces_ = std::move(left);
  index();
}

}  // namespace orrery
