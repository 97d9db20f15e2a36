// The pattern beside additive attention.
#include <doctest/doctest.h>

#include "graph/graph_case.h"

using namespace orrery;

TEST_CASE("additive attention is the mean of the values by its pattern") {
  GraphCase c;
  const std::vector<int64_t> queries = {2, 1, 3}, keys = {4, 1, 6};
  c.space("tokens", queries);
  c.space("source", keys);
  const Value q = c.rows("q", 3), k = c.rows("keys", 3, "source"), values = c.rows("values", 2, "source"), v = c.weight("v", {3});
  c.add(additive_attention(q, k, values, v));
  c.graph.outputs["pattern"] = additive_pattern(q, k, v).id;
  c.sizes["keys"] = 6;
  c.differentiate();
  ThreadPool pool(2);
  CaseRun<float> run(c, pool);
  const Results results = run.run();
  const std::vector<double>&pattern = results.at("pattern"), &y = results.at("y0");
  REQUIRE(run.workspace().output_shape("pattern") == std::vector<int64_t>{6, 1, 6});
  size_t row = 0, first = 0;
  for (size_t s = 0; s < queries.size(); first += size_t(keys[s++]))
    for (int64_t i = 0; i < queries[s]; ++i, ++row) {
      double sum = 0, mean[2] = {};
      for (size_t j = 0; j < 6; ++j) {
        const double p = pattern[row * 6 + j];
        sum += p;
        if (int64_t(j) >= keys[s]) CHECK(p == 0);
        else
          for (size_t d = 0; d < 2; ++d) mean[d] += p * c.inputs.at("values").values[(first + j) * 2 + d];
      }
      CHECK(sum == doctest::Approx(1).epsilon(1e-6));
      for (size_t d = 0; d < 2; ++d) CHECK(y[row * 2 + d] == doctest::Approx(mean[d]).epsilon(1e-5));
    }
}
