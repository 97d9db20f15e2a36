// English inflection by rule, for the words of our own lexicon: irregular forms are written in the lexicon.
#pragma once

#include <string>
#include <string_view>

namespace orrery {

std::string plural(std::string_view noun);            // fox -> foxes, berry -> berries, boy -> boys
std::string past_tense(std::string_view verb);        // walk -> walked, bake -> baked, hurry -> hurried, hop -> hopped
std::string present_participle(std::string_view verb);  // walk -> walking, bake -> baking, hop -> hopping
std::string_view indefinite_article(std::string_view next_word);  // "a" or "an", by how the next word sounds
std::string capitalized(std::string_view text);       // first letter in upper case

}  // namespace orrery
