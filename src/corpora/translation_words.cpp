#include "corpora/translation_words.h"

#include <array>
#include <unordered_map>

#include "corpora/translation.h"

namespace orrery {
namespace translation {
namespace {

// A noun has the form of its gender alone, a word that agrees has both, and any other has one, which stands first.
// No source word begins with a vowel (there is no "an") and no word is of both languages.
struct Word {
  Kind kind;
  std::string_view source, a, o = {};
};

constexpr Word kWords[] = {
    {Kind::determiner, "the", "la", "lo"},
    {Kind::determiner, "a", "una", "uno"},
    {Kind::determiner, "this", "esta", "esto"},
    {Kind::determiner, "every", "omna", "omno"},

    {Kind::adjective, "small", "teni"},
    {Kind::adjective, "big", "grani"},
    {Kind::adjective, "red", "ruvi"},
    {Kind::adjective, "white", "albi"},
    {Kind::adjective, "young", "juni"},
    {Kind::adjective, "quiet", "sili"},
    {Kind::adjective, "brave", "forti"},
    {Kind::adjective, "strange", "miri"},

    {Kind::noun, "fox", "vola"},
    {Kind::noun, "cat", "mula"},
    {Kind::noun, "girl", "neva"},
    {Kind::noun, "queen", "rega"},
    {Kind::noun, "river", "fluma"},
    {Kind::noun, "house", "doma"},
    {Kind::noun, "bird", "pila"},
    {Kind::noun, "star", "stela"},
    {Kind::noun, "boat", "nava"},
    {Kind::noun, "dog", "", "kano"},
    {Kind::noun, "boy", "", "filo"},
    {Kind::noun, "king", "", "redo"},
    {Kind::noun, "tree", "", "arbo"},
    {Kind::noun, "garden", "", "horto"},
    {Kind::noun, "horse", "", "kavo"},
    {Kind::noun, "bear", "", "urso"},
    {Kind::noun, "stone", "", "petro"},
    {Kind::noun, "lamp", "", "lumo"},

    {Kind::relative, "that", "kia", "kio"},

    {Kind::adverb, "often", "sovek"},
    {Kind::adverb, "never", "nulek"},
    {Kind::adverb, "slowly", "lentek"},
    {Kind::adverb, "gladly", "gajek"},
    {Kind::adverb, "always", "semek"},

    {Kind::transitive, "sees", "vidar", "vidor"},
    {Kind::transitive, "follows", "sekar", "sekor"},
    {Kind::transitive, "finds", "trovar", "trovor"},
    {Kind::transitive, "draws", "desar", "desor"},
    {Kind::transitive, "loves", "amar", "amor"},
    {Kind::transitive, "carries", "portar", "portor"},
    {Kind::transitive, "hears", "audar", "audor"},
    {Kind::transitive, "paints", "koltar", "koltor"},

    {Kind::intransitive, "sleeps", "dormar", "dormor"},
    {Kind::intransitive, "sings", "kantar", "kantor"},
    {Kind::intransitive, "waits", "sperar", "speror"},
    {Kind::intransitive, "falls", "kadar", "kador"},
    {Kind::intransitive, "dances", "balar", "balor"},

    {Kind::preposition, "near", "ped"},
    {Kind::preposition, "behind", "dor"},
    {Kind::preposition, "under", "sut"},

    {Kind::conjunction, "and", "ek"},
    {Kind::conjunction, "but", "ma"},
};

constexpr int32_t kFirst = 2, kSources = int32_t(std::size(kWords)), kFirstTarget = kFirst + kSources;

// Of each word, the id of its first form in the target; one more entry says where the table ends.
constexpr auto kTargets = [] {
  std::array<int32_t, size_t(kSources) + 1> ids{};
  ids[0] = kFirstTarget;
  for (size_t i = 0; i < size_t(kSources); ++i) ids[i + 1] = ids[i] + 1 + int32_t(!kWords[i].a.empty() && !kWords[i].o.empty());
  return ids;
}();
static_assert(kFirstTarget == 56 && kTargets.back() == kTranslationVocab, "translation.h says which ids there are");

constexpr auto kSpellings = [] {
  std::array<std::string_view, size_t(kTranslationVocab)> spellings{"<pad>", "<end>"};
  for (size_t i = 0; i < size_t(kSources); ++i) {
    const Word& word = kWords[i];
    spellings[size_t(kFirst) + i] = word.source;
    spellings[size_t(kTargets[i])] = word.a.empty() ? word.o : word.a;
    if (!word.a.empty() && !word.o.empty()) spellings[size_t(kTargets[i]) + 1] = word.o;
  }
  return spellings;
}();

constexpr auto kKinds = [] {
  std::array<Ids, size_t(Kind::conjunction) + 1> kinds{};
  for (size_t i = 0; i < size_t(kSources); ++i) {
    Ids& ids = kinds[size_t(kWords[i].kind)];
    if (ids.count++ == 0) ids.first = kFirst + int32_t(i);
  }
  return kinds;
}();

const Word& word_of(int32_t source_id) { return kWords[size_t(source_id - kFirst)]; }

}  // namespace

Ids source_ids(Kind kind) { return kKinds[size_t(kind)]; }

bool is_source(int32_t id, Kind kind) { return id >= kFirst && id < kFirstTarget && word_of(id).kind == kind; }

Gender gender_of(int32_t noun) { return word_of(noun).a.empty() ? Gender::o : Gender::a; }

int32_t rendered(int32_t source_id, Gender gender) {
  const Word& word = word_of(source_id);
  const bool agrees = !word.a.empty() && !word.o.empty();
  return kTargets[size_t(source_id - kFirst)] + int32_t(agrees && gender == Gender::o);
}

int32_t id_of(std::string_view word) {
  static const auto ids = [] {
    std::unordered_map<std::string_view, int32_t> table;
    for (int32_t id = 0; id < kTranslationVocab; ++id) table.emplace(kSpellings[size_t(id)], id);
    return table;
  }();
  const auto found = ids.find(word);
  return found == ids.end() ? -1 : found->second;
}

}  // namespace translation

std::string_view translation_word(int64_t id) {
  if (id < 0 || id >= kTranslationVocab) return "";
  return translation::kSpellings[size_t(id)];
}

}  // namespace orrery
