// Recurrences over a cache, with a source that an earlier run read.
#include "graph/passes/scan_state.h"

#include <doctest/doctest.h>

#include <cstring>

#include "graph/op.h"
#include "graph/ops/op_cases.h"

using namespace orrery;

namespace {

const std::vector<int64_t> kRows = {3, 1, 4, 2}, kSources = {2, 5, 1, 3};   // of cases::asking_case
constexpr int64_t kWidth = 3;

struct Asking {
  GraphCase c;
  WeightStore weights;
  std::vector<float> expected, x, keys, values;
  std::unique_ptr<PagedCache> source_cache, cache;
  std::unique_ptr<Workspace> decode;
  std::vector<CacheSequence> sources;

  explicit Asking(ThreadPool& pool) {
    cases::asking_case(c, false);
    c.differentiate();
    const Results results = CaseRun<float>(c, pool).run();
    expected.assign(results.at("y0").begin(), results.at("y0").end());
    for (const auto& [name, data] : c.weights) {
      std::vector<int64_t> shape;
      for (Dim d : data.dims) shape.push_back(d.factor);
      Tensor tensor = Tensor::zeros(DType::f32, shape);
      std::copy(data.values.begin(), data.values.end(), tensor.mutable_data<float>());
      weights.add(name, {tensor, Role::trainable, 1, {}});
    }
    const auto floats = [&](const char* name) { return std::vector<float>(c.inputs.at(name).values.begin(), c.inputs.at(name).values.end()); };
    x = floats("x"), keys = floats("keys"), values = floats("values");

    CompileOptions options;
    options.capacity = {{"tokens", 10}, {"tokens.sequences", 4}, {"source", 11}, {"source.sequences", 4}};
    Graph encoding = c.forward, decoding = c.forward;
    std::vector<CacheSlot> kept, carried;
    keep_source_rows(encoding, kept);
    encoding.outputs.clear();
    source_cache = std::make_unique<PagedCache>(kept, CacheOptions{.block_size = 2, .num_blocks = 10});
    Workspace encode(compile(encoding, weights, options, &pool), pool);
    encode.cache(source_cache.get());
    encode.input("keys", keys.data());
    encode.input("values", values.data());
    for (size_t s = 0; s < 4; ++s) sources.push_back(source_cache->sequence());
    for (size_t s = 0; s < 4; ++s) encode.rows("source").append(kSources[s], 0, uint32_t(s + 1), &sources[s]);
    encode.run();

    std::erase_if(decoding.outputs, [](const auto& output) { return output.first != "y0"; });
    carry_state(decoding, carried);
    read_source_rows(decoding, 0);
    cache = std::make_unique<PagedCache>(carried, CacheOptions{.block_size = 2, .num_blocks = 12});
    decode = std::make_unique<Workspace>(compile(decoding, weights, options, &pool), pool);
    decode->cache(cache.get());
  }

  // Feeds some rows of some sequences and holds what comes to the run without a cache, to the bit.
  bool feed(std::vector<CacheSequence>& sequences, const std::vector<std::pair<size_t, int64_t>>& parts) {
    std::vector<float> fed, wanted;
    Rows &tokens = decode->rows("tokens"), &source = decode->rows("source");
    tokens = source = {};
    for (const auto& [s, count] : parts) {
      int64_t begin = sequences[s].length;
      tokens.append(count, begin, uint32_t(s + 1), &sequences[s]);
      tokens.sequences.back().source = &sources[s];
      source.append(kSources[s]);
      for (size_t before = 0; before < s; ++before) begin += kRows[before];
      fed.insert(fed.end(), x.begin() + begin * kWidth, x.begin() + (begin + count) * kWidth);
      wanted.insert(wanted.end(), expected.begin() + begin * kWidth, expected.begin() + (begin + count) * kWidth);
    }
    decode->input("x", fed.data());
    decode->run();
    return std::memcmp(decode->output<float>("y0"), wanted.data(), wanted.size() * sizeof(float)) == 0;
  }
  std::vector<CacheSequence> fresh() {
    std::vector<CacheSequence> sequences;
    for (size_t s = 0; s < 4; ++s) sequences.push_back(cache->sequence());
    return sequences;
  }
};

}  // namespace

TEST_CASE("a recurrence over a cache is the one without, to the bit, in any pieces and company") {
  ThreadPool pool(2);
  Asking run(pool);
  {
    std::vector<CacheSequence> sequences = run.fresh();
    CHECK(run.feed(sequences, {{0, 3}, {1, 1}, {2, 4}, {3, 2}}));
  }
  {
    std::vector<CacheSequence> sequences = run.fresh();
    CHECK(run.feed(sequences, {{2, 2}}));
    CHECK(run.feed(sequences, {{0, 1}, {2, 1}}));
    CHECK(run.feed(sequences, {{3, 2}, {0, 2}, {2, 1}}));
    run.cache->truncate(sequences[2], 1);     // rolled back, it goes on from what it carried then
    CHECK(run.feed(sequences, {{1, 1}, {2, 3}}));
  }
  {
    std::vector<CacheSequence> sequences = run.fresh();
    CHECK(run.feed(sequences, {{2, 3}}));
    CacheSequence fork = run.cache->fork(sequences[2]);
    CHECK(run.feed(sequences, {{2, 1}}));
    std::swap(fork, sequences[2]);
    CHECK(run.feed(sequences, {{2, 1}}));
  }
}

TEST_CASE("a recurrence without its source, or from the end, cannot go on") {
  ThreadPool pool(1);
  Asking run(pool);
  std::vector<CacheSequence> sequences = run.fresh();
  run.decode->rows("tokens").append(1, 0, 1, &sequences[0]);
  run.decode->rows("source").append(2);
  run.decode->input("x", run.x.data());
  CHECK_THROWS_AS(run.decode->run(), Error);
  GraphCase backwards;
  cases::asking_case(backwards, true);
  std::vector<CacheSlot> slots;
  CHECK_THROWS_AS(carry_state(backwards.graph, slots), Error);
}
