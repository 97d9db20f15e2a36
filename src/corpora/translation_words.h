// The words of the toy language pair (translation.h), and what its rules need to know of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace orrery::translation {

enum class Kind { determiner, adjective, noun, relative, adverb, transitive, intransitive, preposition, conjunction };

enum class Gender { a, o };

struct Ids {
  int32_t first, count;
};

Ids source_ids(Kind kind);
bool is_source(int32_t id, Kind kind);
Gender gender_of(int32_t noun);                       // by its id in the source
int32_t rendered(int32_t source_id, Gender gender);   // the id in the target; what does not agree ignores the gender
int32_t id_of(std::string_view word);                 // of either language; -1 where there is no such word

}  // namespace orrery::translation
