// The words of a text by well-known expressions, many at a time: what scanners.h cuts one by one.
//
// Bytes become masks, one bit a byte for each kind of character (kinds.h). Where words begin then follows for 56 at once,
// by arithmetic of bits: a run begins where its mask is set and the bit before is not; adding a run's first bit to its mask carries
// to where it ends. Where that hangs on what comes after those told, the next step begins there; a longer word is left to scanners.h.
// cpu/word_scan.cpp does it, once for each instruction set (text_scans.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace orrery {

// Writes the ends of the words that begin at byte `at` of a valid UTF-8 text, at most `most`, and tells how many; each word
// begins where the one before it ends. 0 at the end of the text. Texts of less than 4 GiB.
using WordScan = size_t(std::string_view text, size_t at, uint32_t* ends, size_t most);
using WordScanner = WordScan*;

WordScan words_gpt2, words_llama3, words_qwen2, words_cl100k, words_o200k;

// emit(begin, end) for each word.
template <class Emit>
void each_word(WordScanner scan, std::string_view text, Emit emit) {
  std::array<uint32_t, 256> ends;
  for (size_t at = 0; const size_t count = scan(text, at, ends.data(), ends.size());)
    for (size_t i = 0; i < count; at = ends[i++]) emit(at, size_t(ends[i]));
}

}  // namespace orrery
