// A toy language pair for encoder-decoders: English sentences of a small grammar, and the same in an invented language
// that orders and inflects its words by rule. Each word becomes one word, so the alignment is a known permutation.
//
//   every brave fox often follows a small white horse near the river
//   sovek omna vola forti la fluma ped uno kavo albi teni sekar
//   often every fox brave the river near a horse white small follows
//
// Source:  sentence = clause [and|but clause];  clause = phrase [adverb] verb [phrase] [preposition phrase];
//   phrase = determiner adjective{0,2} noun [that [adverb] verb [phrase]], where only transitive verbs take a phrase (their
//   object), and a phrase inside a that-clause has no that-clause of its own.
// Target:  the adverb opens its clause, the verb closes it; between them subject, place, object. A place is its phrase and
//   then the preposition. Adjectives follow their noun, the nearest first; a that-clause follows them.
//   Nouns have a gender, shown by their ending -a or -o. Determiners and "that" agree with their noun, verbs with their
//   subject, however far away: "the" is la or lo, "follows" sekar or sekor.
//
// Ids, one table for both languages:
//   0 padding, and what a decoder starts from;  1 end of a sentence, added by who trains: records are without it
//   2–55 source: 4 determiners, 8 adjectives, 18 nouns, that, 5 adverbs, 8 transitive and 5 intransitive verbs,
//        3 prepositions, 2 conjunctions
//   56–127 target: the same order; a word that agrees has two ids, of -a and of -o
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace orrery {

constexpr int32_t kTranslationPad = 0, kTranslationEnd = 1, kTranslationVocab = 128;

struct Translation {
  std::vector<int32_t> target;      // ids, as many as the source has
  std::vector<int32_t> alignment;   // of each position of target, the index in the source of the word it renders
};

// Of the ids of a source sentence, of any length. Without agreement each word has one form, of two the one of -o. The error is the misfit.
Result<Translation> translate(std::span<const int32_t> source, bool agreement = true);

// The first word that keeps ids from being a source sentence, or their end where it comes too soon.
struct TranslationMisfit {
  size_t position = 0;
  std::string expected;   // what could stand there
};
std::optional<TranslationMisfit> find_misfit(std::span<const int32_t> source);

// How an id is written; empty where there is no such id.
std::string_view translation_word(int64_t id);

}  // namespace orrery
