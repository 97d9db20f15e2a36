#include "vocabulary/verdict.h"

#include <algorithm>

namespace orrery {

void judge(Json& report, const Thresholds& t) {
  const double fertility = report["domain"]["fertility"], general = report["general"]["fertility"];
  const double ratio = general > 0 ? fertility / general : 0;
  Json reasons = Json::array();
  int worst = 0;   // 0 fits, 1 watch, 2 act
  const auto weigh = [&](const char* measure, const char* key, double value, double watch, double act) {
    const int level = value > act ? 2 : value > watch ? 1 : 0;
    constexpr const char* kLevels[] = {"good", "watch", "act"};
    worst = std::max(worst, level);
    reasons.push_back({{"measure", measure}, {"key", key}, {"value", value}, {"watch_above", watch}, {"act_above", act}, {"level", kLevels[level]}});
    return level;
  };
  if (fertility <= t.good_fertility || general <= 0)
    weigh("tokens for each word of the domain", "fertility", fertility, t.good_fertility, general > 0 ? t.good_fertility : t.good_fertility * t.watch);
  else
    weigh("tokens for each word, times those of general text", "fertility_ratio", ratio, t.fits, t.watch);
  weigh("share of words in four parts or more", "heavily_split_words", report["domain"]["heavily_split_words"], t.heavy_words / 2, t.heavy_words);
  const int unknown = weigh("share of unknown tokens", "unk_rate", report["unk_rate"], 0, t.unk_rate);
  weigh("share of tokens that are bytes of a character", "byte_fallback_rate", report["domain"]["byte_fallback_rate"], t.byte_fallback_rate / 2, t.byte_fallback_rate);

  const Json& extension = report["extension"];
  const bool tried = extension.is_object() && extension.contains("shorter");
  const double gain = tried ? extension["shorter"].get<double>() : 0;
  std::string verdict = worst == 0 ? "fits" : "watch";
  Json advice = Json::array();
  if (worst == 2) {
    const bool loses = unknown == 2 && report["domain"]["byte_fallback_rate"] == 0;
    if (tried && gain < t.worth_extending && !loses) {
      advice.push_back("Extending was tried and shortens held-out text by less than a tenth: not worth new rows that have to be trained.");
    } else {
      const bool text = report["domain_is"] == "corpus";   // a list of terms is no evidence for so much work
      verdict = (text && ratio > t.own) || loses ? "train your own" : "extend";
    }
  }
  if (tried)
    advice.push_back("On held-out text " + std::to_string(extension["added"].get<int64_t>()) + " more tokens save " + std::to_string(static_cast<int64_t>(gain * 1000 + 0.5) / 10.0).substr(0, 4) + " % of the tokens.");
  else if (worst > 0)
    advice.push_back("With --corpus FILE, a file of the domain's own text, it is tried what extending would gain.");
  if (verdict == "extend") advice.push_back("orrery vocab extend MODEL --corpus FILE --tokens N -o DIR adds tokens; old ids stay, new rows begin as the mean of their parts.");
  if (verdict == "train your own") advice.push_back("orrery vocab train learns a vocabulary from the domain's text; a model has to be trained with it from the start, or its embedding anew.");
  if (verdict != "fits") advice.push_back("Don't change the vocabulary of a model that is not going to be trained further, nor for little text: new rows need thousands of occurrences each.");
  if (report["vocabulary"]["unreachable"] > 0) advice.push_back("Some tokens are out of reach: they cost memory, and may be given to new words by hand.");
  if (!report["collisions"].empty()) advice.push_back("Names of special tokens stand in the texts: encode text from users with --allow-special none.");
  report["ratio_to_general_text"] = ratio;
  report["verdict"] = verdict;
  report["reasons"] = std::move(reasons);
  report["advice"] = std::move(advice);
}

}  // namespace orrery
