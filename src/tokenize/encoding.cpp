#include "tokenize/encoding.h"

#include <iterator>
#include <utility>

namespace orrery {

std::vector<std::string> Encoding::tokens() const {
  std::vector<std::string> all;
  all.reserve(size());
  for (size_t i = 0; i < size(); ++i) all.emplace_back(token(i));
  return all;
}

void Encoding::add(int32_t id, std::string token, Offsets at, int32_t type_id, bool is_special, int32_t word, int32_t sequence) {
  texts.keep(size(), std::move(token));
  add(id, at, type_id, is_special, word, sequence);
}

void Encoding::add(int32_t id, Offsets at, int32_t type_id, bool is_special, int32_t word, int32_t sequence) {
  ids.push_back(id);
  offsets.push_back(at);
  type_ids.push_back(type_id);
  special.push_back(is_special);
  words.push_back(word);
  sequences.push_back(sequence);
  mask.push_back(1);
}

namespace {

void join_tokens(Encoding& first, const Encoding& second) {
  const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  first.texts.append(first.size(), second.texts, second.ids);
  join(first.ids, second.ids);
  join(first.offsets, second.offsets);
  join(first.type_ids, second.type_ids);
  join(first.special, second.special);
  join(first.words, second.words);
  join(first.sequences, second.sequences);
  join(first.mask, second.mask);
}

}  // namespace

void Encoding::append(const Encoding& other) {
  std::vector<Encoding> windows;
  const auto add_window = [&](const Encoding& first, const Encoding& second) {
    Encoding& window = windows.emplace_back();
    join_tokens(window, first);
    join_tokens(window, second);
  };
  for (const Encoding& mine : overflow) {
    add_window(mine, other);
    for (const Encoding& others : other.overflow) add_window(mine, others);
  }
  for (const Encoding& others : other.overflow) add_window(*this, others);
  overflow.swap(windows);
  join_tokens(*this, other);
}

// The longer one keeps its place where that can be: a few special tokens before a text move nothing but themselves.
void Encoding::append(Encoding&& other) {
  if (size() >= other.size() || !overflow.empty() || !other.overflow.empty()) return append(std::as_const(other));
  const auto join = [](auto& to, auto& from) {
    from.insert(from.begin(), std::make_move_iterator(to.begin()), std::make_move_iterator(to.end()));
    to.swap(from);
  };
  texts.append(size(), std::move(other.texts), other.ids);
  join(ids, other.ids);
  join(offsets, other.offsets);
  join(type_ids, other.type_ids);
  join(special, other.special);
  join(words, other.words);
  join(sequences, other.sequences);
  join(mask, other.mask);
}

Encoding Encoding::part(size_t begin, size_t end) const {
  Encoding out;
  const auto copy = [&](auto& to, const auto& from) {   // an encoding of ids alone has nothing else
    if (!from.empty()) to.assign(from.begin() + static_cast<std::ptrdiff_t>(begin), from.begin() + static_cast<std::ptrdiff_t>(end));
  };
  copy(out.ids, ids);
  out.texts = texts.part(begin, end);
  copy(out.offsets, offsets);
  copy(out.type_ids, type_ids);
  copy(out.special, special);
  copy(out.words, words);
  copy(out.sequences, sequences);
  copy(out.mask, mask);
  out.bare = bare;
  return out;
}

}  // namespace orrery
