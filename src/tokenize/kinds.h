// The kinds of 64 bytes of text at once, as masks.
#pragma once

#include <cstdint>

namespace orrery {

// Bit i is of byte i of 64. `other` is ASCII of no other kind; `high` begins or goes on with a longer character.
struct Kinds {
  uint64_t letter = 0, digit = 0, space = 0, newline = 0, other = 0, high = 0;
};

Kinds kinds_of_64(const char* at);

}  // namespace orrery
