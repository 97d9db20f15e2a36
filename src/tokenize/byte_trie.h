// A set of strings with a number each, asked for all members that begin a text. A double array: the child of node s by
// byte b is node base[s] ^ b, if check of that node is s; so each byte of the text costs one look-up.
//   Aoe 1989, "An efficient digital search algorithm by using a double-array structure".
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery {

class ByteTrie {
 public:
  static constexpr int32_t kNone = -1;

  ByteTrie() = default;
  // Of a string given twice the later value counts; empty strings are no members. Values are not negative.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> members);

  // Calls f(end, value) for each member that begins at byte `from` of the text, the shortest first.
  template <class F>
  void each_prefix(std::string_view text, size_t from, F f) const {
    if (nodes_.empty()) return;
    uint32_t node = 0;
    for (size_t at = from; at < text.size();) {
      const uint32_t next = nodes_[node].base ^ static_cast<unsigned char>(text[at]);
      if (nodes_[next].check != node) return;
      node = next;
      at++;
      if (nodes_[node].value != kNone) f(at, nodes_[node].value);
    }
  }

 private:
  static constexpr uint32_t kFree = 0xFFFFFFFF;
  struct Node {
    uint32_t base = 0, check = kFree;
    int32_t value = kNone;
  };
  class Builder;
  std::vector<Node> nodes_;   // a whole number of blocks of 256; a leaf's base is its own, childless, block 0
};

}  // namespace orrery
