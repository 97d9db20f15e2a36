// A text cut into pieces on its way to the model: added tokens, already known, and stretches still to be tokenised.
//
// Normalisers rewrite the open pieces, pre-tokenisers split them. All pieces lie in one buffer, one after the other;
// as long as nothing rewrites, that buffer is the caller's own text and no origins are stored.
#pragma once

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenize/aligned_text.h"

namespace orrery {

struct Piece {
  static constexpr int32_t kOpen = -1;
  uint32_t begin = 0, end = 0;   // bytes of the buffer
  int32_t token = kOpen;         // the id of an added token
};

class Pieces {
 public:
  // `original` must be valid UTF-8 below 2 GiB and outlive this. Without `tracked` there are no origins after a rewrite.
  Pieces(std::string_view original, bool tracked);
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  std::span<const Piece> all() const { return pieces_; }
  std::string_view text(const Piece& piece) const { return buffer_.substr(piece.begin, piece.end - piece.begin); }

  // The bytes of the original that bytes [begin, end) of the buffer, at least one, came from.
  Span origin(size_t begin, size_t end) const;

  // Cuts each open piece: find(text, emit) calls emit(begin, end[, token]) for the parts that stay; empty ones vanish.
  template <class Find>
  void split(Find find) {
    spell_bytes();
    split_as_they_are(find);
  }
  // The same where find knows that each byte may stand for its character: it sees the bytes.
  template <class Find>
  void split_as_they_are(Find find) {
    next_.clear();
    for (const Piece& piece : pieces_) {
      if (piece.token != Piece::kOpen) {
        next_.push_back(piece);
        continue;
      }
      find(text(piece), [&](size_t begin, size_t end, int32_t token = Piece::kOpen) {
        if (begin < end)
          next_.push_back({static_cast<uint32_t>(piece.begin + begin), static_cast<uint32_t>(piece.begin + end), token});
      });
    }
    pieces_.swap(next_);
  }

  // Edits each open piece: change(AlignedText&).
  template <class Change>
  void rewrite(Change change) {
    spell_bytes();
    rewrite_with([](void* f, AlignedText& text) { (*static_cast<Change*>(f))(text); }, &change);
  }

  // From here on each byte of an open piece stands for its character of the byte-level alphabet. Whatever needs to see
  // those characters calls spell_bytes(); a model that reads bytes is spared the detour.
  void read_as_bytes() { bytes_ = true; }
  bool bytes() const { return bytes_; }
  void spell_bytes();

 private:
  void rewrite_with(void (*change)(void*, AlignedText&), void* f);

  std::string_view original_, buffer_;
  AlignedText rewritten_;   // what buffer_ shows after the first rewrite
  bool tracked_, is_original_ = true, bytes_ = false;
  std::vector<Piece> pieces_, next_;
};

}  // namespace orrery
