// Every answer of Hugging Face's `tokenizers` in ../shared/tokenizers that the steps here can give.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/testing.h"
#include "tokenize/tokenizer.h"

namespace orrery {
namespace {

const std::string kRoot = "../shared/tokenizers/";

template <class F>
void each_row(const std::string& file, F f) {
  std::ifstream in(kRoot + file);
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) f(parse_json(line, file).value());
}

Json offsets_json(const std::vector<Offsets>& offsets) {
  Json list = Json::array();
  for (const Offsets& o : offsets) list.push_back({o.begin, o.end});
  return list;
}
Json words_json(const std::vector<int32_t>& words) {
  Json list = Json::array();
  for (const int32_t word : words) list.push_back(word == Encoding::kNone ? Json() : Json(word));
  return list;
}

// Counts the rows that differ and shows the first few.
struct Differences {
  std::string name;
  int count = 0;
  void check(const char* field, const Json& text, const Json& ours, const Json& expected) {
    if (ours == expected || ++count > 5) return;
    MESSAGE(name, " ", std::string(field), " of ", to_line(text).substr(0, 120), "\n  ours     ", to_line(ours).substr(0, 400),
            "\n  expected ", to_line(expected).substr(0, 400));
  }
};

// The file of a tokenizer that goldens name.
std::string tokenizer_file(const std::string& name) {
  if (name.starts_with("synthetic/")) return name + ".json";
  if (name == "gpt2-files") return "gpt2/vocab.json";
  if (name == "bert-base-multilingual-cased") return name + "/vocab.txt";
  if (name.ends_with("-json")) return name.substr(0, name.size() - 5) + "/tokenizer.json";
  return name + "/tokenizer.json";
}

void check_goldens(const std::string& golden, const std::string& file) {
  const Tokenizer tokenizer = Tokenizer::load(kRoot + file).value();
  Differences differences{golden};
  int rows = 0;
  each_row("goldens/" + golden + ".jsonl", [&](const Json& row) {
    const Json& text = row["text"];
    const std::string input = text.get<std::string>();
    const Encoding e = tokenizer.encode(input);
    differences.check("ids", text, e.ids, row["ids"]);
    differences.check("ids alone", text, tokenizer.encode_ids(input), row["ids"]);
    differences.check("tokens", text, e.tokens(), row["tokens"]);
    differences.check("offsets", text, offsets_json(e.offsets), row["offsets"]);
    differences.check("type_ids", text, e.type_ids, row["type_ids"]);
    differences.check("special", text, e.special, row["special"]);
    differences.check("words", text, words_json(e.words), row["words"]);
    differences.check("decoded", text, tokenizer.decode(e.ids, true), row["decoded"]);
    differences.check("decoded_all", text, tokenizer.decode(e.ids, false), row["decoded_all"]);
    const Json& plain = row.contains("ids_plain") ? row["ids_plain"] : row["ids"];
    differences.check("ids_plain", text, tokenizer.encode_ids(input, {.add_special = false}), plain);
    differences.check("ids_specials_as_text", text,
                      tokenizer.encode_ids(input, {.add_special = false, .specials_as_text = true}),
                      row.contains("ids_specials_as_text") ? row["ids_specials_as_text"] : plain);
    rows++;
  });
  CHECK(rows == 587);
  CHECK(differences.count == 0);
}

}  // namespace

TEST_CASE("whole tokenizers give the reference's ids, tokens, offsets, types, words and texts") {
  if (!shared_available("tokenizers")) return;
  check_goldens("gpt2", "gpt2/tokenizer.json");
  check_goldens("gpt2", "gpt2");
  check_goldens("gpt2-files", "gpt2/vocab.json");
  check_goldens("gpt2-files", "gpt2/merges.txt");
  check_goldens("llama2", "llama2/tokenizer.json");
  check_goldens("phi-3-mini", "phi-3-mini/tokenizer.json");
  check_goldens("bert-base-uncased", "bert-base-uncased/tokenizer.json");
  check_goldens("bert-base-uncased", "bert-base-uncased/vocab.txt");
  check_goldens("bert-base-multilingual-cased", "bert-base-multilingual-cased/vocab.txt");
  check_goldens("gpt-neox-20b", "gpt-neox-20b/tokenizer.json");
  check_goldens("whisper", "whisper/tokenizer.json");
  check_goldens("llama3-json", "llama3/tokenizer.json");
  check_goldens("qwen-json", "qwen/tokenizer.json");
  check_goldens("t5", "t5/tokenizer.json");
  check_goldens("clip", "clip/tokenizer.json");
  check_goldens("falcon", "falcon/tokenizer.json");
}

TEST_CASE("the small tokenizers that exercise one component each give the reference's ids, offsets and texts") {
  if (!shared_available("tokenizers")) return;
  std::map<std::string, Tokenizer> tokenizers;
  for (const auto& entry : std::filesystem::directory_iterator(kRoot + "synthetic")) {
    Result<Tokenizer> tokenizer = Tokenizer::load(entry.path());
    REQUIRE(tokenizer);
    tokenizers.emplace(entry.path().stem().string(), std::move(*tokenizer));
  }
  CHECK(tokenizers.size() == 65);
  Differences differences{"synthetic"};
  each_row("goldens/synthetic.jsonl", [&](const Json& row) {
    const Json& text = row["text"];
    for (const auto& [name, answer] : row["by"].items()) {
      const auto found = tokenizers.find(name);
      if (found == tokenizers.end()) continue;
      differences.name = name;
      const Encoding e = found->second.encode(text.get<std::string>());
      Json flat = Json::array();
      for (const Offsets& o : e.offsets) flat.insert(flat.end(), {o.begin, o.end});
      differences.check("ids", text, e.ids, answer[0]);
      differences.check("ids alone", text, tokenizers.at(name).encode_ids(text.get<std::string>()), answer[0]);
      differences.check("offsets", text, flat, answer[1]);
      differences.check("decoded", text, found->second.decode(e.ids, true), answer.size() > 2 ? answer[2] : text);
    }
  });
  CHECK(differences.count == 0);
}

TEST_CASE("pairs, words, truncation and padding are what the reference makes of them") {
  if (!shared_available("tokenizers")) return;
  std::map<std::string, Result<Tokenizer>> tokenizers;
  Differences differences{""};
  int rows = 0;
  each_row("goldens/options.jsonl", [&](const Json& row) {
    const std::string name = row["tokenizer"].get<std::string>();
    if (!tokenizers.contains(name)) tokenizers.emplace(name, Tokenizer::load(kRoot + tokenizer_file(name)));
    const Tokenizer& tokenizer = tokenizers.at(name).value();
    const Json& options = row["opt"];
    differences.name = name;
    const auto check = [&](const Encoding& e, const Json& out) {
      Json overflow = Json::array(), overflow_offsets = Json::array();
      for (const Encoding& window : e.overflow) {
        overflow.push_back(window.ids);
        overflow_offsets.push_back(offsets_json(window.offsets));
      }
      differences.check("ids", options, e.ids, out["ids"]);
      differences.check("offsets", options, offsets_json(e.offsets), out["offsets"]);
      differences.check("type_ids", options, e.type_ids, out["type_ids"]);
      differences.check("mask", options, e.mask, out["mask"]);
      differences.check("special", options, e.special, out["special"]);
      differences.check("words", options, words_json(e.words), out["words"]);
      differences.check("sequences", options, words_json(e.sequences), out["seq"]);
      differences.check("overflow", options, overflow, out["overflow"]);
      differences.check("overflow_offsets", options, overflow_offsets, out["overflow_offsets"]);
    };
    rows++;
    if (row["case"] == "padding") {
      std::vector<Encoding> batch;
      for (const Json& text : options["batch"]) batch.push_back(tokenizer.encode(text.get<std::string>()));
      const auto size = [&](const char* key) { return options[key].is_null() ? std::nullopt : std::optional(options[key].get<size_t>()); };
      pad(batch, {.length = size("length"),
                  .multiple_of = size("pad_to_multiple_of"),
                  .left = options["direction"] == "left",
                  .id = options["pad_id"].get<int32_t>(),
                  .type_id = options["pad_type_id"].get<int32_t>(),
                  .token = options["pad_token"].get<std::string>()});
      for (size_t i = 0; i < batch.size(); i++) check(batch[i], row["out"][i]);
      return;
    }
    std::optional<Encoding> e;
    try {
      if (row["case"] == "pretokenized") {
        e = tokenizer.encode_words(options["words"].get<std::vector<std::string>>());
      } else {
        const std::string a = options["a"].get<std::string>(), b = options["b"].is_null() ? "" : options["b"].get<std::string>();
        EncodeOptions how;
        if (!options["b"].is_null()) how.pair = b;
        if (row["case"] == "truncation") {
          const std::string strategy = options["strategy"].get<std::string>();
          how.truncation = Truncation{.max_length = options["max_length"].get<size_t>(),
                                      .stride = options["stride"].get<size_t>(),
                                      .strategy = strategy == "only_first"    ? Truncation::Strategy::only_first
                                                  : strategy == "only_second" ? Truncation::Strategy::only_second
                                                                              : Truncation::Strategy::longest_first,
                                      .left = options["direction"] == "left"};
        }
        e = tokenizer.encode(a, how);
      }
    } catch (const Error&) {
    }
    differences.check("error", options, !e, row.contains("error"));
    if (e && row.contains("out")) check(*e, row["out"]);
  });
  CHECK(rows == 2210);
  CHECK(differences.count == 0);
}

TEST_CASE("random ids decode to the reference's text, whole and as a stream") {
  if (!shared_available("tokenizers")) return;
  std::map<std::string, Result<Tokenizer>> tokenizers;
  Differences differences{""};
  int rows = 0;
  each_row("goldens/decode.jsonl", [&](const Json& row) {
    const std::string name = row["tokenizer"].get<std::string>();
    if (!tokenizers.contains(name)) tokenizers.emplace(name, Tokenizer::load(kRoot + tokenizer_file(name)));
    const Tokenizer& tokenizer = tokenizers.at(name).value();
    differences.name = name;
    const auto ids = row["ids"].get<std::vector<int32_t>>();
    differences.check("decoded", row["ids"], tokenizer.decode(ids, true), row["decoded"]);
    const std::string whole = tokenizer.decode(ids, false);
    differences.check("decoded_all", row["ids"], whole, row["decoded_all"]);

    DecodeStream stream(tokenizer);
    std::string streamed;
    bool refused = false;   // the reference gives up where a later token changes earlier text
    for (size_t i = 0; i < ids.size(); i++) {
      const std::string chunk = stream.push(ids[i]);
      streamed += chunk;
      refused = refused || row["stream"][i].is_object();
      if (refused) break;
      differences.check("stream", row["ids"], chunk, row["stream"][i].is_null() ? Json("") : row["stream"][i]);
    }
    // A run of fallback bytes that turns invalid at its end changes text that was shown already.
    if (!refused && whole.starts_with(streamed)) differences.check("streamed", row["ids"], streamed + stream.finish(), whole);
    rows++;
  });
  CHECK(rows == 780);
  CHECK(differences.count == 0);
}

}  // namespace orrery
