#include "tokenize/pieces.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"

namespace orrery {

namespace {
constexpr size_t kMaxText = INT32_MAX;
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
}  // namespace

Pieces::Pieces(std::string_view original, bool tracked) : original_(original), buffer_(original), tracked_(tracked) {
  if (original.size() > kMaxText)
    throw Error{ErrorKind::out_of_range, "a text of " + std::to_string(original.size()) + " bytes is too long to tokenise at once",
                "", "split it into documents below 2 GiB"};
  if (!original.empty()) pieces_.push_back({0, static_cast<uint32_t>(original.size())});
}

Span Pieces::origin(size_t begin, size_t end) const {
  if (!is_original_) {
    if (!tracked_) return {};
    return {rewritten_.origin[begin].begin, rewritten_.origin[end - 1].end};
  }
  while (begin > 0 && continues(buffer_[begin])) begin--;
  while (end < buffer_.size() && continues(buffer_[end])) end++;
  return {static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
}

void Pieces::rewrite_with(void (*change)(void*, AlignedText&), void* f) {
  AlignedText next, piece_text;
  next.tracked = piece_text.tracked = tracked_;
  const size_t limit = std::min(kMaxText, (size_t(1) << 20) + 64 * original_.size());
  size_t kept = 0;
  for (const Piece& piece : pieces_) {
    piece_text.text.assign(text(piece));
    piece_text.origin.clear();
    if (tracked_ && is_original_) {
      for (uint32_t at = piece.begin; at < piece.end;) {
        const uint32_t size = decode_utf8(buffer_, at).size;
        piece_text.origin.insert(piece_text.origin.end(), size, Span{at, at + size});
        at += size;
      }
    } else if (tracked_) {
      piece_text.origin.assign(rewritten_.origin.begin() + piece.begin, rewritten_.origin.begin() + piece.end);
    }
    piece_text.limit = limit - next.text.size();
    if (piece.token == Piece::kOpen) change(f, piece_text);
    if (piece_text.text.empty()) continue;
    const size_t begin = next.text.size();
    if (begin == 0) {
      next.text.swap(piece_text.text);
      next.origin.swap(piece_text.origin);
    } else {
      next.text += piece_text.text;
      next.origin.insert(next.origin.end(), piece_text.origin.begin(), piece_text.origin.end());
    }
    check_growth(next.text.size(), limit);
    pieces_[kept++] = {static_cast<uint32_t>(begin), static_cast<uint32_t>(next.text.size()), piece.token};
  }
  pieces_.resize(kept);
  rewritten_ = std::move(next);
  buffer_ = rewritten_.text;
  is_original_ = false;
}

void Pieces::spell_bytes() {
  if (!bytes_) return;
  bytes_ = false;
  rewrite([](AlignedText& text) { bytes_to_chars(text); });
}

}  // namespace orrery
