#include "base/nearest.h"

#include <doctest/doctest.h>

using namespace orrery;

TEST_CASE("the nearest word is one that a slip of the finger explains") {
  const std::vector<std::string> commands = {"info", "generate", "tokenize", "train", "man"};
  CHECK(nearest("generte", commands) == "generate");
  CHECK(nearest("inof", commands) == "info");
  CHECK(nearest("trian", commands) == "train");
  CHECK(nearest("zebra", commands) == "");
  CHECK(nearest("", commands) == "");
}

TEST_CASE("or one that it begins, or whose words it leaves out or shortens") {
  const std::vector<std::string> names = {"--max-new-tokens", "--max-length", "--top-k", "--threads", "generate", "man", "evaluate perplexity"};
  CHECK(nearest("gen", names) == "generate");   // though "man" is two letters away
  CHECK(nearest("--max-tokens", names) == "--max-new-tokens");
  CHECK(nearest("--max", names) == "--max-length");
  CHECK(nearest("perplexity", names) == "evaluate perplexity");
  CHECK(nearest("--thread", names) == "--threads");
  CHECK(nearest("--t", names) == "");           // too short to begin anything
  CHECK(nearest("--tokens-max", names) == "");
}

TEST_CASE("several names in the order of their distance") {
  CHECK(edit_distance("abc", "acb") == 1);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(nearest_few("layers.0.mpl", {"layers.0.q", "layers.0.mlp", "layers.1.mlp"}, 2) == std::vector<std::string>{"layers.0.mlp", "layers.1.mlp"});
  CHECK(nearest_few("a", {"b"}, 3).size() == 1);
}
