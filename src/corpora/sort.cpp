// Sequences of numbers and the same numbers in order. An encoder that labels position i with the i-th smallest number
// has learned to sort; every position must look at all others.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/random.h"
#include "corpora/corpus.h"

namespace orrery {
namespace {

std::string joined(const std::vector<int64_t>& numbers) {
  std::string text;
  for (int64_t number : numbers) {
    if (!text.empty()) text += ' ';
    text += std::to_string(number);
  }
  return text;
}

std::string in_quotes(std::string_view text) { return std::string(1, '"').append(text).append(1, '"'); }

Json generate(const Json& options, uint64_t seed, uint64_t index) {
  Random random(seed, index);
  std::vector<int64_t> numbers(options.at("length").get<size_t>());
  const uint64_t values = options.at("max").get<uint64_t>() + 1;
  for (int64_t& number : numbers) number = int64_t(random.below(values));
  std::vector<int64_t> sorted = numbers;
  std::sort(sorted.begin(), sorted.end());
  return {{"text", joined(numbers) + " -> " + joined(sorted)}, {"input", numbers}, {"target", sorted}};
}

Verdict refused(std::string_view text, size_t position, std::string expected) {
  Verdict verdict;
  verdict.position = position;
  verdict.sentence = 1;
  verdict.found = text.substr(position, text.find(' ', position) - position);
  verdict.expected = {std::move(expected)};
  verdict.why_not = "character " + std::to_string(position) + ": expected " + verdict.expected[0];
  return verdict;
}

// "3 1 2 -> 1 2 3", numbers written without leading zeros and in range.
Verdict check(const Json& options, std::string_view text) {
  const size_t length = options.at("length").get<size_t>();
  const int64_t max = options.at("max").get<int64_t>();
  std::vector<int64_t> numbers;
  size_t at = 0;
  for (size_t i = 0; i < 2 * length; ++i) {
    const std::string_view gap = i == 0 ? "" : i == length ? " -> " : " ";
    if (!text.substr(at).starts_with(gap)) return refused(text, at, in_quotes(gap));
    at += gap.size();
    if (i == length) std::sort(numbers.begin(), numbers.end());
    int64_t number = -1;
    const char* const begin = text.data() + at;
    const char* const end = std::from_chars(begin, text.data() + text.size(), number).ptr;
    if (number < 0 || number > max || std::string_view(begin, size_t(end - begin)) != std::to_string(number)) {
      return refused(text, at, "a number from 0 to " + std::to_string(max));
    }
    if (i < length) numbers.push_back(number);
    else if (number != numbers[i - length]) return refused(text, at, in_quotes(std::to_string(numbers[i - length])));
    at += size_t(end - begin);
  }
  if (at != text.size()) return refused(text, at, "the end of the text");
  Verdict verdict;
  verdict.correct = true;
  verdict.log_probability = -double(length) * std::log(double(max) + 1);
  return verdict;
}

}  // namespace

const Corpus& sort_corpus() {
  static const Corpus corpus = {
      .name = "sort",
      .about = "Sequences of numbers and the same numbers in order, for a per-token classifier.",
      .options = {{"length", 8, 1, 512, "How many numbers a sequence has."},
                  {"max", 9, 0, 65535, "The largest number; the smallest is 0."}},
      .generate = generate,
      .check = check};
  return corpus;
}

}  // namespace orrery
