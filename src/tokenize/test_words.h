// Words for tests of the memories of words.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace orrery {

// Random bytes, mostly as short as words are.
inline std::vector<std::string> random_words(std::mt19937_64& random, size_t count) {
  std::vector<std::string> words;
  for (size_t i = 0; i < count; ++i) {
    std::string word(1 + random() % (i % 10 == 0 ? 60 : 15), 'a');
    for (char& c : word) c = static_cast<char>(random());
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace orrery
