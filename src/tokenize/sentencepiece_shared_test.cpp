// Every answer of sentencepiece in ../shared/tokenizers.
#include "tokenize/sentencepiece.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/testing.h"

namespace orrery {

TEST_CASE("sentencepiece models give that library's ids, pieces, offsets and texts") {
  if (!shared_available("tokenizers")) return;
  struct Row {
    const char *golden, *file;
  };
  for (const Row& model : {Row{"llama2-spm", "llama2/tokenizer.model"}, Row{"t5-spm", "t5/spiece.model"},
                           Row{"spm-test", "spm-test/test_model.model"}, Row{"spm-test-ja", "spm-test/test_ja_model.model"}}) {
    CAPTURE(model.golden);
    const SentencePiece spm(read_file(std::string("../shared/tokenizers/") + model.file).value());
    std::ifstream in(std::string("../shared/tokenizers/goldens/") + model.golden + ".jsonl");
    REQUIRE(in.good());
    int rows = 0, differences = 0;
    for (std::string line; std::getline(in, line); rows++) {
      const Json row = parse_json(line, model.golden).value();
      const bool is_text = row.contains("text");
      const std::string text = is_text ? row["text"].get<std::string>() : decode_base64(row["base64"].get<std::string>()).value();
      Json ids = Json::array(), pieces = Json::array(), offsets = Json::array();
      std::vector<int32_t> plain;
      for (const SentencePiece::Token& t : spm.encode(text)) {
        ids.push_back(t.id);
        plain.push_back(t.id);
        pieces.push_back(t.piece);
        offsets.push_back({t.begin, t.end});
      }
      const bool same = ids == row["ids"] && (!is_text || (pieces == row["pieces"] && offsets == row["offsets"] &&
                                                           spm.decode(plain) == row["decoded"].get<std::string>()));
      if (same || ++differences > 5) continue;
      MESSAGE(model.golden, " ", to_line(row).substr(0, 900), "\n ours ", to_line(ids), to_line(pieces), to_line(offsets), spm.decode(plain));
    }
    CHECK(rows > 587);
    CHECK(differences == 0);
  }
}

}  // namespace orrery
