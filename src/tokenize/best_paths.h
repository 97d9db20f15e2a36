// The best ways through a text, each a row of tokens whose scores add up: what Unigram chose, and what it nearly did.
//
//   best_paths(piece, 2, [&](size_t begin, auto offer) { offer(end, score, id); … });   // the tokens that begin at `begin`
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "tokenize/model.h"

namespace orrery {

struct ScoredPath {
  double score = 0;
  std::vector<TokenSpan> tokens;
};

// At most `count`, the best first; of equals the one met first. (Viterbi with `count` arrivals at each place.)
template <class TokensAt>
std::vector<ScoredPath> best_paths(std::string_view piece, size_t count, TokensAt tokens_at) {
  struct Arrival {
    double score = 0;
    uint32_t begin = 0, which = 0;   // the arrival at `begin` it came from
    int32_t id = -1;
  };
  std::vector<std::vector<Arrival>> at(piece.size() + 1);
  at[0].emplace_back();
  for (size_t begin = 0; begin < piece.size(); begin += decode_utf8(piece, begin).size) {
    tokens_at(begin, [&](size_t end, double score, int32_t id) {
      for (uint32_t which = 0; which < at[begin].size(); which++) {
        const Arrival arrival{at[begin][which].score + score, static_cast<uint32_t>(begin), which, id};
        std::vector<Arrival>& known = at[end];
        const auto place = std::upper_bound(known.begin(), known.end(), arrival, [](const Arrival& a, const Arrival& b) { return a.score > b.score; });
        if (size_t(place - known.begin()) == count) break;   // those that follow are no better
        known.insert(place, arrival);
        if (known.size() > count) known.pop_back();
      }
    });
  }
  std::vector<ScoredPath> paths;
  for (const Arrival& last : at.back()) {
    if (piece.empty()) break;
    ScoredPath& path = paths.emplace_back();
    path.score = last.score;
    auto end = static_cast<uint32_t>(piece.size());
    for (Arrival a = last;; a = at[end][a.which]) {
      path.tokens.push_back({a.id, a.begin, end});
      end = a.begin;
      if (end == 0) break;
    }
    std::reverse(path.tokens.begin(), path.tokens.end());
  }
  return paths;
}

// {"best": {"score", "tokens"}, "runner_up": …} as explain() tells them.
inline Json paths_json(std::string_view piece, const std::vector<ScoredPath>& paths) {
  Json out = Json::object();
  for (size_t i = 0; i < paths.size(); i++) {
    Json tokens = Json::array();
    for (const TokenSpan& token : paths[i].tokens) tokens.push_back(piece.substr(token.begin, token.end - token.begin));
    out[i == 0 ? "best" : "runner_up"] = {{"score", paths[i].score}, {"tokens", std::move(tokens)}};
  }
  return out;
}

}  // namespace orrery
