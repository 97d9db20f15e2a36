// Tokens and their ids, both ways. Filled once, then only read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenize/token_list.h"
#include "tokenize/zero_array.h"

namespace orrery {

uint64_t hash_bytes(std::string_view bytes);

class Vocab {
 public:
  static constexpr int32_t kAbsent = -1;

  Vocab() = default;
  // Of a token given twice the later id counts; of an id given to two tokens the later token is its text.
  explicit Vocab(TokenList entries);

  int32_t find(std::string_view token) const { return find(token, hash_bytes(token)); }   // its id, or kAbsent
  // The same of many: their places are asked for from the memory, before any of them is looked at.
  void ask(uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_]);
  }
  int32_t find(std::string_view token, uint64_t hash) const;   // `hash` is its hash_bytes
  std::optional<std::string_view> token(int32_t id) const;
  size_t size() const { return size_; }                        // different tokens
  int32_t max_id() const { return by_id_.empty() ? -1 : entries_.id(by_id_.back()); }
  size_t longest() const { return longest_; }                  // bytes of the longest token
  bool shares_ids() const;                                     // two tokens have one id

  // Calls f(token, id) in the order of ids.
  template <class F>
  void each(F f) const {
    for (const uint32_t i : by_id_) f(entries_.text(i), entries_.id(i));
  }

 private:
  struct Slot {
    uint32_t tag;    // the upper half of the hash
    uint32_t entry;  // index + 1, or 0
  };
  // The slot of a token, or the free one where it would be.
  size_t locate(std::string_view token, uint64_t hash) const;

  TokenList entries_;
  ZeroArray<Slot> slots_;          // open addressing
  size_t mask_ = 0;                // one less than there are
  std::vector<uint32_t> by_id_;    // entries in the order of ids, tokens given twice left out
  std::vector<uint32_t> dense_;    // id → index + 1, while ids leave few holes
  size_t size_ = 0, longest_ = 0;
};

}  // namespace orrery
