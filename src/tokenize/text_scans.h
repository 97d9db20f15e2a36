// What reads texts 64 bytes at a time, built for each instruction set from the sources in cpu/ (base/processor.h).
#pragma once

#include "base/processor.h"
#include "tokenize/word_lookups.h"
#include "tokenize/word_parts.h"
#include "tokenize/word_scan.h"

namespace orrery {

struct TextScans {
  WordScanner gpt2, llama3, qwen2, cl100k, o200k;             // word_scan.h
  PartMasks (*part_masks)(const char* bytes, bool lines);     // word_parts.h; `lines`: \n, \r, \t are white space like ' '
  const WordLookups* lookups;                                 // word_lookups.h; null: none better

  static const TextScans& best();   // those for this process
};

#define DECLARE(set) \
  namespace cpu::set { \
  extern const TextScans text_scans; \
  }
ORRERY_EACH_SET(DECLARE)
#undef DECLARE

}  // namespace orrery
