// Tokens and their ids, both ways. Filled once, then only read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

class Vocab {
 public:
  static constexpr int32_t kAbsent = -1;

  Vocab() = default;
  // Of a token given twice the later id counts; of an id given to two tokens the later token is its text.
  explicit Vocab(std::vector<std::pair<std::string, int32_t>> entries);

  int32_t find(std::string_view token) const;                  // its id, or kAbsent
  std::optional<std::string_view> token(int32_t id) const;
  size_t size() const { return size_; }                        // different tokens
  int32_t max_id() const { return by_id_.empty() ? -1 : entries_[by_id_.back()].second; }
  size_t longest() const { return longest_; }                  // bytes of the longest token
  bool shares_ids() const;                                     // two tokens have one id

  // Calls f(token, id) in the order of ids.
  template <class F>
  void each(F f) const {
    for (const uint32_t i : by_id_) f(std::string_view(entries_[i].first), entries_[i].second);
  }

 private:
  std::vector<std::pair<std::string, int32_t>> entries_;
  std::vector<uint32_t> slots_;    // open addressing: index of an entry + 1, or 0
  std::vector<uint32_t> by_id_;    // entries in the order of ids, tokens given twice left out
  std::vector<uint32_t> dense_;    // id → index + 1, while ids leave few holes
  size_t size_ = 0, longest_ = 0;
};

uint64_t hash_bytes(std::string_view bytes);

}  // namespace orrery
