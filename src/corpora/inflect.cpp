// Regular English spelling rules. The final consonant doubles after a single short vowel in words of one syllable only;
// longer words that double (begin, prefer) are written out in the lexicon.
#include "corpora/inflect.h"

#include <algorithm>
#include <array>

namespace orrery {
namespace {

bool is_vowel(char c) { return std::string_view("aeiou").find(c) != std::string_view::npos; }

bool ends_with_any(std::string_view word, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view e) { return word.ends_with(e); });
}

bool ends_in_consonant_y(std::string_view word) {
  return word.size() > 1 && word.back() == 'y' && !is_vowel(word[word.size() - 2]);
}

// hop, grin, plan: consonants, one vowel, one consonant other than w, x, y.
bool doubles_last(std::string_view verb) {
  if (verb.size() < 3) return false;
  const char last = verb.back(), vowel = verb[verb.size() - 2], before = verb[verb.size() - 3];
  if (is_vowel(last) || last == 'w' || last == 'x' || last == 'y' || !is_vowel(vowel)) return false;
  if (is_vowel(before) && !(before == 'u' && verb.size() > 3 && verb[verb.size() - 4] == 'q')) return false;
  return std::none_of(verb.begin(), verb.end() - 3, is_vowel);
}

}  // namespace

std::string plural(std::string_view noun) {
  std::string result(noun);
  if (ends_in_consonant_y(noun)) {
    result.pop_back();
    return result + "ies";
  }
  return result + (ends_with_any(noun, {"s", "x", "z", "ch", "sh"}) ? "es" : "s");
}

std::string past_tense(std::string_view verb) {
  std::string result(verb);
  if (verb.ends_with('e')) return result + "d";
  if (ends_in_consonant_y(verb)) {
    result.pop_back();
    return result + "ied";
  }
  if (doubles_last(verb)) result += verb.back();
  return result + "ed";
}

std::string present_participle(std::string_view verb) {
  std::string result(verb);
  if (verb.ends_with("ie")) return result.substr(0, result.size() - 2) + "ying";
  if (verb.ends_with('e') && !verb.ends_with("ee") && !verb.ends_with("oe")) {
    result.pop_back();
  } else if (doubles_last(verb)) {
    result += verb.back();
  }
  return result + "ing";
}

std::string_view indefinite_article(std::string_view next_word) {
  static constexpr std::array<std::string_view, 4> kSilentH = {"hour", "honest", "honour", "heir"};
  static constexpr std::array<std::string_view, 6> kConsonantSound = {"uni", "use", "usu", "eu", "one", "ukulele"};
  const auto begins = [&](std::string_view start) { return next_word.starts_with(start); };
  if (std::any_of(kSilentH.begin(), kSilentH.end(), begins)) return "an";
  if (std::any_of(kConsonantSound.begin(), kConsonantSound.end(), begins)) return "a";
  return !next_word.empty() && (is_vowel(next_word[0]) || std::string_view("AEIO").find(next_word[0]) != std::string_view::npos)
             ? "an"
             : "a";
}

std::string capitalized(std::string_view text) {
  std::string result(text);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z') result[0] = char(result[0] - 'a' + 'A');
  return result;
}

}  // namespace orrery
