#include "tokenize/vocab.h"

#include <algorithm>
#include <array>
#include <bit>

#include "tokenize/short_bytes.h"

namespace orrery {

uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kMix = 0x9E3779B97F4A7C15u;
  uint64_t hash = bytes.size() * kMix;
  const auto mix = [&](uint64_t word) {
    hash = (hash ^ word) * kMix;
    hash ^= hash >> 29;
  };
  if (bytes.size() >= 8) {   // the last eight, whatever of them was read before
    for (size_t at = 0; at + 8 < bytes.size(); at += 8) mix(word_at<uint64_t>(bytes.data() + at));
    mix(word_at<uint64_t>(bytes.data() + bytes.size() - 8));
  } else {
    mix(short_word(bytes.data(), bytes.size()));
  }
  return hash ^ hash >> 32;
}

Vocab::Vocab(TokenList entries) : entries_(std::move(entries)) {
  const size_t slots = std::bit_ceil(entries_.size() * 2 + 1);
  slots_ = ZeroArray<Slot>::dense(slots);
  mask_ = slots - 1;
  by_id_.reserve(entries_.size());
  constexpr size_t kBatch = 32;   // whose places are asked for together
  std::array<uint64_t, kBatch> hashes;
  for (size_t i = 0; i < entries_.size(); i++) {
    if (i % kBatch == 0)
      for (size_t next = i; next < std::min(i + kBatch, entries_.size()); next++) ask(hashes[next % kBatch] = hash_bytes(entries_.text(next)));
    const uint64_t hash = hashes[i % kBatch];
    Slot& slot = slots_[locate(entries_.text(i), hash)];
    if (slot.entry == 0) {
      size_++;
      slot = {static_cast<uint32_t>(hash >> 32), static_cast<uint32_t>(i + 1)};
      by_id_.push_back(static_cast<uint32_t>(i));
      longest_ = std::max(longest_, entries_.text(i).size());
    } else {
      entries_.set_id(slot.entry - 1, entries_.id(i));
    }
  }
  const auto id = [&](uint32_t i) { return entries_.id(i); };
  if (!std::is_sorted(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) { return id(a) < id(b); }))
    std::stable_sort(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) { return id(a) < id(b); });
  if (static_cast<size_t>(max_id() + 1) <= 2 * size_ + 1024) {
    dense_.assign(static_cast<size_t>(max_id() + 1), 0);
    for (const uint32_t i : by_id_) dense_[static_cast<size_t>(id(i))] = i + 1;
  }
}

size_t Vocab::locate(std::string_view token, uint64_t hash) const {
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t slot = hash & mask_;
  while (slots_[slot].entry != 0 && (slots_[slot].tag != tag || !same_bytes(entries_.text(slots_[slot].entry - 1), token))) slot = (slot + 1) & mask_;
  return slot;
}

int32_t Vocab::find(std::string_view token, uint64_t hash) const {
  if (slots_.empty()) return kAbsent;
  const uint32_t entry = slots_[locate(token, hash)].entry;
  return entry == 0 ? kAbsent : entries_.id(entry - 1);
}

bool Vocab::shares_ids() const {
  return std::adjacent_find(by_id_.begin(), by_id_.end(), [&](uint32_t a, uint32_t b) {
           return entries_.id(a) == entries_.id(b);
         }) != by_id_.end();
}

std::optional<std::string_view> Vocab::token(int32_t id) const {
  if (id < 0 || id > max_id()) return std::nullopt;
  if (!dense_.empty()) {
    const uint32_t i = dense_[static_cast<size_t>(id)];
    return i == 0 ? std::nullopt : std::optional(entries_.text(i - 1));
  }
  const auto after = std::upper_bound(by_id_.begin(), by_id_.end(), id,
                                      [&](int32_t wanted, uint32_t i) { return wanted < entries_.id(i); });
  if (after == by_id_.begin() || entries_.id(*std::prev(after)) != id) return std::nullopt;
  return entries_.text(*std::prev(after));
}

}  // namespace orrery
