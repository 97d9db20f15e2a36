#include "base/nearest.h"

#include <algorithm>

namespace orrery {

namespace {

constexpr size_t kLongest = 64;    // of what is compared
constexpr size_t kShortest = 3;    // of what counts as a beginning

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = std::min(text.find_first_not_of("-_ ", at), text.size()), end = std::min(text.find_first_of("-_ ", begin), text.size());
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return words;
}

// Does each of these words begin one of the candidate's, in their order?
bool shortens(const std::vector<std::string_view>& words, std::string_view candidate) {
  size_t found = 0;
  for (const std::string_view word : words_of(candidate))
    if (found < words.size() && word.starts_with(words[found])) ++found;
  return found == words.size();
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  const size_t n = a.size(), m = b.size();
  std::vector<std::vector<size_t>> cost(n + 1, std::vector<size_t>(m + 1));
  for (size_t i = 0; i <= n; ++i)
    for (size_t j = 0; j <= m; ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[n][m];
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  word = word.substr(0, kLongest);
  const std::vector<std::string_view> words = words_of(word);
  size_t letters = 0;
  for (const std::string_view one : words) letters += one.size();
  if (letters >= kShortest)
    for (const bool from_its_beginning : {true, false}) {
      const std::string* shortest = nullptr;
      for (const std::string& candidate : candidates)
        if ((from_its_beginning ? candidate.starts_with(word) : shortens(words, candidate)) && (!shortest || candidate.size() < shortest->size())) shortest = &candidate;
      if (shortest) return *shortest;
    }
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 4) + 1;
  for (const std::string& candidate : candidates)
    if (const size_t distance = edit_distance(word, candidate); distance < best_distance && distance < std::max(word.size(), candidate.size())) {
      best_distance = distance;
      best = candidate;
    }
  return best;
}

std::vector<std::string> nearest_few(std::string_view word, std::vector<std::string> candidates, size_t count) {
  word = word.substr(0, kLongest);
  std::vector<std::pair<size_t, std::string>> ranked;
  for (std::string& candidate : candidates) ranked.emplace_back(edit_distance(word, candidate), std::move(candidate));
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> few;
  for (size_t i = 0; i < std::min(count, ranked.size()); ++i) few.push_back(std::move(ranked[i].second));
  return few;
}

}  // namespace orrery
