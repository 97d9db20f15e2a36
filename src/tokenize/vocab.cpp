#include "tokenize/vocab.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace orrery {

uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kMix = 0x9E3779B97F4A7C15u;
  uint64_t hash = bytes.size() * kMix;
  const auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * kMix;
    hash ^= hash >> 29;
  };
  const auto mix_at = [&](size_t at) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  };
  if (bytes.size() >= 8) {   // the last eight, whatever of them was read before
    for (size_t at = 0; at + 8 < bytes.size(); at += 8) mix_at(at);
    mix_at(bytes.size() - 8);
  } else {
    uint64_t word = 0;
    for (size_t i = 0; i < bytes.size(); i++) word |= uint64_t(static_cast<unsigned char>(bytes[i])) << (8 * i);
    mix(word);
  }
  return hash ^ hash >> 32;
}

Vocab::Vocab(std::vector<std::pair<std::string, int32_t>> entries) : entries_(std::move(entries)) {
  slots_.assign(std::bit_ceil(entries_.size() * 2 + 1), 0);
  const size_t mask = slots_.size() - 1;
  by_id_.reserve(entries_.size());
  for (uint32_t i = 0; i < entries_.size(); i++) {
    size_t slot = hash_bytes(entries_[i].first) & mask;
    while (slots_[slot] != 0 && entries_[slots_[slot] - 1].first != entries_[i].first) slot = (slot + 1) & mask;
    if (slots_[slot] == 0) {
      size_++;
      slots_[slot] = i + 1;
      by_id_.push_back(i);
      longest_ = std::max(longest_, entries_[i].first.size());
    } else {
      entries_[slots_[slot] - 1].second = entries_[i].second;
    }
  }
  const auto id = [&](uint32_t i) { return entries_[i].second; };
  if (!std::is_sorted(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) { return id(a) < id(b); }))
    std::stable_sort(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) { return id(a) < id(b); });
  if (static_cast<size_t>(max_id() + 1) <= 2 * size_ + 1024) {
    dense_.assign(static_cast<size_t>(max_id() + 1), 0);
    for (const uint32_t i : by_id_) dense_[static_cast<size_t>(id(i))] = i + 1;
  }
}

int32_t Vocab::find(std::string_view token) const {
  if (slots_.empty()) return kAbsent;
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash_bytes(token) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const auto& [text, id] = entries_[slots_[slot] - 1];
    if (text == token) return id;
  }
  return kAbsent;
}

bool Vocab::shares_ids() const {
  return std::adjacent_find(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) {
           return entries_[a].second == entries_[b].second;
         }) != by_id_.end();
}

std::optional<std::string_view> Vocab::token(int32_t id) const {
  if (id < 0 || id > max_id()) return std::nullopt;
  if (!dense_.empty()) {
    const uint32_t i = dense_[static_cast<size_t>(id)];
    return i == 0 ? std::nullopt : std::optional<std::string_view>(entries_[i - 1].first);
  }
  const auto after = std::upper_bound(by_id_.begin(), by_id_.end(), id,
                                      [&](int32_t wanted, uint32_t i) { return wanted < entries_[i].second; });
  if (after == by_id_.begin() || entries_[*std::prev(after)].second != id) return std::nullopt;
  return entries_[*std::prev(after)].first;
}

}  // namespace orrery
