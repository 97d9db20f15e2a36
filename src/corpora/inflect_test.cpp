#include "corpora/inflect.h"

#include <doctest/doctest.h>

using namespace orrery;

TEST_CASE("nouns become plural by their ending") {
  CHECK(plural("fox") == "foxes");
  CHECK(plural("brush") == "brushes");
  CHECK(plural("berry") == "berries");
  CHECK(plural("donkey") == "donkeys");
  CHECK(plural("cat") == "cats");
}

TEST_CASE("verbs become past and participle by their ending") {
  struct Row {
    const char *verb, *past, *participle;
  };
  for (const Row& row : {Row{"walk", "walked", "walking"}, {"bake", "baked", "baking"}, {"hurry", "hurried", "hurrying"},
                         {"hop", "hopped", "hopping"}, {"play", "played", "playing"}, {"tie", "tied", "tying"},
                         {"skip", "skipped", "skipping"}, {"shout", "shouted", "shouting"}, {"gather", "gathered", "gathering"},
                         {"ski", "skied", "skiing"}}) {
    CHECK(past_tense(row.verb) == row.past);
    CHECK(present_participle(row.verb) == row.participle);
  }
}

TEST_CASE("the article follows the sound, not the letter") {
  CHECK(indefinite_article("apple") == "an");
  CHECK(indefinite_article("honest fox") == "an");
  CHECK(indefinite_article("unicorn") == "a");
  CHECK(indefinite_article("ukulele") == "a");
  CHECK(indefinite_article("one-eyed owl") == "a");
  CHECK(indefinite_article("umbrella") == "an");
  CHECK(indefinite_article("tree") == "a");
  CHECK(capitalized("an owl") == "An owl");
}
