// What a report is made on when the user brings nothing: terms of several trades, and sentences that say the same in
// several languages. Written for this project.
#pragma once

#include <string>
#include <vector>

namespace orrery {

struct Term {
  std::string text, kind;
};
struct Language {
  std::string name;                      // "en"
  std::vector<std::string> sentences;    // the same number for all, in the same order
};

std::vector<Term> sample_terms();
std::vector<Language> sample_sentences();   // English first

}  // namespace orrery
