// `orrery vocab report MODEL`: is this vocabulary fit for these terms and texts?
#include <algorithm>
#include <cstdio>

#include "checkpoint/checkpoint.h"
#include "cli/call_text.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "tokenize/trainers/text_source.h"
#include "vocabulary/extended_model.h"
#include "vocabulary/report.h"

namespace orrery::cli::commands {
namespace {
struct VocabReportOptions {
  std::string model;
  std::vector<std::string> compare;
  std::filesystem::path terms, sentences, html, csv;
  std::vector<std::filesystem::path> corpus;
  double pages = 100, price = 1;
  int64_t context = 0, tokens = 500;
  static constexpr auto about = describe(
      "vocab report", "", option(&VocabReportOptions::model, "model", "A model, a folder of a tokenizer alone, or its file.", positional(), required()),
      option(&VocabReportOptions::terms, "terms", "The domain's terms, one a line, a tab before what kind it is; terms of several trades where not given.", unit("FILE")),
      option(&VocabReportOptions::corpus, "corpus", "The domain's texts, repeated: the verdict rests on them, and extending is tried.", unit("FILE"), suggested()),
      option(&VocabReportOptions::sentences, "sentences", "Parallel sentences, a line {\"en\": …, \"de\": …} each; the first language is the measure.", unit("FILE")),
      option(&VocabReportOptions::compare, "compare", "Another tokenizer, side by side; repeated for several.", unit("MODEL2")),
      option(&VocabReportOptions::html, "html", "Write a page to this file.", unit("FILE")),
      option(&VocabReportOptions::csv, "csv", "Write a row a term to this file.", unit("FILE")),
      option(&VocabReportOptions::pages, "pages", "Pages of 1800 characters that the bill is made for.", at_least(0)),
      option(&VocabReportOptions::price, "price", "Price of a million tokens.", at_least(0)),
      option(&VocabReportOptions::context, "context", "Tokens that the model reads at once; 0 takes the model's.", at_least(0)),
      option(&VocabReportOptions::tokens, "tokens", "New tokens with which extending is tried.", in_range(0, 1000000)));
};

std::vector<Term> read_terms(const std::filesystem::path& file) {
  std::vector<Term> terms;
  for (const std::string& line : lines_of(read_text(file))) {
    const size_t tab = line.find('\t');
    const std::string kind = tab == std::string::npos ? "" : line.substr(tab + 1);
    if (line.empty() || (terms.empty() && line == "term\tkind")) continue;
    terms.push_back({line.substr(0, tab), kind});
  }
  if (terms.empty()) throw Error{ErrorKind::bad_file, "there are no terms", file.string(), "one term a line"};
  return terms;
}

std::vector<Language> read_sentences(const std::filesystem::path& file) {
  std::vector<Language> languages;
  int64_t number = 0;
  for (const std::string& line : lines_of(read_text(file))) {
    const std::string where = file.string() + ", line " + std::to_string(++number);
    if (line.empty()) continue;
    const Json record = parse_json(line, where).value();
    if (!record.is_object()) throw Error{ErrorKind::bad_file, "a record is not an object", where};
    for (const auto& [name, sentence] : record.items()) {
      if (!sentence.is_string()) continue;   // an id
      const std::string& language = name;    // lambdas may not capture structured bindings
      auto found = std::find_if(languages.begin(), languages.end(), [&](const Language& one) { return one.name == language; });
      if (found == languages.end()) found = languages.insert(languages.end(), {language, {}});
      found->sentences.push_back(sentence.get<std::string>());
    }
  }
  if (languages.empty()) throw Error{ErrorKind::bad_file, "there are no sentences", file.string(), "a line: {\"en\": \"…\", \"de\": \"…\"}"};
  return languages;
}

std::string format(const char* how, double x) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, how, x);
  return buffer;
}
// A language whose characters are in part unknown is not short, but lost.
std::string language_parity(const Json& language) { return format("%.2f", language["parity"]) + (language["unk_rate"] > 0 ? "?" : ""); }
std::string percent(double share) { return format(share > 0 && share < 0.001 ? "%.3f %%" : "%.1f %%", 100 * share); }

Json report_of(const std::string& model, const Tokenizer& tokenizer, ReportInput input) {
  input.name = model;
  const std::filesystem::path folder = model_path(model);
  std::error_code ignored;
  std::vector<float> rows;
  if (std::filesystem::exists(folder / "config.json", ignored)) {
    const Result<Json> config = read_config(folder);
    for (const char* key : {"max_position_embeddings", "n_positions"})
      if (config && input.context == 0 && config->contains(key) && (*config)[key].is_number_integer()) input.context = (*config)[key].get<int64_t>();
    if (const Result<Checkpoint> checkpoint = Checkpoint::open(folder)) input.width = read_embedding(*checkpoint, rows);
    input.embedding = rows;
  }
  return vocab_report(tokenizer, input);
}

class Printer {
 public:
  Printer(Output& out, const Json& report) : out_(out), report_(report) {}

  void print() const {
    terms();
    const Json& domain = report_["domain"];
    line("tokens for each term", format("%.2f", report_["mean_tokens_per_term"]) + ", " + percent(report_["single_token_terms"]) + " are one token");
    line("tokens for each word", format("%.2f", domain["fertility"]) + " in the " + report_["domain_is"].get<std::string>() + ", " + format("%.2f", report_["general"]["fertility"]) + " in general text");
    line("words kept whole", percent(domain["single_token_words"]) + ", in four parts or more " + percent(domain["heavily_split_words"]));
    line("unknown, bytes", percent(report_["unk_rate"]) + " of the tokens, " + percent(domain["byte_fallback_rate"]));
    line("cut through", count(domain["ends_inside_characters"]) + " characters, " + count(domain["ends_inside_graphemes"]) + " composed ones, " + count(domain["broken_numbers"]) + " of " + count(domain["numbers"]) + " numbers, " +
                            count(domain["broken_product_codes"]) + " of " + count(domain["product_codes"]) + " product codes");
    const Json& trips = report_["round_trip"];
    std::string causes;
    for (const auto& [cause, times] : trips["causes"].items()) causes += (causes.empty() ? ": " : ", ") + cause + " " + count(times);
    line("do not come back", count(trips["failures"]) + " of " + count(trips["texts"]) + " texts" + causes);
    const Json& vocabulary = report_["vocabulary"];
    line("vocabulary", count(vocabulary["size"]) + " tokens, " + percent(vocabulary["used_share"]) + " of them used here, " + count(vocabulary["unreachable"]) + " out of reach" +
                           (vocabulary.contains("under_trained") ? ", " + count(vocabulary["under_trained"]) + " look untrained" : ""));
    line("R\xC3\xA9nyi efficiency", format("%.3f", report_["renyi_efficiency"]));
    std::string parity;
    for (const Json& one : report_["languages"]) parity += (parity.empty() ? "" : "  ") + one["language"].get<std::string>() + " " + language_parity(one);
    if (!parity.empty()) line("languages", parity);
    const Json& cost = report_["cost"];
    line("cost", format("%.0f", cost["pages"]) + " pages are " + count_text(cost["tokens"]) + " tokens, " + format("%.4g", cost["price"]) + " at " + format("%g", cost["price_per_million"]) + " a million" +
                     (cost.contains("against_general_text") ? ", " + format("%+.0f %%", 100 * cost["against_general_text"].get<double>()) + " against general text" : "") +
                     (cost.contains("pages_in_context") ? "; " + format("%.1f", cost["pages_in_context"]) + " pages fit in the context of " + count(cost["context"]) : ""));
    for (const Json& one : report_["collisions"]) line("special token in the texts", printable(one["token"].get<std::string>()) + " in " + count(one["texts"]));
    out_.line("");
    const std::string verdict = report_["verdict"];
    const char* colour = verdict == "fits" ? "\033[1;32m" : verdict == "watch" ? "\033[1;33m" : "\033[1;31m";
    out_.line("Verdict: " + (out_.colours() ? colour + verdict + "\033[0m" : verdict));
    for (const Json& reason : report_["reasons"])
      out_.line("  " + reason["level"].get<std::string>() + ": " + reason["measure"].get<std::string>() + " " + format("%.4g", reason["value"]) + ", watch above " + format("%.4g", reason["watch_above"]) + ", act above " +
                format("%.4g", reason["act_above"]));
    for (const Json& advice : report_["advice"]) out_.line("  " + advice.get<std::string>());
  }

 private:
  static std::string count(const Json& value) { return std::to_string(value.get<int64_t>()); }
  void line(const std::string& label, const std::string& value) const { out_.line(label + std::string(label.size() < 26 ? 26 - label.size() : 1, ' ') + value); }
  void terms() const {
    constexpr size_t kShown = 15;
    const Json& heavy = report_["heavily_split"];
    out_.line(std::to_string(report_["terms"].size()) + " terms, " + std::to_string(heavy.size()) + " heavily split" + (heavy.empty() ? "" : ": four tokens a word or more"));
    for (size_t i = 0; i < std::min(kShown, heavy.size()); i++) out_.line(format("%5.0f  ", heavy[i]["tokens"]) + pieces(heavy[i]["pieces"]));
    if (heavy.size() > kShown) out_.line("       and " + std::to_string(heavy.size() - kShown) + " more");
    out_.line("");
  }
  // In colours on a terminal, else with a stroke between.
  std::string pieces(const Json& all) const {
    std::string text;
    for (size_t i = 0; i < all.size(); i++) {
      const std::string piece = printable(all[i].get<std::string>());
      if (out_.colours())
        text += (i % 2 ? "\033[48;5;153;30m" : "\033[48;5;223;30m") + piece + "\033[0m";
      else
        text += (i > 0 ? "|" : "") + piece;
    }
    return text;
  }

  Output& out_;
  const Json& report_;
};

// The last part of a path that says something: where two tokenizers stand side by side there is no room for more.
std::string short_name(const Json& report) {
  std::filesystem::path path(report["model"].get<std::string>());
  if (path.filename() == "tokenizer.json" && path.has_parent_path()) path = path.parent_path();
  return path.has_filename() ? path.filename().string() : path.string();
}

void print_comparison(Output& out, const Json& report) {
  const Json& others = report["compare"];
  const auto row = [&](const std::string& label, const auto& value) {
    const auto wide = [](std::string text, size_t width) { return text + std::string(text.size() < width ? width - text.size() : 1, ' '); };
    std::string line = wide(label, 26) + wide(value(report), 24);
    for (const Json& other : others) line += &other == &others.back() ? value(other) : wide(value(other), 24);
    out.line(line);
  };
  const auto number = [&](const std::string& label, const char* how, const auto& value) {
    row(label, [&](const Json& r) { return format(how, value(r)); });
  };
  row("", short_name);
  number("vocabulary", "%.0f", [](const Json& r) { return r["vocab_size"].template get<double>(); });
  number("tokens for each term", "%.2f", [](const Json& r) { return r["mean_tokens_per_term"].template get<double>(); });
  number("heavily split terms", "%.0f", [](const Json& r) { return static_cast<double>(r["heavily_split"].size()); });
  number("tokens for each word", "%.2f", [](const Json& r) { return r["domain"]["fertility"].template get<double>(); });
  number("general text", "%.2f", [](const Json& r) { return r["general"]["fertility"].template get<double>(); });
  number("unknown", "%.4f", [](const Json& r) { return r["unk_rate"].template get<double>(); });
  number("tokens a page", "%.0f", [](const Json& r) { return r["cost"]["tokens_per_page"].template get<double>(); });
  number("R\xC3\xA9nyi efficiency", "%.3f", [](const Json& r) { return r["renyi_efficiency"].template get<double>(); });
  for (size_t i = 0; i < report["languages"].size(); i++)
    row("against the first: " + report["languages"][i]["language"].get<std::string>(), [&](const Json& r) { return language_parity(r["languages"][i]); });
  row("verdict", [](const Json& r) { return r["verdict"].get<std::string>(); });
  const auto joined = [](const Json& pieces) {
    std::string text;
    for (const Json& piece : pieces) text += (text.empty() ? "" : "|") + printable(piece.get<std::string>());
    return text;
  };
  for (const Json& other : others) {
    const Json& difference = other["first_difference"];
    const std::string pair = others.size() > 1 ? short_name(report) + " and " + short_name(other) : "Both";
    if (difference.is_null()) out.line(pair + " cut every text in the same way.");
    else out.line("First difference" + (others.size() > 1 ? " of " + pair : "") + ", by the " + difference["cause"].get<std::string>() + ": " + joined(difference["pieces"]) + " and " + joined(difference["other_pieces"]));
  }
}

void run(Context& context, VocabReportOptions& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  ReportInput input;
  input.terms = options.terms.empty() ? sample_terms() : read_terms(options.terms);
  input.languages = options.sentences.empty() ? sample_sentences() : read_sentences(options.sentences);
  input.pages = options.pages;
  input.price = options.price;
  input.context = options.context;
  input.extension_tokens = options.tokens;
  for (const std::filesystem::path& file : options.corpus)
    read_texts(file, [&](std::string_view text, uint64_t) {
      for (const std::string& line : lines_of(std::string(text)))
        if (!line.empty()) input.corpus.push_back(line);
    }).value();
  if (!options.corpus.empty() && input.corpus.empty()) throw Error{ErrorKind::bad_file, "there is no text in the corpus", options.corpus.front().string()};
  Json report = report_of(options.model, tokenizer, input);
  if (!options.compare.empty()) {
    std::vector<std::string> texts = input.corpus;
    for (const Term& term : input.terms) texts.push_back(term.text);
    for (const Language& language : input.languages) texts.insert(texts.end(), language.sentences.begin(), language.sentences.end());
    report["compare"] = Json::array();
    for (const std::string& model : options.compare) {
      const Tokenizer other = load_tokenizer(model);
      Json theirs = report_of(model, other, input);
      theirs["first_difference"] = first_difference(tokenizer, other, texts);
      report["compare"].push_back(std::move(theirs));
    }
  }
  if (!options.html.empty()) context.write(options.html, report_page(report, call_text("vocab report", context.options())));
  if (!options.csv.empty()) context.write(options.csv, report_csv(report));
  if (context.json()) return context.out().json(report);
  Printer(context.out(), report).print();
  if (!options.compare.empty()) {
    context.out().line("");
    print_comparison(context.out(), report);
  }
}
}  // namespace

const Command& vocab_report() {
  static const Command command{"vocab report",
                               "Say whether a vocabulary fits the terms and texts of a domain.",
                               {"orrery vocab report storyteller", "orrery vocab report storyteller --html vocabulary.html --csv terms.csv",
                                "orrery corpus stories --format text --count 200 -o stories.txt && orrery vocab report storyteller --corpus stories.txt --json"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
