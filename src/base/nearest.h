// Which of several words was meant: for errors that say "did you mean …?".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

// The number of inserted, removed, changed or swapped characters (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that a word most likely means, or "": one that it begins ("gen" of generate); one of which it leaves words
// out or shortens them ("--max-tokens" of --max-new-tokens); else one that a slip of the finger explains.
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// The candidates in the order of their distance, as many as `count`.
std::vector<std::string> nearest_few(std::string_view word, std::vector<std::string> candidates, size_t count);

}  // namespace orrery
