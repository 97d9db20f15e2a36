#include "vocabulary/report.h"

#include <algorithm>

#include "vocabulary/extension.h"
#include "vocabulary/measure.h"
#include "vocabulary/round_trip.h"
#include "vocabulary/tokens.h"
#include "vocabulary/verdict.h"

namespace orrery {

namespace {

constexpr double kPage = 1800;   // characters: 30 lines of 60
constexpr size_t kShown = 20;    // examples of a kind

Json term_json(const Tokenizer& tokenizer, const Gauge& gauge, const Term& term) {
  Measure m;
  gauge.add(term.text, m);
  const SplitText split = gauge.split(term.text);
  const int64_t words = std::max<int64_t>(m.words, 1);
  return {{"term", term.text},
          {"kind", term.kind},
          {"tokens", m.tokens},
          {"words", m.words},
          {"pieces", split.pieces},
          {"unknown", m.unknown},
          {"byte_fallback", m.fallback},
          {"heavily_split", m.tokens >= kHeavyParts * words},
          {"tokens_in_a_sentence", static_cast<int64_t>(tokenizer.encode_ids("a " + term.text, {.add_special = false, .specials_as_text = true}).size()) -
                                       static_cast<int64_t>(tokenizer.encode_ids("a", {.add_special = false, .specials_as_text = true}).size())}};
}

Json round_trips(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  Json failures = Json::array(), causes = Json::object();
  int64_t count = 0;
  for (const std::string& text : texts) {
    const auto failure = round_trip_failure(tokenizer, text);
    if (!failure) continue;
    count++;
    causes[failure->cause] = causes.value(failure->cause, 0) + 1;
    if (failures.size() < kShown) failures.push_back({{"text", beginning(failure->text)}, {"decoded", beginning(failure->decoded)}, {"cause", failure->cause}});
  }
  return {{"texts", texts.size()}, {"failures", count}, {"causes", causes}, {"examples", failures}};
}

Json vocabulary(const Tokenizer& tokenizer, const ReportInput& input, const Measure& all) {
  const Reach reach = unreachable_tokens(tokenizer);
  const auto named = [&](int32_t id) { return Json{{"id", id}, {"token", tokenizer.token_of(id).value_or("")}}; };
  Json unreachable = Json::array();
  for (size_t i = 0; i < std::min(kShown, reach.unreachable.size()); i++) unreachable.push_back(named(reach.unreachable[i]));
  Json json = {{"size", tokenizer.vocab_size()},
               {"used", all.used.size()},
               {"used_share", Measure::share(static_cast<int64_t>(all.used.size()), tokenizer.vocab_size())},
               {"parts_of_characters", reach.fragments},
               {"unreachable", reach.unreachable.size()},
               {"unreachable_examples", unreachable}};
  if (input.embedding.empty()) return json;
  const UnderTrained weak = under_trained_tokens(tokenizer, input.embedding, input.width);
  Json suspects = Json::array();
  for (size_t i = 0; i < std::min(kShown, weak.suspects.size()); i++) {
    suspects.push_back(named(weak.suspects[i].second));
    suspects.back()["norm"] = weak.suspects[i].first;
  }
  json["under_trained"] = weak.suspects.size();
  json["under_trained_examples"] = suspects;
  json["median_norm"] = weak.median_norm;
  return json;
}

}  // namespace

Json vocab_report(const Tokenizer& tokenizer, const ReportInput& input, const Thresholds& thresholds) {
  const Gauge gauge(tokenizer);
  Json terms = Json::array(), heavy = Json::array();
  Measure term_measure, domain, general, all;
  std::vector<std::string> texts;
  int64_t single = 0;
  for (const Term& term : input.terms) {
    terms.push_back(term_json(tokenizer, gauge, term));
    gauge.add(term.text, term_measure);
    single += terms.back()["tokens"] == 1;
    if (terms.back()["heavily_split"].get<bool>()) heavy.push_back(terms.back());
    texts.push_back(term.text);
  }
  std::stable_sort(heavy.begin(), heavy.end(), [](const Json& a, const Json& b) { return a["tokens"].get<int64_t>() > b["tokens"].get<int64_t>(); });
  for (const std::string& text : input.corpus) gauge.add(text, domain);
  if (input.corpus.empty()) domain = term_measure;
  texts.insert(texts.end(), input.corpus.begin(), input.corpus.end());

  Json languages = Json::array();
  for (const Language& language : input.languages) {
    Measure m;
    for (const std::string& sentence : language.sentences) {
      gauge.add(sentence, m);
      texts.push_back(sentence);
    }
    if (languages.empty()) general = m;
    Json one = to_json(m, tokenizer.vocab_size());
    one["language"] = language.name;
    one["parity"] = Measure::share(m.tokens, general.tokens);
    languages.push_back(std::move(one));
  }
  for (const std::string& text : texts) gauge.add(text, all);

  Json extension;
  int64_t bytes = 0;
  for (const std::string& text : input.corpus) bytes += static_cast<int64_t>(text.size());
  if (bytes >= thresholds.enough_text && input.corpus.size() >= 5 && input.extension_tokens > 0) {
    try {
      const Gain gain = extension_gain(tokenizer, input.corpus, input.extension_tokens);
      extension = {{"added", gain.added}, {"held_out_texts", gain.texts}, {"tokens_before", gain.tokens_before}, {"tokens_after", gain.tokens_after},
                   {"shorter", gain.shorter()}, {"texts_longer", gain.texts_longer}};
    } catch (const Error& error) {
      if (error.kind != ErrorKind::unsupported) throw;
      extension = {{"error", error.what}};
    }
  }

  const double page_tokens = kPage * domain.tokens_per_character(), general_page = kPage * general.tokens_per_character();
  Json cost = {{"characters_per_page", kPage}, {"pages", input.pages}, {"tokens_per_page", page_tokens}, {"tokens", page_tokens * input.pages},
               {"price_per_million", input.price}, {"price", page_tokens * input.pages * input.price / 1e6}};
  if (general_page > 0) cost["against_general_text"] = page_tokens / general_page - 1;
  if (input.context > 0) {
    cost["context"] = input.context;
    cost["pages_in_context"] = page_tokens > 0 ? static_cast<double>(input.context) / page_tokens : 0;
  }
  Json collisions = Json::array();
  for (const Collision& one : special_collisions(tokenizer, texts)) collisions.push_back({{"token", one.token}, {"texts", one.texts}});

  const int64_t unknown = input.corpus.empty() ? term_measure.unknown : term_measure.unknown + domain.unknown;
  const int64_t tokens = input.corpus.empty() ? term_measure.tokens : term_measure.tokens + domain.tokens;
  Json report = {{"model", input.name},
                 {"vocab_size", tokenizer.vocab_size()},
                 {"mean_tokens_per_term", Measure::share(term_measure.tokens, term_measure.texts)},
                 {"single_token_terms", Measure::share(single, term_measure.texts)},
                 {"unk_rate", Measure::share(unknown, tokens)},
                 {"domain", to_json(domain, tokenizer.vocab_size())},
                 {"domain_is", input.corpus.empty() ? "terms" : "corpus"},
                 {"general", to_json(general, tokenizer.vocab_size())},
                 {"languages", std::move(languages)},
                 {"vocabulary", vocabulary(tokenizer, input, all)},
                 {"renyi_efficiency", all.renyi_efficiency(tokenizer.vocab_size())},
                 {"round_trip", round_trips(tokenizer, texts)},
                 {"collisions", std::move(collisions)},
                 {"cost", std::move(cost)},
                 {"extension", std::move(extension)},
                 {"heavily_split", std::move(heavy)},
                 {"terms", std::move(terms)}};
  judge(report, thresholds);
  return report;
}

std::string report_csv(const Json& report) {
  const auto quoted = [](const std::string& text) {
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? std::string("\"\"") : std::string(1, c);
    return cell + '"';
  };
  std::string csv = "term,kind,tokens,words,unknown,byte_fallback,heavily_split,split\n";
  for (const Json& term : report["terms"]) {
    std::string split;
    for (const Json& piece : term["pieces"]) split += (split.empty() ? "" : "|") + piece.get<std::string>();
    csv += quoted(term["term"]) + "," + quoted(term["kind"]);
    for (const char* key : {"tokens", "words", "unknown", "byte_fallback"}) csv += "," + std::to_string(term[key].get<int64_t>());
    csv += std::string(",") + (term["heavily_split"].get<bool>() ? "true" : "false") + "," + quoted(split) + "\n";
  }
  return csv;
}

}  // namespace orrery
