// Where one word ends, by scanners.h, for what scans many at a time where 64 bytes do not tell. Not inline: that is built for several
// instruction sets, this for what every processor has.
#pragma once

#include <cstddef>
#include <string_view>

namespace orrery::word_ends {

size_t contraction(std::string_view text, size_t at);
size_t contraction_any_case(std::string_view text, size_t at);
size_t gpt2(std::string_view text, size_t at);
size_t llama3(std::string_view text, size_t at, int most_digits, bool whole_tail);
size_t o200k(std::string_view text, size_t at);

}  // namespace orrery::word_ends
