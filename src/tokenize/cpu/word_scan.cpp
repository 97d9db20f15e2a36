// The words of a text by well-known expressions (word_scan.h), up to 56 bytes at a time.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "tokenize/cpu/kinds_ahead.h"
#include "tokenize/word_ends.h"
#include "tokenize/word_scan.h"

namespace orrery::cpu::ORRERY_ISA {

namespace {

uint64_t bit(unsigned at) { return uint64_t(1) << at; }
uint64_t bits_to(unsigned at) { return ~uint64_t(0) >> (63 - std::min(at, 63u)); }   // 0 ... at
uint64_t firsts(uint64_t mask) { return mask & ~(mask << 1); }                        // of each run

// The first bytes of the characters whose last bytes, or any, are set.
uint64_t begins(uint64_t mask, uint64_t inner) {
  while (const uint64_t in = mask & inner) mask = (mask & ~in) | in >> 1;
  return mask;
}

// The first byte of each run's last character, where something other follows.
uint64_t lasts(uint64_t mask, const Kinds& k) { return begins(mask & ~(mask >> 1) & ~bit(k.size - 1), k.inner); }

// Bytes whose white space goes on past what is told: of its words only the first is certain to begin where it seems to.
uint64_t certain(uint64_t space, const Kinds& k) {
  const auto run = static_cast<unsigned>(std::countl_one(space << (64 - k.size)));
  return bits_to(k.size - std::min(run, k.size));
}

// Of some bytes of a text, from `at` on, where words begin.
struct Part {
  std::string_view text;
  size_t at;
  bool inside;   // the first byte goes on with a word that ended in letters, if it is a letter too: else it begins a word
  bool last;     // the text ends here
};

// Takes the contractions that are words out of `all`, and tells how many of the bytes are then certain.
template <size_t contraction(std::string_view, size_t)>
uint64_t with_contractions(const Part& part, const Kinds& k, uint64_t all) {
  for (uint64_t quotes = k.quote & all; quotes != 0; quotes &= quotes - 1) {
    const auto at = static_cast<unsigned>(std::countr_zero(quotes));
    if (!part.last && at + 3 >= k.size) return all & bits_to(at);
    if (const size_t size = contraction(part.text, part.at + at)) {
      all &= ~(bits_to(at + static_cast<unsigned>(size) - 1) & ~bits_to(at));
      if (at + size < k.size) all |= bit(at + static_cast<unsigned>(size));
    }
  }
  return all;
}

// Where matches of kGpt2Pattern begin, as far as the bytes tell.
struct Gpt2 {
  using Told = Kinds;
  static bool simplify(Kinds&, const Part&) { return true; }
  static uint64_t begins(const Kinds& k, const Part& part) {
    const uint64_t kinds = firsts(k.letter) | firsts(k.number) | firsts(k.other);
    uint64_t all = (kinds & ~(k.blank << 1)) | firsts(k.space) | lasts(k.space, k);   // a blank begins what follows it
    if (!part.last) all &= certain(k.space, k);
    if (k.quote & all) all = with_contractions<word_ends::contraction>(part, k, all);
    return all & ~(k.letter & 1);
  }
  static uint64_t may_go_on(const Kinds& k) { return k.letter; }
  static size_t end(std::string_view text, size_t at) { return word_ends::gpt2(text, at); }
};

// Other characters that begin a word and have none before them in it.
uint64_t one_other(const Kinds& k) {
  uint64_t one = firsts(k.other) & ~(k.blank << 1);
  if (k.inner != 0)
    for (int i = 0; i < 3; ++i) one |= (one << 1) & k.inner;
  return one;
}

// The same of kLlama3Pattern and its kin.
template <int most_digits, bool whole_tail = false>
struct Llama3 {
  using Told = Kinds;
  static bool simplify(Kinds&, const Part&) { return true; }
  static uint64_t begins(const Kinds& k, const Part& part) {
    uint64_t all = without_contractions(k, part.last);
    if (k.quote & all) all = with_contractions<word_ends::contraction_any_case>(part, k, all);
    return all & ~(k.letter & 1);
  }
  static uint64_t without_contractions(const Kinds& k, bool last) {
    const uint64_t after_other = k.newline & (k.other << 1);
    const uint64_t taken = k.newline & ~(k.newline + after_other);   // newlines that end a run of others
    const uint64_t space = k.space & ~taken, newline = k.newline & ~taken, gap = space & ~newline;

    // One other character that begins a word, or the last of the gap, goes with the letters that follow.
    const uint64_t others = firsts(k.other) & ~(k.blank << 1);
    uint64_t all = (firsts(k.letter) & ~((one_other(k) | gap) << 1)) | others | firsts(space) | numbers(k);

    // After the last newline of white space a gap is by itself; so is its last character, where no white space follows.
    const uint64_t gaps = firsts(gap), before_newline = (gap + gaps) & ~gap & newline;
    uint64_t alone = gap;
    for (uint64_t ends = before_newline; ends != 0; ends &= ends - 1) {
      const auto end = static_cast<unsigned>(std::countr_zero(ends));
      alone &= ~(bit(end) - bit(end - run_before(gap, end)));
    }
    all |= firsts(alone) | lasts(alone, k);
    return last && !whole_tail ? all : all & certain(space, k);
  }
  static uint64_t may_go_on(const Kinds& k) { return k.letter; }
  static size_t end(std::string_view text, size_t at) { return word_ends::llama3(text, at, most_digits, whole_tail); }

 private:
  // How many bits before `end` are set in a row, at least one.
  static unsigned run_before(uint64_t mask, unsigned end) { return static_cast<unsigned>(std::countl_one(mask << (64 - end))); }

  static uint64_t numbers(const Kinds& k) {
    if constexpr (most_digits == 1) return k.number & ~k.inner;
    uint64_t all = firsts(k.number);
    const uint64_t fourths = k.number & k.number << 1 & k.number << 2 & k.number << 3;
    if (fourths == 0) return all;
    if (most_digits == 3 && (k.number & k.inner) == 0) {
      for (uint64_t begins = all << 3 & fourths; begins != 0; begins = begins << 3 & fourths) all |= begins;
      return all;
    }
    int digits = 0;
    for (uint64_t left = k.number & ~k.inner; left != 0; left &= left - 1) {
      const uint64_t one = left & (~left + 1);
      digits = (all & one) != 0 || digits == most_digits ? 1 : digits + 1;
      if (digits == 1) all |= one;
    }
    return all;
  }
};

#if defined(ORRERY_ISA_avx512)
// base + the place of each set bit, the lowest first; with them sixteen are written for each sixteen bits, kRoom at most. Returns how many.
[[gnu::always_inline]] inline size_t write_places(uint64_t bits, size_t base, uint32_t* ends) {
  const __m512i sixteen = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  size_t count = 0;
  for (unsigned at = 0; at < Kinds::kMost; at += 16) {
    const auto some = static_cast<__mmask16>(bits >> at);
    const __m512i places = _mm512_add_epi32(sixteen, _mm512_set1_epi32(static_cast<int>(base + at)));
    _mm512_storeu_si512(ends + count, _mm512_maskz_compress_epi32(some, places));
    count += static_cast<size_t>(std::popcount(static_cast<uint32_t>(some)));
  }
  return count;
}
#else
// Of each byte: where its bits are set, the lowest first, and how many.
struct SetBits {
  std::array<std::array<uint8_t, 8>, 256> places{};
  std::array<uint8_t, 256> counts{};
};
constexpr SetBits kSetBits = [] {
  SetBits all;
  for (unsigned byte = 0; byte < 256; ++byte)
    for (uint8_t at = 0; at < 8; ++at)
      if (byte >> at & 1) all.places[byte][all.counts[byte]++] = at;
  return all;
}();

// base + each of eight places.
inline void write_eight(const uint8_t* places, size_t base, uint32_t* ends) {
#if defined(__AVX2__)
  const __m256i eight = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(places)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(ends), _mm256_add_epi32(eight, _mm256_set1_epi32(static_cast<int>(base))));
#else
  for (size_t i = 0; i < 8; ++i) ends[i] = static_cast<uint32_t>(base + places[i]);
#endif
}

// base + the place of each set bit, the lowest first, and up to eight more. Returns how many: for each byte eight are written, for how
// many it has is seldom guessed.
[[gnu::always_inline]] inline size_t write_places(uint64_t bits, size_t base, uint32_t* ends) {
  size_t count = 0;
  for (unsigned at = 0; at < Kinds::kMost; at += 8) {
    const auto byte = static_cast<uint8_t>(bits >> at);
    write_eight(kSetBits.places[byte].data(), base + at, ends + count);
    count += kSetBits.counts[byte];
  }
  return count;
}
#endif

constexpr size_t kRoom = 64;   // of the ends of one step, and what is written beyond them

// For one more step: one that has room for all it may find is the quicker.
bool has_room(size_t count, size_t most) { return most - count >= kRoom || (count == 0 && most > 0); }

// The ends of words at the set bits, at most Kinds::kMost, and of the last word at the end of the text.
[[gnu::always_inline]] inline size_t write_ends(std::string_view text, size_t base, uint64_t all, bool last, uint32_t* ends, size_t most) {
  size_t count = 0;
  if (most >= kRoom) {
    count = write_places(all, base, ends);
    all = 0;
  }
  for (; all != 0 && count < most; all &= all - 1) ends[count++] = static_cast<uint32_t>(base + static_cast<unsigned>(std::countr_zero(all)));
  if (all == 0 && last && count < most) ends[count++] = static_cast<uint32_t>(text.size());
  return count;
}

// The same of kO200kPattern: a capital after a small letter begins a word, contractions end the word before them.
class O200k {
 public:
  using Told = CasedKinds;

  // Takes marks for the letters they are, and slashes after others and newlines for newlines. False where that does not tell it all,
  // which is seldom: marks after several others are such, and what begins after a contraction is a word of its own.
  static bool simplify(CasedKinds& k, const Part& part) {
    uint64_t slashes = k.slash();
    if (k.inner != 0) {
      k.letter |= k.mark();
      k.other &= ~k.mark();
      const uint64_t marks = k.mark() & k.other << 1;
      if (marks != 0 && (marks & ~(one_other(k) << 1)) != 0) return false;
      const uint64_t after = either(k) & ~k.inner;
      for (uint64_t quotes = k.quote & (k.letter << 1 | uint64_t(part.inside)) & (after >> 2 | after >> 3); quotes != 0; quotes &= quotes - 1) {
        const auto at = static_cast<unsigned>(std::countr_zero(quotes));
        const size_t size = word_ends::contraction_any_case(part.text, part.at + at);
        if (size != 0 && (after >> (at + size) & 1) != 0) return false;
      }
    }
    const uint64_t after_other = k.newline & k.other << 1, newlines = k.newline | slashes;
    slashes &= newlines & ~(newlines + after_other);
    if ((slashes << 1 & k.newline) != 0) return false;
    k.newline |= slashes, k.space |= slashes, k.other &= ~slashes;
    return true;
  }

  uint64_t begins(const CasedKinds& k, const Part& part) {
    const uint64_t inside = part.inside, after_small = inside & after_small_;
    uint64_t all = Llama3<3>::without_contractions(k, part.last) & ~(k.letter & inside);

    const uint64_t capital = k.capital();
    uint64_t small = k.small();
    if ((k.inner | (inside & ~after_small)) != 0) {   // letters that may be either are small after a small one
      const uint64_t either = O200k::either(k);
      small |= either & ~(either + (either & (small << 1 | after_small)));
      // Else they are capitals, of which the last is small where only real ones follow.
      for (uint64_t after = capital & ((either & ~small) << 1 | (inside & ~after_small)); after != 0; after &= after - 1) {
        const auto at = static_cast<unsigned>(std::countr_zero(after)), end = at + static_cast<unsigned>(std::countr_one(capital >> at));
        if (end >= k.size && !part.last) all &= bit(at) - 1;   // it is the last
        else if (end >= k.size || (k.letter >> end & 1) == 0) all |= bit(at);
      }
    }
    after_small_ = small >> (k.size - 1) & 1;
    all |= capital & (small << 1 | after_small);
    return (k.quote & all) != 0 ? with_contractions(k, part, all) : all;
  }
  // A capital says nothing before what follows it is known.
  static uint64_t may_go_on(const CasedKinds& k) { return k.letter & ~k.capital(); }
  static size_t end(std::string_view text, size_t at) { return word_ends::o200k(text, at); }

 private:
  static uint64_t either(const CasedKinds& k) { return k.letter & ~(k.low ^ k.high); }

  // Takes the contractions after words out of `all`, and tells how many of the bytes are then certain.
  static uint64_t with_contractions(const CasedKinds& k, const Part& part, uint64_t all) {
    unsigned done = 0;   // where the last one ended: none follows another
    for (uint64_t quotes = k.quote & all & (k.letter << 1 | uint64_t(part.inside)); quotes != 0; quotes &= quotes - 1) {
      const auto at = static_cast<unsigned>(std::countr_zero(quotes));
      if (at == done && at != 0) continue;
      if (!part.last && at + 3 >= k.size) return all & (bit(at) - 1);
      const auto size = static_cast<unsigned>(word_ends::contraction_any_case(part.text, part.at + at));
      if (size == 0) continue;
      done = at + size;
      all &= ~(bits_to(done - 1) & ~(bit(at) - 1));
      if (done < k.size) all |= bit(done);
    }
    return all;
  }

  uint64_t after_small_ = 0;   // the last byte told is of a small letter
};

template <class Pattern>
size_t words(std::string_view text, size_t at, uint32_t* ends, size_t most) {
  KindsAhead<typename Pattern::Told> kinds(text);
  Pattern pattern;
  size_t count = 0, begin = at;   // of the next word
  while (at < text.size() && has_room(count, most)) {
    typename Pattern::Told k = kinds.at(at, most - count);
    const Part part = {text, at, begin != at, at + k.size == text.size()};
    if (!pattern.simplify(k, part)) {
      for (const size_t limit = at + k.size; begin < limit && count < most;) ends[count++] = static_cast<uint32_t>(begin = Pattern::end(text, begin));
      at = begin;
      continue;
    }
    const uint64_t all = pattern.begins(k, part) & ~uint64_t(begin == at);
    // Does the last word end in letters, and no contraction, which would end before? Then it goes on from here.
    const uint64_t goes_on = k.size < 4 ? 0 : uint64_t(!part.last) & Pattern::may_go_on(k) >> (k.size - 1) & uint64_t(k.quote >> (k.size - 4) == 0);
    if (all != 0 || part.last) {
      const bool fits = most - count >= kRoom;   // then the last end need not be read back
      count += write_ends(text, at, all, part.last, ends + count, most - count);
      begin = part.last || !fits ? ends[count - 1] : at + static_cast<size_t>(63 - std::countl_zero(all));
    } else if (!goes_on) {   // a long one
      begin = Pattern::end(text, begin);
      ends[count++] = static_cast<uint32_t>(begin);
    }
    at = begin + (-goes_on & (at + k.size - begin));
  }
  return count;
}

}  // namespace

WordScan words_gpt2, words_llama3, words_qwen2, words_cl100k, words_o200k;

size_t words_gpt2(std::string_view text, size_t at, uint32_t* ends, size_t most) { return words<Gpt2>(text, at, ends, most); }
size_t words_llama3(std::string_view text, size_t at, uint32_t* ends, size_t most) { return words<Llama3<3>>(text, at, ends, most); }
size_t words_qwen2(std::string_view text, size_t at, uint32_t* ends, size_t most) { return words<Llama3<1>>(text, at, ends, most); }
size_t words_cl100k(std::string_view text, size_t at, uint32_t* ends, size_t most) { return words<Llama3<3, true>>(text, at, ends, most); }
size_t words_o200k(std::string_view text, size_t at, uint32_t* ends, size_t most) { return words<O200k>(text, at, ends, most); }

}  // namespace orrery::cpu::ORRERY_ISA
