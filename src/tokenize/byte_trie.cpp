#include "tokenize/byte_trie.h"

#include <algorithm>

namespace orrery {

// Places the children of one node after another. Free nodes form a list; only the first few of it are tried for a node
// with several children, so that building is linear in the members' bytes.
class ByteTrie::Builder {
 public:
  Builder(std::vector<Node>& nodes, const std::vector<std::pair<std::string_view, int32_t>>& members) : nodes_(nodes), members_(members) {
    add_block();
    take(0, 0);   // the root, which is nobody's child
    open_.push_back({0, 0, 0, members.size()});
    while (!open_.empty()) {
      const Range range = open_.back();
      open_.pop_back();
      place(range);
    }
    // A node without children keeps base 0: its "children" in block 0 have other parents, and the root is its own.
    nodes_[0].check = kFree;
  }

 private:
  struct Range {   // members [first, last) share their first `depth` bytes, which lead to `node`
    uint32_t node;
    size_t depth, first, last;
  };
  struct Link {
    uint32_t previous, next;
  };
  static constexpr uint32_t kEnd = 0xFFFFFFFF;
  static constexpr int kTries = 32;

  void add_block() {
    const auto begin = static_cast<uint32_t>(nodes_.size());
    nodes_.resize(begin + 256);
    links_.resize(begin + 256);
    for (uint32_t i = begin; i < begin + 256; i++) links_[i] = {i == begin ? last_ : i - 1, i + 1 == begin + 256 ? kEnd : i + 1};
    (last_ == kEnd ? head_ : links_[last_].next) = begin;
    last_ = begin + 255;
  }

  void take(uint32_t node, uint32_t parent) {
    const Link link = links_[node];
    (link.previous == kEnd ? head_ : links_[link.previous].next) = link.next;
    (link.next == kEnd ? last_ : links_[link.next].previous) = link.previous;
    nodes_[node].check = parent;
  }

  uint32_t find_base() const {
    int tries = 0;
    for (uint32_t place = head_; place != kEnd && tries < kTries; place = links_[place].next, tries++) {
      const uint32_t base = place ^ bytes_[0];
      if (std::all_of(bytes_.begin(), bytes_.end(), [&](unsigned char b) { return nodes_[base ^ b].check == kFree; })) return base;
    }
    return kEnd;
  }

  void place(Range range) {
    size_t first = range.first;
    while (first < range.last && members_[first].first.size() == range.depth) nodes_[range.node].value = members_[first++].second;
    if (first == range.last) return;
    bytes_.clear();
    starts_.clear();
    for (size_t i = first; i < range.last; i++) {
      const auto byte = static_cast<unsigned char>(members_[i].first[range.depth]);
      if (!bytes_.empty() && bytes_.back() == byte) continue;
      bytes_.push_back(byte);
      starts_.push_back(i);
    }
    starts_.push_back(range.last);
    uint32_t base = find_base();
    if (base == kEnd) {
      add_block();
      base = static_cast<uint32_t>(nodes_.size()) - 256;
    }
    nodes_[range.node].base = base;
    for (size_t i = 0; i < bytes_.size(); i++) {
      take(base ^ bytes_[i], range.node);
      open_.push_back({base ^ bytes_[i], range.depth + 1, starts_[i], starts_[i + 1]});
    }
  }

  std::vector<Node>& nodes_;
  const std::vector<std::pair<std::string_view, int32_t>>& members_;
  std::vector<Link> links_;
  std::vector<Range> open_;
  std::vector<unsigned char> bytes_;
  std::vector<size_t> starts_;
  uint32_t head_ = kEnd, last_ = kEnd;
};

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> members) {
  std::erase_if(members, [](const auto& m) { return m.first.empty(); });
  if (members.empty()) return;
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Builder(nodes_, members);
}

}  // namespace orrery
