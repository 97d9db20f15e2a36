// The scanners of many words against those of one, on random texts that are full of edges.
#include "tokenize/word_scan.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <utility>
#include <vector>

#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/cpu/kinds_ahead.h"
#include "tokenize/rank_file.h"
#include "tokenize/regex.h"
#include "tokenize/scanners.h"
#include "tokenize/text_scans.h"

using namespace orrery;

namespace {

std::vector<size_t> by_one(std::string_view text, int kind) {
  std::vector<size_t> ends;
  const auto emit = [&](size_t, size_t end) { ends.push_back(end); };
  if (kind == 4) {
    for (size_t at = 0; at < text.size(); emit(0, at)) at = scan::o200k_end(text, at);
    return ends;
  }
  if (kind == 0) scan_gpt2(text, emit);
  else scan_llama3(text, kind == 2 ? 1 : 3, emit, kind == 3);
  return ends;
}

std::vector<size_t> by_many(const TextScans& scans, std::string_view text, int kind, size_t most) {
  const WordScanner scanner = std::array{scans.gpt2, scans.llama3, scans.qwen2, scans.cl100k, scans.o200k}[static_cast<size_t>(kind)];
  std::vector<size_t> ends;
  std::vector<uint32_t> some(most);
  for (size_t at = 0; const size_t count = scanner(text, at, some.data(), most); at = ends.back()) ends.insert(ends.end(), some.begin(), some.begin() + std::ptrdiff_t(count));
  return ends;
}

// Those that run here.
std::vector<std::pair<const char*, const TextScans*>> all_scans() {
  std::vector<std::pair<const char*, const TextScans*>> all;
#define ADD(set) \
  if (has(InstructionSet::set)) all.emplace_back(#set, &cpu::set::text_scans);
  ORRERY_EACH_SET(ADD)
#undef ADD
  return all;
}

}  // namespace

TEST_CASE("cl100k's words are those of its expression, as read by the engine") {
  const Regex engine{std::string(kCl100kOniguruma)};
  const std::vector<std::string> parts = {"a", "word", "'s", "'", "'LL", "'\xC5\xBF", "7", "12345", " ", "  ", "\n", "\r\n", "\t", ".", "!!", "(", "é", "漢字", "²", "\u00A0", "\u3000", "\u0301"};
  CHECK(oniguruma_expression(kCl100kPattern) == kCl100kOniguruma);
  std::mt19937_64 random(9);
  for (int round = 0; round < 5000; ++round) {
    std::string text = "x";
    for (size_t length = random() % 20; length > 0; --length) text += parts[random() % parts.size()];
    CAPTURE(text);
    std::vector<size_t> ends;
    engine.each_match(text, [&](size_t, size_t end) { ends.push_back(end); });
    for (const auto& [set, scans] : all_scans()) {
      CAPTURE(set);
      REQUIRE(by_many(*scans, text, 3, 64) == ends);
    }
  }
}

TEST_CASE("o200k's words are those of its expression, as read by the engine") {
  const Regex engine{std::string(kO200kPattern)};
  const std::vector<std::string> parts = {"a", "B", "word", "Word", "ABC", "'s", "'", "'LL", "'\xC5\xBF", "7", "12345", " ", "  ", "\n", "\r\n", "\t", ".", "!!", "/", "(", "é", "É", "漢字", "ʰ", "ǅ", "²", "\u00A0", "\u3000", "\u0301", "हि", "🙂", "𝐀", "𐐨"};
  CHECK(oniguruma_expression(kO200kPattern) == kO200kPattern);
  std::mt19937_64 random(10);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t length = 1 + random() % (round % 8 == 0 ? 80 : 12), favourite = random() % parts.size(); length > 0; --length) text += parts[round % 3 == 0 && random() % 2 == 0 ? favourite : random() % parts.size()];
    CAPTURE(text);
    std::vector<size_t> ends;
    engine.each_match(text, [&](size_t, size_t end) { ends.push_back(end); });
    REQUIRE(by_one(text, 4) == ends);
    for (const auto& [set, scans] : all_scans()) {
      CAPTURE(set);
      REQUIRE(by_many(*scans, text, 4, 64) == ends);
    }
  }
}

TEST_CASE("CLIP's matches are those of its expression, as read by the engine") {
  const Regex engine{std::string(kClipPattern)};
  const std::vector<std::string> parts = {"a", "Word", "'s", "'", "'ll", "'LL", "<|startoftext|>", "<|endoftext|>", "<|end", "<|", "|>", "7", "123", " ", "  ", "\n", ".", "!'s", "é", "漢字", "²", "\u00A0", "\u0301", "🙂"};
  CHECK(oniguruma_expression(kClipPattern) == kClipPattern);
  std::mt19937_64 random(11);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (size_t length = random() % 20; length > 0; --length) text += parts[random() % parts.size()];
    CAPTURE(text);
    std::vector<std::pair<size_t, size_t>> expected, found;
    engine.each_match(text, [&](size_t begin, size_t end) { expected.emplace_back(begin, end); });
    scan_clip(text, [&](size_t begin, size_t end) { found.emplace_back(begin, end); });
    REQUIRE(found == expected);
  }
}

TEST_CASE("each letter is a capital, a small letter, or may be either") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    const uint32_t classes = unicode_classes(c);
    REQUIRE(((classes & kLetter) != 0) == ((classes & (kUpper | kTitle | kLower | kModifierLetter | kOtherLetter)) != 0));
  }
}

TEST_CASE("64 bytes at a time have the kinds of their characters") {
  std::string text;
  for (char32_t c = 0; c < 0x10000; ++c)
    if (c < 0xD800 || c > 0xDFFF) append_utf8(text, c);
  size_t wrong = 0;
  cpu::baseline::KindsAhead<Kinds> kinds(text);
  for (size_t at = 0; at < text.size();) {
    const Kinds k = kinds.at(at, 64);
    REQUIRE(k.size > 0);
    for (unsigned i = 0; i < k.size; ++i) {
      size_t begin = at + i;
      while ((text[begin] & 0xC0) == 0x80) --begin;
      const uint32_t classes = unicode_classes(decode_valid_utf8(text, begin).value);
      const bool space = classes & kWhitespace, letter = !space && classes & kLetter, number = !space && classes & kNumber;
      wrong += (k.space >> i & 1) != space || (k.letter >> i & 1) != letter || (k.number >> i & 1) != number || (k.other >> i & 1) != !(space || letter || number);
    }
    at += k.size;
  }
  CHECK(wrong == 0);
}

TEST_CASE("many words at a time are the words one by one") {
  const std::vector<std::string> parts = {"a", "b", "Z", "word", "'s", "'", "'ll", "'S", "'\xC5\xBF", "0", "7", "123", "12345", " ", "  ", "\n", "\r\n", "\t", "\x0B", "\x1C", ".", "!!", "(", "\"", "_", "\x7F", std::string(1, '\0'),
                                          "é", "ß", "漢字", "٣", "²", "\u00A0", "\u3000", "\u0301", "🙂", "–", "İ", "\u0085", "\u2028", "𝟘", "हि", "a.b", " \n ", "/", "\n/", "Ab", "aB", "É", "ǅ", "ʰ", "'t", "'RE", "B", "漢", "\u4DFF", "\u9FFF", "\uABFF", "한", "\uD77F", "\uD7B0", "ひ", "\u3040", "\u3099", "カ", "・", "ー", "。"};
  std::mt19937_64 random(7);
  for (int round = 0; round < 20000; ++round) {
    // Some texts are nearly of one part, so that runs cross the 64 bytes.
    std::string text;
    const size_t length = random() % 120, favourite = random() % parts.size(), often = random() % 4;
    for (size_t i = 0; i < length; ++i) text += parts[random() % 4 < often ? favourite : random() % parts.size()];
    CAPTURE(text);
    for (int kind = 0; kind < 5; ++kind) {
      CAPTURE(kind);
      const std::vector<size_t> expected = by_one(text, kind);
      for (const auto& [set, scans] : all_scans()) {
        CAPTURE(set);
        REQUIRE(by_many(*scans, text, kind, 1 + random() % 120) == expected);
      }
    }
  }
}
