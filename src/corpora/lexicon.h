// The stories' grammar in its parts, in the notation of grammar.h. Together, in this order, they are one source.
#pragma once

namespace orrery::lexicon {

extern const char* const kNames;       // what characters are called
extern const char* const kCharacters;  // what they are, are like, wear and do
extern const char* const kWorld;       // places, weather, food, feelings, ways of speaking
extern const char* const kRules;       // how a story goes
extern const char* const kThemesOutdoors, *const kThemesCraft, *const kThemesTown;  // what may be wished for

}  // namespace orrery::lexicon
