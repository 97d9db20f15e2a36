// Is this vocabulary fit for these terms and texts? Everything a report says, as one JSON document, which the terminal, CSV
// and the page show; and the verdict with the numbers it rests on.
//
//   Json report = vocab_report(tokenizer, {.terms = sample_terms(), .languages = sample_sentences()});
//   report["verdict"]                                        // "fits", "watch", "extend" or "train your own"
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "tokenize/tokenizer.h"
#include "vocabulary/samples.h"

namespace orrery {

struct ReportInput {
  std::string name = {};                        // of the tokenizer
  std::vector<Term> terms = {};
  std::vector<Language> languages = {};         // parallel sentences; the first language is the measure of the others
  std::vector<std::string> corpus = {};         // texts of the domain; may be empty
  int64_t context = 0;                          // tokens that the model reads at once; 0: not known
  double pages = 100, price = 1;                // what a bill is made for: pages of 1800 characters, price of a million tokens
  int64_t extension_tokens = 500;               // tried where there is a corpus
  std::span<const float> embedding = {};        // rows of the model's embedding, to find under-trained tokens; may be empty
  int64_t width = 0;
};

// Start values, as the report shows them.
struct Thresholds {
  double good_fertility = 1.5;                  // tokens a word in the domain, up to which it fits whatever general text takes
  double fits = 1.15, watch = 1.4;              // times the tokens a word of general text
  double heavy_words = 0.05, unk_rate = 0.001, byte_fallback_rate = 0.01;
  double worth_extending = 0.10;                // held-out text shorter by this share
  double own = 2.0;                             // times general text, from which a vocabulary of one's own is better
  int64_t enough_text = 20000;                  // bytes of corpus from which a gain is tried
};

Json vocab_report(const Tokenizer& tokenizer, const ReportInput& input, const Thresholds& thresholds = {});

// The first text that two tokenizers cut differently, where, and by which stage. Null where there is none.
Json first_difference(const Tokenizer& one, const Tokenizer& other, const std::vector<std::string>& texts);

std::string report_csv(const Json& report);                               // a row a term
std::string report_page(const Json& report, const std::string& command);  // one HTML file

}  // namespace orrery
