#include "tokenize/trainers/piece_lattice.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenize/byte_trie.h"

namespace orrery {

namespace {
constexpr size_t kBytesAPart = 1 << 15;   // of words
}

PieceLattice::PieceLattice(const std::vector<std::string_view>& pieces, const WordList& words, ThreadPool& pool) {
  std::vector<std::pair<std::string_view, int32_t>> members;
  members.reserve(pieces.size());
  for (size_t i = 0; i < pieces.size(); i++) members.emplace_back(pieces[i], static_cast<int32_t>(i));
  const ByteTrie trie(std::move(members));
  for (size_t w = 0, bytes = kBytesAPart; w < words.size(); bytes += words[w++].first.size()) {
    if (bytes < kBytesAPart) continue;
    parts_.push_back({.first = w, .pieces = {}, .lengths = {}, .begins = {}, .characters = {}});
    bytes = 0;
  }
  pool.parallel(static_cast<int64_t>(parts_.size()), [&](int64_t index) {
    Part& part = parts_[static_cast<size_t>(index)];
    part.begins.push_back(0);
    const size_t end_word = static_cast<size_t>(index) + 1 < parts_.size() ? parts_[static_cast<size_t>(index) + 1].first : words.size();
    std::vector<uint8_t> before;   // of each byte of a word: characters that begin before it, as a byte that may wrap
    for (size_t w = part.first; w < end_word; w++) {
      const std::string_view word = words[w].first;
      before.assign(word.size() + 1, 0);
      for (size_t at = 0; at < word.size(); at++) before[at + 1] = static_cast<uint8_t>(before[at] + ((static_cast<unsigned char>(word[at]) & 0xC0) != 0x80));
      uint32_t characters = 0;
      for (size_t at = 0; at < word.size(); characters++) {
        const size_t next = at + decode_utf8(word, at).size;
        bool single = false;
        trie.each_prefix(word, at, [&](size_t end, int32_t piece) {
          part.pieces.push_back(static_cast<uint32_t>(piece));
          part.lengths.push_back(static_cast<uint8_t>(before[end] - before[at]));
          single = single || end == next;
        });
        if (!single) {
          part.pieces.push_back(kUnknown);
          part.lengths.push_back(1);
        }
        part.lengths.back() |= kLast;
        at = next;
      }
      part.begins.push_back(static_cast<uint32_t>(part.pieces.size()));
      part.characters.push_back(characters);
    }
    part.pieces.shrink_to_fit();
    part.lengths.shrink_to_fit();
  });
}

void PieceLattice::renumber(const std::vector<uint32_t>& numbers, ThreadPool& pool) {
  pool.parallel(static_cast<int64_t>(parts_.size()), [&](int64_t index) {
    Part& part = parts_[static_cast<size_t>(index)];
    uint32_t kept = 0, begin = 0;
    bool single = false;
    for (size_t w = 0; w + 1 < part.begins.size(); w++) {
      const uint32_t end = part.begins[w + 1];
      for (uint32_t i = begin; i < end; i++) {
        const uint8_t length = part.lengths[i] & kLength;
        const bool last = (part.lengths[i] & kLast) != 0;
        const uint32_t piece = part.pieces[i] == kUnknown ? kUnknown : numbers[part.pieces[i]];
        if (piece != kUnknown) {
          part.pieces[kept] = piece;
          part.lengths[kept++] = length;
          single = single || length == 1;
        }
        if (!last) continue;
        if (!single) {   // there is room: an edge of one character, known or not, was here
          part.pieces[kept] = kUnknown;
          part.lengths[kept++] = 1;
        }
        part.lengths[kept - 1] |= kLast;
        single = false;
      }
      begin = end;
      part.begins[w + 1] = kept;
    }
    part.pieces.resize(kept);
    part.lengths.resize(kept);
  });
}

}  // namespace orrery
