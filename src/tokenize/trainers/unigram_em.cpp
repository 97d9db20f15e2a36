#include "tokenize/trainers/unigram_em.h"

#include <algorithm>
#include <atomic>
#include <cmath>

namespace orrery {

namespace {

constexpr double kUnit = 1 << 20;            // of a sum of expectations
constexpr double kUnknownPenalty = 10;
constexpr double kRaise = 4;                 // added to a score for each character: sums of long words stay in range
constexpr int64_t kPiecesATask = 2048;

// ψ(x) for x > 0: the recurrence up to 7, then the asymptotic series around x - 1/2.
double digamma(double x) {
  double sum = 0;
  for (; x < 7; x += 1) sum -= 1 / x;
  const double y = 1 / ((x - 0.5) * (x - 0.5));
  return sum + std::log(x - 0.5) + y * (1.0 / 24 - y * (7.0 / 960 - y * (31.0 / 8064 - y * 127.0 / 30720)));
}

double log_sum(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return low == -INFINITY ? high : high + std::log1p(std::exp(low - high));
}

// llround of what is not negative and fits.
int64_t rounded(double x) { return static_cast<int64_t>(x < 0x1p52 ? x + 0.5 : x); }

std::vector<std::string_view> texts_of(const std::vector<ScoredPiece>& pieces) {
  std::vector<std::string_view> texts;
  texts.reserve(pieces.size());
  for (const ScoredPiece& piece : pieces) texts.push_back(piece.text);
  return texts;
}

}  // namespace

// What one thread works in. Places are characters of a word.
struct UnigramPieces::Scratch {
  std::vector<double> weights;        // of the word's edges
  std::vector<double> before, after;  // of each place: the sums over all ways to and from there
  struct Step {
    uint32_t begin, piece;
  };
  std::vector<double> best;
  std::vector<Step> from;             // of each place: the last piece of the best way there
  std::vector<uint32_t> path;         // pieces, from the last to the first

  // The best way to cut `characters` characters into pieces but `without`; score(first edge from its place, piece) is a logarithm. False where there
  // is none without unknown characters.
  template <class Score>
  bool best_cut(const PieceLattice::Edges& edges, uint32_t characters, uint32_t without, Score score) {
    best.assign(characters + 1, -INFINITY);
    from.assign(characters + 1, {0, PieceLattice::kUnknown});
    best[0] = 0;
    for (uint32_t at = 0, first = 0, i = 0; at < characters; i++) {
      const uint32_t piece = edges.pieces[i], end = at + edges.length(i);
      if (end <= characters && (piece == PieceLattice::kUnknown || piece != without)) {
        const double sum = best[at] + score(first, piece);
        if (sum > best[end]) {
          best[end] = sum;
          from[end] = {at, piece};
        }
      }
      if (!edges.is_last(i)) continue;
      at++;
      first = i + 1;
    }
    path.clear();
    if (characters == 0 || best[characters] == -INFINITY) return false;
    bool known = true;
    for (uint32_t at = characters; at > 0; at = from[at].begin) {
      path.push_back(from[at].piece);
      known = known && from[at].piece != PieceLattice::kUnknown;
    }
    return known;
  }
};

// Of a piece: its score, and a place where it begins in the lattice of a word.
struct UnigramPieces::Use {
  double score;
  uint64_t place;
};

UnigramPieces::UnigramPieces(std::vector<ScoredPiece> pieces, const WordList& words, ThreadPool& pool)
    : pieces_(std::move(pieces)), words_(words), pool_(pool), lattice_(texts_of(pieces_), words, pool) {
  find_lowest();
}

std::vector<UnigramPieces::Scratch> UnigramPieces::scratch() const { return std::vector<Scratch>(static_cast<size_t>(pool_.num_threads())); }

void UnigramPieces::find_lowest() {
  lowest_ = 0;
  for (const ScoredPiece& piece : pieces_) lowest_ = std::min(lowest_, piece.score);
}

void UnigramPieces::keep(const std::vector<bool>& kept) {
  std::vector<uint32_t> numbers(pieces_.size(), PieceLattice::kUnknown);
  uint32_t number = 0;
  for (size_t i = 0; i < pieces_.size(); i++) {
    if (!kept[i]) continue;
    pieces_[number] = pieces_[i];
    numbers[i] = number++;
  }
  if (number < pieces_.size()) lattice_.renumber(numbers, pool_);
  pieces_.resize(number);
  find_lowest();
}

// Forward and backward sums over all ways to cut the word give each edge its share. In probabilities; in their logarithms
// where those leave the range of a double. s.weights has the weights of the edges.
void UnigramPieces::expect(const PieceLattice::Edges& edges, int64_t count, Scratch& s, std::vector<int64_t>& expected) const {
  const bool alone = pool_.num_threads() == 1;
  const auto add = [&](uint32_t piece, double share) {
    if (piece == PieceLattice::kUnknown) return;
    const int64_t units = rounded(share * static_cast<double>(count) * kUnit);
    if (units == 0) return;
    if (alone)
      expected[piece] += units;
    else
      std::atomic_ref(expected[piece]).fetch_add(units, std::memory_order_relaxed);
  };
  const uint32_t characters = edges.characters;
  s.before.assign(characters + 1, 0);
  s.after.assign(characters + 1, 0);
  s.before[0] = s.after[characters] = 1;
  for (uint32_t i = 0, at = 0; i < edges.count; at += edges.is_last(i++)) s.before[at + edges.length(i)] += s.before[at] * s.weights[i];
  for (uint32_t i = edges.count, at = characters; i-- > 0;) {
    at -= edges.is_last(i);
    s.after[at] += s.after[at + edges.length(i)] * s.weights[i];
  }
  const double all = s.before[characters];
  if (all > 1e-250 && all < 1e250) {
    for (uint32_t i = 0, at = 0; i < edges.count; at += edges.is_last(i++)) add(edges.pieces[i], s.before[at] * s.weights[i] * s.after[at + edges.length(i)] / all);
    return;
  }
  const auto score = [&](uint32_t i) { return edges.pieces[i] == PieceLattice::kUnknown ? lowest_ - kUnknownPenalty : pieces_[edges.pieces[i]].score; };
  s.before.assign(characters + 1, -INFINITY);
  s.after.assign(characters + 1, -INFINITY);
  s.before[0] = s.after[characters] = 0;
  for (uint32_t i = 0, at = 0; i < edges.count; at += edges.is_last(i++)) {
    double& sum = s.before[at + edges.length(i)];
    sum = log_sum(sum, s.before[at] + score(i));
  }
  for (uint32_t i = edges.count, at = characters; i-- > 0;) {
    at -= edges.is_last(i);
    s.after[at] = log_sum(s.after[at], s.after[at + edges.length(i)] + score(i));
  }
  for (uint32_t i = 0, at = 0; i < edges.count; at += edges.is_last(i++))
    add(edges.pieces[i], std::exp(s.before[at] + score(i) + s.after[at + edges.length(i)] - s.before[characters]));
}

void UnigramPieces::improve() {
  const auto count = static_cast<int64_t>(pieces_.size());
  const int64_t tasks = (count + kPiecesATask - 1) / kPiecesATask;
  const auto each_piece = [&](auto f) {
    pool_.parallel(tasks, [&](int64_t task) {
      for (int64_t i = task * kPiecesATask; i < std::min(count, (task + 1) * kPiecesATask); i++) f(static_cast<size_t>(i));
    });
  };
  std::vector<int64_t> expected(pieces_.size(), 0);
  {
    std::vector<double> raised(pieces_.size());   // exp(score + kRaise · characters)
    each_piece([&](size_t i) { raised[i] = std::exp(pieces_[i].score + kRaise * static_cast<double>(pieces_[i].characters)); });
    const double unknown = std::exp(lowest_ - kUnknownPenalty + kRaise);
    std::vector<Scratch> scratches = scratch();
    pool_.parallel(static_cast<int64_t>(lattice_.parts()), [&](int64_t part, int thread) {
      Scratch& s = scratches[static_cast<size_t>(thread)];
      lattice_.each_word(static_cast<size_t>(part), [&](size_t word, const PieceLattice::Edges& edges, uint64_t) {
        s.weights.resize(edges.count);
        for (uint32_t i = 0; i < edges.count; i++) s.weights[i] = edges.pieces[i] == PieceLattice::kUnknown ? unknown : raised[edges.pieces[i]];
        expect(edges, words_[word].second, s, expected);
      });
    });
  }
  double total = 0;
  std::vector<bool> kept(pieces_.size());
  const auto times = [&](size_t i) { return static_cast<double>(expected[i]) / kUnit; };
  for (size_t i = 0; i < pieces_.size(); i++) {
    kept[i] = times(i) >= 0.5;
    if (kept[i]) total += times(i);
  }
  const double log_total = digamma(total);
  each_piece([&](size_t i) {
    if (kept[i]) pieces_[i].score = digamma(times(i)) - log_total;
  });
  keep(kept);
}

// A piece that goes is replaced by the best other way to write it. The loss is what that costs the corpus: with f its
// frequency and F the sum of all, f · (log f/F - Σ over the other way's pieces a of log (f_a + f)/F'), F' = F + f (number - 1).
void UnigramPieces::prune(size_t size) {
  constexpr uint64_t kNowhere = UINT64_MAX;
  std::vector<int64_t> times(pieces_.size(), 0);
  std::vector<Use> uses(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); i++) uses[i] = {pieces_[i].score, kNowhere};
  const double unknown = lowest_ - kUnknownPenalty;
  const auto score_of = [&](uint32_t, uint32_t piece) { return piece == PieceLattice::kUnknown ? unknown : uses[piece].score; };
  std::vector<Scratch> scratches = scratch();
  pool_.parallel(static_cast<int64_t>(lattice_.parts()), [&](int64_t part, int thread) {
    Scratch& s = scratches[static_cast<size_t>(thread)];
    lattice_.each_word(static_cast<size_t>(part), [&](size_t word, const PieceLattice::Edges& edges, uint64_t place) {
      s.best_cut(edges, edges.characters, PieceLattice::kUnknown, [&](uint32_t first, uint32_t piece) {
        if (piece == PieceLattice::kUnknown) return unknown;
        const std::atomic_ref known(uses[piece].place);   // any place will do
        if (known.load(std::memory_order_relaxed) == kNowhere) known.store(place + first, std::memory_order_relaxed);
        return uses[piece].score;
      });
      for (const uint32_t piece : s.path)
        if (piece != PieceLattice::kUnknown) std::atomic_ref(times[piece]).fetch_add(words_[word].second, std::memory_order_relaxed);
    });
  });
  int64_t sum = 0;
  for (const int64_t n : times) sum += n;
  const double all = static_cast<double>(sum), log_all = std::log(all);

  enum class Fate : uint8_t { gone, kept, candidate };
  std::vector<Fate> fates(pieces_.size(), Fate::gone);
  std::vector<double> losses(pieces_.size(), 0);
  const auto pieces = static_cast<int64_t>(pieces_.size());
  pool_.parallel((pieces + kPiecesATask - 1) / kPiecesATask, [&](int64_t task, int thread) {
    Scratch& s = scratches[static_cast<size_t>(thread)];
    for (int64_t i = task * kPiecesATask; i < std::min(pieces, (task + 1) * kPiecesATask); i++) {
      const auto id = static_cast<size_t>(i);
      const uint32_t characters = pieces_[id].characters;
      const bool other = s.best_cut(lattice_.from(uses[id].place), characters, static_cast<uint32_t>(i), score_of);
      if (!other) {
        fates[id] = Fate::kept;
        continue;
      }
      if (times[id] == 0) continue;
      if (s.best[characters] > pieces_[id].score) {   // never the best way to write itself, yet used inside words
        fates[id] = Fate::kept;
        continue;
      }
      const double f = static_cast<double>(times[id]);
      const double log_other = std::log(all + f * static_cast<double>(s.path.size() - 1));
      double likelihood = std::log(f) - log_all;
      for (const uint32_t piece : s.path) likelihood -= std::log(static_cast<double>(times[piece]) + f) - log_other;
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
  const size_t places = size > kept ? size - kept : 0;
  if (places < candidates.size()) {
    const auto dearer = [&](size_t a, size_t b) { return losses[a] != losses[b] ? losses[a] > losses[b] : a < b; };
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(places), candidates.end(), dearer);
    candidates.resize(places);
  }
  std::vector<bool> stays(pieces_.size());
  for (size_t i = 0; i < pieces_.size(); i++) stays[i] = fates[i] == Fate::kept;
  for (const size_t i : candidates) stays[i] = true;
  keep(stays);
}

}  // namespace orrery
