#include "inspect/alignment.h"

#include <doctest/doctest.h>

#include "checkpoint/safetensors.h"
#include "generate/testing.h"

using namespace orrery;
using generate_test::golden;
using generate_test::golden_file;
using generate_test::integers;

TEST_CASE("the share of cells is that of PyTorch's alignment, alone and together") {
  ThreadPool pool(2);
  Model model = Model::load(golden("bahdanau")).value();
  const SafetensorsFile file = golden_file("bahdanau");
  std::vector<AlignedPair> pairs;
  for (int i = 0; i < 3; ++i) {
    const std::string at = std::to_string(i) + ".";
    AlignedPair pair{integers(file, at + "input_ids"), integers(file, at + "decoder_input_ids"), {}};
    pair.target.erase(pair.target.begin());
    const Tensor pattern = file.tensor(at + "cross_attentions.0").value();    // [1, queries, keys]
    for (int64_t q = 0; q < int64_t(pair.target.size()); ++q) {
      const float* row = pattern.data<float>() + q * pattern.dim(2);
      pair.alignment.push_back(int32_t(std::max_element(row, row + pattern.dim(2)) - row));
    }
    pairs.push_back(std::move(pair));
  }
  AlignmentScore all = score_alignment(model, pool, pairs);
  CHECK(all.pairs == 3);
  CHECK(all.cells == 7 + 1 + 12);
  CHECK(all.right == all.cells);
  pairs[2].alignment[4] = (pairs[2].alignment[4] + 1) % 3;
  CHECK(score_alignment(model, pool, pairs).right == all.cells - 1);
  CHECK(score_alignment(model, pool, {pairs[2]}, {.tap = "decoder.layers.0.cross_pattern"}).right == 11);
  Model decoder = Model::load(golden("gpt2")).value();
  CHECK_THROWS_AS(score_alignment(decoder, pool, pairs), Error);
}

TEST_CASE("records of aligned pairs are read and checked") {
  const std::vector<AlignedPair> pairs = read_aligned_pairs("{\"input\": [5, 6], \"target\": [8, 7], \"alignment\": [1, 0]}\n\n", "pairs").value();
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].alignment == std::vector<int32_t>{1, 0});
  for (const char* wrong : {"[]", "{\"input\": [5]}", "{\"input\": [5], \"target\": [8], \"alignment\": [1]}", "{\"input\": [5], \"target\": [8], \"alignment\": []}",
                            "{\"input\": [], \"target\": [], \"alignment\": []}", "{\"input\": [5.5], \"target\": [8], \"alignment\": [0]}", "{"})
    CHECK(!read_aligned_pairs(wrong, "pairs"));
}
