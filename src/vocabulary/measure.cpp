#include "vocabulary/measure.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/properties.h"
#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

namespace {

// What decides whether two neighbours belong to one word.
enum class Kind : uint8_t { other, word, han, hiragana, katakana };

Kind kind_of(char32_t c) {
  static const uint8_t hiragana = script_named("Hiragana").value_or(0), katakana = script_named("Katakana").value_or(0);
  if (is(c, kHan)) return Kind::han;
  if (!is(c, kLetter | kMark | kNumber)) return Kind::other;
  if (c < 0x3000) return Kind::word;
  const uint8_t script = script_of(c);
  return script != 0 && script == hiragana ? Kind::hiragana : (script != 0 && script == katakana) || c == 0x30FC ? Kind::katakana : Kind::word;
}

EncodeOptions plain() { return {.add_special = false, .specials_as_text = true, .unit = OffsetUnit::bytes}; }

// How many tokens overlap [begin, end). Tokens stand in the order of the text; `from` moves on with the spans asked for.
struct Overlap {
  const std::vector<Offsets>& spans;
  size_t from = 0;
  int64_t operator()(size_t begin, size_t end) {
    while (from < spans.size() && spans[from].end <= begin) from++;
    int64_t count = 0;
    for (size_t i = from; i < spans.size() && spans[i].begin < end; i++) count += spans[i].end > begin && spans[i].end > spans[i].begin;
    return count;
  }
};

}  // namespace

bool is_byte_token(std::string_view token) {
  const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return token.size() == 6 && token.starts_with("<0x") && token[5] == '>' && hex(token[3]) && hex(token[4]);
}

std::string beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) bytes--;
  return std::string(text.substr(0, bytes));
}

void each_word(std::string_view text, const std::function<void(size_t, size_t)>& f) {
  size_t begin = 0;
  Kind open = Kind::other;
  for (size_t at = 0; at <= text.size();) {
    const CodePoint c = at < text.size() ? decode_utf8(text, at) : CodePoint{};
    const Kind kind = at < text.size() ? kind_of(c.value) : Kind::other;
    const bool goes_on = open != Kind::other && open != Kind::han && kind == open;
    if (!goes_on) {
      if (open != Kind::other) f(begin, at);
      begin = at;
      open = kind;
    }
    if (at == text.size()) break;
    at += c.size;
  }
}

double Measure::renyi_efficiency(int64_t vocab_size) const {
  constexpr double kOrder = 2.5;
  if (tokens == 0 || vocab_size < 2) return 0;
  double sum = 0;
  for (const auto& [id, count] : used) sum += std::pow(share(count, tokens), kOrder);
  return std::log(sum) / (1 - kOrder) / std::log(static_cast<double>(vocab_size));
}

Json to_json(const Measure& m, int64_t vocab_size) {
  return {{"texts", m.texts},
          {"bytes", m.bytes},
          {"characters", m.characters},
          {"words", m.words},
          {"tokens", m.tokens},
          {"fertility", m.fertility()},
          {"tokens_per_character", m.tokens_per_character()},
          {"bytes_per_token", Measure::share(m.bytes, m.tokens)},
          {"single_token_words", Measure::share(m.whole_words, m.words)},
          {"heavily_split_words", Measure::share(m.heavy_words, m.words)},
          {"unk_rate", Measure::share(m.unknown, m.tokens)},
          {"lost_characters", m.unknown_characters},
          {"byte_fallback_rate", Measure::share(m.fallback, m.tokens)},
          {"byte_fallback_characters", m.fallback_characters},
          {"ends_inside_characters", m.inside_characters},
          {"ends_inside_graphemes", m.inside_graphemes},
          {"numbers", m.numbers},
          {"broken_numbers", m.broken_numbers},
          {"product_codes", m.codes},
          {"broken_product_codes", m.broken_codes},
          {"tokens_per_product_code", Measure::share(m.code_tokens, m.codes)},
          {"different_tokens", m.used.size()},
          {"renyi_efficiency", m.renyi_efficiency(vocab_size)}};
}

void Gauge::add(std::string_view given, Measure& m) const {
  const std::string repaired = is_valid_utf8(given) ? std::string() : repair_utf8(given).text;
  const std::string_view text = repaired.empty() ? given : std::string_view(repaired);
  Encoding e = tokenizer_.encode(text, plain());
  const auto size = static_cast<uint32_t>(text.size());
  for (size_t i = 0; i < e.size(); i++) {
    Offsets& span = e.offsets[i];
    span = {std::min(span.begin, size), std::min(span.end, size)};
    if (e.token(i) == "\xE2\x96\x81") span.end = span.begin;   // ▁ alone: a space, which may have been put in front of a character
  }
  m.texts++;
  m.bytes += static_cast<int64_t>(text.size());
  m.tokens += static_cast<int64_t>(e.size());
  const auto characters = [&](Offsets span) {
    int64_t count = 0;
    for (size_t at = span.begin; at < span.end; at++) count += (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    return count;
  };
  m.characters += characters({0, size});

  std::vector<bool> grapheme_start(text.size() + 1, false);
  for (size_t at = 0; at < text.size(); at = grapheme_end(text, at)) grapheme_start[at] = true;
  grapheme_start[text.size()] = true;
  std::vector<bool> token_start(text.size() + 1, false);
  for (size_t i = 0; i < e.size(); i++) {
    const Offsets span = e.offsets[i];
    m.used[e.ids[i]]++;
    if (e.ids[i] == tokenizer_.roles().unk) {
      m.unknown++;
      m.unknown_characters += characters(span);
    }
    const bool shares = i > 0 && span.begin < e.offsets[i - 1].end && span.end > span.begin;
    if (is_byte_token(e.token(i))) {
      m.fallback++;
      if (!shares) m.fallback_characters++;
    }
    if (shares)
      m.inside_characters++;
    else if (span.end > span.begin && span.begin > 0 && !grapheme_start[span.begin])
      m.inside_graphemes++;
    if (span.end > span.begin && !shares) token_start[span.begin] = true;
  }

  Overlap parts{e.offsets};
  each_word(text, [&](size_t begin, size_t end) {
    const int64_t count = parts(begin, end);
    m.words++;
    m.word_parts += count;
    m.whole_words += count == 1;
    m.heavy_words += count >= kHeavyParts;
  });

  Overlap number_parts{e.offsets}, code_parts{e.offsets};
  for (size_t at = 0; at < text.size();) {   // between spaces
    const CodePoint first = decode_utf8(text, at);
    if (is(first.value, kWhitespace)) {
      at += first.size;
      continue;
    }
    const size_t begin = at;
    bool letters = false, digits = false, broken = false;
    enum class Class : uint8_t { other, letter, digit } before = Class::other;
    size_t number = std::string_view::npos;
    while (at < text.size()) {
      const CodePoint c = decode_utf8(text, at);
      if (is(c.value, kWhitespace)) break;
      const Class now = is(c.value, kDecimal) ? Class::digit : is(c.value, kLetter) ? Class::letter : Class::other;
      letters = letters || now == Class::letter;
      digits = digits || now == Class::digit;
      if (at > begin && now == before && now != Class::other && token_start[at]) broken = true;
      if (now == Class::digit && number == std::string_view::npos) number = at;
      if (now != Class::digit && number != std::string_view::npos) {
        m.numbers++;
        m.broken_numbers += number_parts(number, at) > 1;
        number = std::string_view::npos;
      }
      before = now;
      at += c.size;
    }
    if (number != std::string_view::npos) {
      m.numbers++;
      m.broken_numbers += number_parts(number, at) > 1;
    }
    if (!letters || !digits) continue;
    m.codes++;
    m.broken_codes += broken;
    m.code_tokens += code_parts(begin, at);
  }
}

SplitText Gauge::split(std::string_view text) const {
  const Encoding e = tokenizer_.encode(text, plain());
  SplitText split;
  uint32_t shown = 0;
  const auto size = static_cast<uint32_t>(text.size());
  for (size_t i = 0; i < e.size(); i++) {
    const uint32_t end = std::min(std::max(shown, e.offsets[i].end), size);
    split.pieces.emplace_back(text.substr(shown, end - shown));
    split.unknown.push_back(e.ids[i] == tokenizer_.roles().unk);
    shown = end;
  }
  if (shown < size && !split.pieces.empty()) split.pieces.back() += text.substr(shown);
  return split;
}

}  // namespace orrery
