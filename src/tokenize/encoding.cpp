#include "tokenize/encoding.h"

#include <utility>

namespace orrery {

void Encoding::add(int32_t id, std::string token, Offsets at, int32_t type_id, bool is_special, int32_t word,
                   int32_t sequence) {
  ids.push_back(id);
  tokens.push_back(std::move(token));
  offsets.push_back(at);
  type_ids.push_back(type_id);
  special.push_back(is_special);
  words.push_back(word);
  sequences.push_back(sequence);
}

void Encoding::append(const Encoding& other) {
  const auto join = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  join(ids, other.ids);
  join(tokens, other.tokens);
  join(offsets, other.offsets);
  join(type_ids, other.type_ids);
  join(special, other.special);
  join(words, other.words);
  join(sequences, other.sequences);
}

}  // namespace orrery
