#include "tokenize/trainers/piece_lattice.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace orrery {

namespace {

using Edge = std::pair<std::string, bool>;   // a piece, "?" where unknown, and whether the next edge begins a character later

std::vector<std::vector<Edge>> edges_of(const PieceLattice& lattice, const std::vector<std::string_view>& pieces, const WordList& words) {
  std::vector<std::vector<Edge>> all(words.size());
  for (size_t part = 0; part < lattice.parts(); part++)
    lattice.each_word(part, [&](size_t word, const PieceLattice::Edges& edges, uint64_t place) {
      CHECK(edges.characters == count_code_points(words[word].first));
      CHECK(lattice.from(place).pieces == edges.pieces);
      for (uint32_t i = 0; i < edges.count; i++) {
        const bool known = edges.pieces[i] != PieceLattice::kUnknown;
        all[word].emplace_back(known ? std::string(pieces[edges.pieces[i]]) : "?", edges.is_last(i));
        CHECK(edges.length(i) == (known ? count_code_points(pieces[edges.pieces[i]]) : 1));
      }
    });
  return all;
}

}  // namespace

TEST_CASE("a lattice has every piece of a word where it begins, shorter ones first, and an unknown edge where no single character is one") {
  const std::vector<std::string_view> pieces = {"a", "ab", "abc", "\xC3\xA9", "b\xC3\xA9"};
  const WordList words = {{"abc", 1}, {"b\xC3\xA9z", 1}};
  ThreadPool pool(1);
  const auto edges = edges_of(PieceLattice(pieces, words, pool), pieces, words);
  CHECK(edges[0] == std::vector<Edge>{{"a", false}, {"ab", false}, {"abc", true}, {"?", true}, {"?", true}});
  CHECK(edges[1] == std::vector<Edge>{{"b\xC3\xA9", false}, {"?", true}, {"\xC3\xA9", true}, {"?", true}});
}

TEST_CASE("after pieces went, a lattice is that of the pieces left") {
  std::vector<std::string> texts;
  for (int i = 0; i < 9000; i++) texts.push_back("w" + std::to_string(i * 7919 % 10007) + "\xC3\xA9" + std::to_string(i % 17));
  WordList words;
  for (const std::string& text : texts) words.emplace_back(text, 1);
  std::vector<std::string_view> pieces, left;
  std::vector<uint32_t> numbers;
  for (const std::string& text : texts)
    for (size_t size = 1; size <= 4; size++)
      if (is_valid_utf8(text.substr(1, size)) && std::find(pieces.begin(), pieces.end(), std::string_view(text).substr(1, size)) == pieces.end() && pieces.size() < 400)
        pieces.push_back(std::string_view(text).substr(1, size));
  for (size_t i = 0; i < pieces.size(); i++) {
    const bool stays = i % 3 != 0;
    numbers.push_back(stays ? static_cast<uint32_t>(left.size()) : PieceLattice::kUnknown);
    if (stays) left.push_back(pieces[i]);
  }
  ThreadPool pool(3);
  PieceLattice lattice(pieces, words, pool);
  CHECK(lattice.parts() > 1);
  lattice.renumber(numbers, pool);
  CHECK(edges_of(lattice, left, words) == edges_of(PieceLattice(left, words, pool), left, words));
}

}  // namespace orrery
