#include <doctest/doctest.h>

#include "base/file.h"
#include "base/testing.h"
#include "tokenize/trainers/byte_bpe.h"

namespace orrery {

TEST_CASE("the reference's byte-level vocabulary is learned exactly") {
  if (!shared_available("tokenizers")) return;
  const std::string corpus = read_file("../shared/tokenizers/training/botchan.txt").value();
  const Json expected =
      parse_json(read_file("../shared/tokenizers/training/bpe_bytelevel.json").value(), "bpe_bytelevel.json").value();
  ByteBpeTrainer trainer({.vocab_size = 2000, .special_tokens = {"<|endoftext|>"}});
  for (size_t at = 0; at <= corpus.size();) {
    const size_t newline = std::min(corpus.find('\n', at), corpus.size());
    trainer.add(std::string_view(corpus).substr(at, newline - at));
    at = newline + 1;
  }
  const Json learned = trainer.train().tokenizer_json();
  CHECK(learned["model"]["vocab"] == expected["model"]["vocab"]);
  CHECK(learned["model"]["merges"] == expected["model"]["merges"]);
}

}  // namespace orrery
