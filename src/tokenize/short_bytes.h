// Bytes of short texts, compared and read without a call and without a loop over single ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace orrery {

template <class Word>
inline Word word_at(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Up to eight bytes and zeros behind them, as little-endian machines read them; no byte beyond them is looked at.
inline uint64_t short_word(const char* bytes, size_t size) {
  if (size >= 8) return word_at<uint64_t>(bytes);
  if (size >= 4) return word_at<uint32_t>(bytes) | uint64_t(word_at<uint32_t>(bytes + size - 4)) << 8 * (size - 4);
  if (size == 0) return 0;
  const auto byte = [&](size_t i) { return uint64_t(static_cast<unsigned char>(bytes[i])) << 8 * i; };
  return byte(0) | byte(size / 2) | byte(size - 1);
}

inline bool same_bytes(std::string_view a, std::string_view b) {
  const size_t size = a.size();
  if (size != b.size()) return false;
  if (size < 8) return short_word(a.data(), size) == short_word(b.data(), size);
  for (size_t at = 0; at + 8 < size; at += 8)
    if (word_at<uint64_t>(a.data() + at) != word_at<uint64_t>(b.data() + at)) return false;
  return word_at<uint64_t>(a.data() + size - 8) == word_at<uint64_t>(b.data() + size - 8);
}

}  // namespace orrery
