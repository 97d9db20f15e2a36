// The translation proper: a recursive descent over the source that hands back each part in the order of the target.
#include <iterator>
#include <string>

#include "corpora/translation.h"
#include "corpora/translation_words.h"

namespace orrery {
namespace {

using translation::Gender;
using translation::Kind;

// A source word in its place of the target.
struct Placed {
  size_t source;
  Gender gender;   // what it agrees with, if it is of those that agree
};
using Words = std::vector<Placed>;

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

class Reader {
 public:
  explicit Reader(std::span<const int32_t> ids) : ids_(ids) {}

  Words sentence() {
    Words words = clause();
    if (next_is(Kind::conjunction)) {
      words.push_back({take(), {}});
      append(words, clause());
    }
    if (at_ < ids_.size()) expected("the end of the sentence");
    return words;
  }

  std::optional<TranslationMisfit> misfit() const {
    if (complaint_.empty()) return std::nullopt;
    return TranslationMisfit{at_, complaint_};
  }

 private:
  Words clause() {
    Gender gender = Gender::a;
    const Words subject = phrase(true, gender);
    return predicate(subject, gender, false);
  }

  Words phrase(bool may_have_clause, Gender& gender) {
    const size_t determiner = expect(Kind::determiner, "a determiner");
    Words adjectives;
    while (adjectives.size() < 2 && next_is(Kind::adjective)) adjectives.push_back({take(), {}});
    const size_t noun = expect(Kind::noun, adjectives.size() < 2 ? "an adjective or a noun" : "a noun");
    if (!complaint_.empty()) return {};
    gender = translation::gender_of(ids_[noun]);
    Words words = {{determiner, gender}, {noun, gender}};
    words.insert(words.end(), adjectives.rbegin(), adjectives.rend());
    if (may_have_clause && next_is(Kind::relative)) {
      words.push_back({take(), gender});
      append(words, predicate({}, gender, true));
    }
    return words;
  }

  // What follows the subject, with the subject put in. A that-clause has no place of its own.
  Words predicate(const Words& subject, Gender gender, bool relative) {
    Words words, place, object;
    const bool has_adverb = next_is(Kind::adverb);
    if (has_adverb) words.push_back({take(), {}});
    const bool intransitive = next_is(Kind::intransitive);
    const size_t verb = intransitive ? take() : expect(Kind::transitive, has_adverb ? "a verb" : "an adverb or a verb");
    Gender of_other = Gender::a;
    if (!intransitive) object = phrase(!relative, of_other);
    if (!relative && next_is(Kind::preposition)) {
      const size_t preposition = take();
      place = phrase(true, of_other);
      place.push_back({preposition, {}});
    }
    append(words, subject);
    append(words, place);
    append(words, object);
    words.push_back({verb, gender});
    return words;
  }

  // After a complaint nothing fits any more, so that reading ends soon.
  bool next_is(Kind kind) const { return complaint_.empty() && at_ < ids_.size() && translation::is_source(ids_[at_], kind); }
  size_t take() { return at_++; }
  size_t expect(Kind kind, const char* what) {
    if (next_is(kind)) return take();
    expected(what);
    return at_;
  }
  void expected(const char* what) {
    if (complaint_.empty()) complaint_ = what;
  }

  std::span<const int32_t> ids_;
  size_t at_ = 0;
  std::string complaint_;
};

}  // namespace

Result<Translation> translate(std::span<const int32_t> source, bool agreement) {
  Reader reader(source);
  const Words words = reader.sentence();
  if (const auto misfit = reader.misfit()) return Error{ErrorKind::bad_file, "expected " + misfit->expected, "word " + std::to_string(misfit->position + 1)};
  Translation result;
  for (const Placed& word : words) {
    result.target.push_back(translation::rendered(source[word.source], agreement ? word.gender : Gender::o));
    result.alignment.push_back(int32_t(word.source));
  }
  return result;
}

std::optional<TranslationMisfit> find_misfit(std::span<const int32_t> source) {
  Reader reader(source);
  (void)reader.sentence();
  return reader.misfit();
}

}  // namespace orrery
