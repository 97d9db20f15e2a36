// Long lists of short texts, as a vocabulary file has them: the bytes of all in one string, end to end.
//
//   TokenList list;
//   list.emplace_back("ab", 7);
//   for (const auto& [text, id] : list) …      // text is a view into the list
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace orrery {

// Texts by their number.
class TextList {
 public:
  void reserve(size_t texts, size_t bytes) {
    ends_.reserve(texts);
    bytes_.reserve(bytes);
  }
  void push_back(std::string_view text) {
    if (text.size() > UINT32_MAX - bytes_.size()) throw Error{ErrorKind::bad_file, "the vocabulary's tokens have more than 4 GiB", ""};
    bytes_.append(text);
    ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
  std::string_view operator[](size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  size_t size() const { return ends_.size(); }

 private:
  std::string bytes_;
  std::vector<uint32_t> ends_;
};

// A list whose entries are read by their number.
template <class List, class Entry>
class ListIterator {
 public:
  ListIterator(const List* list, size_t at) : list_(list), at_(at) {}
  Entry operator*() const { return (*list_)[at_]; }
  ListIterator& operator++() {
    ++at_;
    return *this;
  }
  friend bool operator==(const ListIterator&, const ListIterator&) = default;

 private:
  const List* list_;
  size_t at_;
};

// Tokens and their ids.
class TokenList {
 public:
  struct Entry {
    std::string_view text;
    int32_t id;
  };
  void reserve(size_t tokens, size_t bytes) {
    texts_.reserve(tokens, bytes);
    ids_.reserve(tokens);
  }
  void emplace_back(std::string_view text, int32_t id) {
    texts_.push_back(text);
    ids_.push_back(id);
  }
  Entry operator[](size_t i) const { return {texts_[i], ids_[i]}; }
  std::string_view text(size_t i) const { return texts_[i]; }
  int32_t id(size_t i) const { return ids_[i]; }
  void set_id(size_t i, int32_t id) { ids_[i] = id; }
  size_t size() const { return ids_.size(); }
  bool empty() const { return ids_.empty(); }
  auto begin() const { return ListIterator<TokenList, Entry>(this, 0); }
  auto end() const { return ListIterator<TokenList, Entry>(this, size()); }

 private:
  TextList texts_;
  std::vector<int32_t> ids_;
};

// Pairs of tokens that join.
class MergeList {
 public:
  struct Entry {
    std::string_view left, right;
  };
  void reserve(size_t merges, size_t bytes) { texts_.reserve(2 * merges, bytes); }
  void emplace_back(std::string_view left, std::string_view right) {
    texts_.push_back(left);
    texts_.push_back(right);
  }
  Entry operator[](size_t i) const { return {texts_[2 * i], texts_[2 * i + 1]}; }
  size_t size() const { return texts_.size() / 2; }
  bool empty() const { return size() == 0; }
  auto begin() const { return ListIterator<MergeList, Entry>(this, 0); }
  auto end() const { return ListIterator<MergeList, Entry>(this, size()); }

 private:
  TextList texts_;
};

}  // namespace orrery
