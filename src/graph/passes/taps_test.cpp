#include "graph/passes/taps.h"

#include <doctest/doctest.h>

#include <cmath>

#include "graph/op.h"
#include "graph/ops/op_cases.h"
#include "graph/tiny_decoder.h"

using namespace orrery;

namespace {

constexpr int64_t kHeads = TinyDecoder::kHeads, kWidth = TinyDecoder::kWidth;
using Part = DecoderRun::Part;

const std::vector<Part> kBatch = {{TinyDecoder::text(5, 1), nullptr, 4}, {TinyDecoder::text(9, 2), nullptr, 6}};

Graph with_sites(const TinyDecoder& decoder, const std::vector<std::string>& sites, const std::vector<std::string>& taps = {}) {
  Graph graph = decoder.graph;
  add_sites(graph, sites);
  add_taps(graph, taps);
  return graph;
}

std::string hint_for(const TinyDecoder& decoder, const std::string& name) {
  Graph graph = decoder.graph;
  try {
    add_taps(graph, {name});
  } catch (const Error& error) {
    return error.what + "; " + error.hint;
  }
  return "";
}

// Which rows and columns of two matrices [rows, kWidth] differ, as "row:column,column row:…".
std::string changed(const std::vector<float>& a, const std::vector<float>& b, int64_t width = kWidth) {
  std::string text;
  for (int64_t r = 0; r < int64_t(a.size()) / width; ++r) {
    std::string columns;
    for (int64_t c = 0; c < width; ++c)
      if (a[size_t(r * width + c)] != b[size_t(r * width + c)]) columns += (columns.empty() ? "" : ",") + std::to_string(c);
    if (!columns.empty()) text += (text.empty() ? "" : " ") + std::to_string(r) + ":" + columns;
  }
  return text;
}

struct Patched {
  std::vector<std::vector<float>> logits;
  std::vector<float> site, residual;      // layers.0.attention as it flows on, and the residual after it
};

Patched patched(TinyDecoder& decoder, ThreadPool& pool, const std::vector<Intervention>& table) {
  DecoderRun run(decoder, with_sites(decoder, {"layers.0.attention"}, {"layers.0.attention", "layers.0.residual"}), pool);
  Patched result;
  result.logits = run.run(kBatch, {.interventions = &table});
  result.site = run.output("tap:layers.0.attention");
  result.residual = run.output("tap:layers.0.residual");
  return result;
}

}  // namespace

TEST_CASE("all named values can be tapped, patterns and scores of attentions too") {
  TinyDecoder decoder;
  const std::vector<std::string> names = tap_names(decoder.graph);
  for (const char* name : {"embedding", "layers.0.q", "layers.1.k", "layers.0.attention", "layers.0.pattern", "layers.1.scores", "layers.1.attention_entropy", "layers.0.attention_sink_mass", "layers.0.attention_max_score", "layers.1.residual"})
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  CHECK(std::is_sorted(names.begin(), names.end()));
}

TEST_CASE("tapping disturbs nothing") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun plain(decoder, decoder.graph, pool), tapped(decoder, with_sites(decoder, {}, tap_names(decoder.graph)), pool);
  const auto expected = plain.run(kBatch), got = tapped.run(kBatch);
  for (size_t s = 0; s < kBatch.size(); ++s) CHECK(bits_equal(got[s], expected[s]));
}

TEST_CASE("patterns are softmax of scores and add up to one") {
  ThreadPool pool(2);
  for (int64_t window : {0, 3}) {
    TinyDecoder decoder(window);
    DecoderRun run(decoder, with_sites(decoder, {}, {"layers.1.pattern", "layers.1.scores"}), pool);
    run.run(kBatch);
    const auto pattern = run.output("tap:layers.1.pattern"), scores = run.output("tap:layers.1.scores");
    const int64_t keys = 9;
    REQUIRE(run.workspace->output_shape("tap:layers.1.pattern") == std::vector<int64_t>{14, kHeads, keys});
    for (int64_t row = 0; row < 14; ++row)
      for (int64_t head = 0; head < kHeads; ++head) {
        const int64_t position = row < 5 ? row : row - 5, at = (row * kHeads + head) * keys;
        double sum = 0, normaliser = 0;
        for (int64_t j = 0; j < keys; ++j) {
          sum += double(pattern[size_t(at + j)]);
          normaliser += std::exp(double(scores[size_t(at + j)]));
          const bool seen = j <= position && (window == 0 || j > position - window);
          CHECK(std::isinf(scores[size_t(at + j)]) == !seen);
          CHECK((pattern[size_t(at + j)] > 0) == seen);
        }
        CHECK(sum == doctest::Approx(1).epsilon(1e-5));
        for (int64_t j = 0; j < keys; ++j)
          CHECK(double(pattern[size_t(at + j)]) == doctest::Approx(std::exp(double(scores[size_t(at + j)])) / normaliser).epsilon(1e-5));
      }
  }
}

TEST_CASE("statistics of rows are those of their patterns and scores, with a cache too") {
  ThreadPool pool(2);
  for (const bool special : {false, true}) {
    TinyDecoder decoder(special ? 4 : 0, special);
    const std::vector<int32_t> ids = TinyDecoder::text(20, 3);
    const std::vector<std::string> taps = {"layers.1.attention_max_score", "layers.1.attention_entropy", "layers.1.pattern", "layers.1.scores", "layers.1.attention_sink_mass"};
    DecoderRun run(decoder, with_sites(decoder, {"layers.1.attention"}, taps), pool);
    run.run(ids);
    const auto pattern = run.output("tap:layers.1.pattern"), scores = run.output("tap:layers.1.scores"), entropy = run.output("tap:layers.1.attention_entropy"),
               mass = run.output("tap:layers.1.attention_sink_mass"), largest = run.output("tap:layers.1.attention_max_score");
    REQUIRE(entropy.size() == size_t(20 * kHeads));
    for (size_t row = 0; row < entropy.size(); ++row) {
      double sum = 0, expected = 0;
      float most = -std::numeric_limits<float>::infinity();
      for (size_t j = 0; j < 20; ++j) {
        const double p = double(pattern[row * 20 + j]);
        sum += p;
        expected -= p > 0 ? p * std::log(p) : 0;
        most = std::max(most, scores[row * 20 + j]);
      }
      if (special) expected -= (1 - sum) * std::log(1 - sum);   // what is left is the sink's
      CHECK(double(entropy[row]) == doctest::Approx(expected).epsilon(1e-4));
      CHECK(double(mass[row]) == doctest::Approx(special ? 1 - sum : double(pattern[row * 20])).epsilon(1e-4));
      CHECK(double(largest[row]) == doctest::Approx(double(most)).epsilon(1e-5));
    }
    Graph graph = decoder.graph;
    const auto slots = add_state(graph, DType::f32);
    add_taps(graph, taps);
    DecoderRun cached(decoder, graph, pool, slots, {.block_size = 16, .num_blocks = 8});
    CacheSequence sequence = cached.cache->sequence();
    cached.run({ids.begin(), ids.begin() + 19}, &sequence);
    cached.run({ids[19]}, &sequence);
    CHECK(bits_equal(cached.output("tap:layers.1.attention_entropy"), {entropy.end() - kHeads, entropy.end()}));
    CHECK(bits_equal(cached.output("tap:layers.1.attention_sink_mass"), {mass.end() - kHeads, mass.end()}));
    CHECK(bits_equal(cached.output("tap:layers.1.attention_max_score"), {largest.end() - kHeads, largest.end()}));
  }
}

TEST_CASE("the pattern mixes the values into what attention gave") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun run(decoder, with_sites(decoder, {}, {"layers.1.pattern", "layers.1.v", "layers.1.attention"}), pool);
  run.run(kBatch);
  const auto pattern = run.output("tap:layers.1.pattern"), v = run.output("tap:layers.1.v"), mixed = run.output("tap:layers.1.attention");
  for (int64_t row = 0; row < 14; ++row)
    for (int64_t head = 0; head < kHeads; ++head)
      for (int64_t d = 0; d < 4; ++d) {
        double sum = 0;
        const int64_t first = row < 5 ? 0 : 5;
        for (int64_t j = 0; j <= row - first; ++j) sum += double(pattern[size_t((row * kHeads + head) * 9 + j)]) * double(v[size_t((first + j) * 4 + d)]);
        CHECK(double(mixed[size_t(row * kWidth + head * 4 + d)]) == doctest::Approx(sum).epsilon(1e-5));
      }
}

TEST_CASE("taps of a run with a cache are those of a run without") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  const std::vector<int32_t> ids = TinyDecoder::text(20, 3);
  DecoderRun plain(decoder, with_sites(decoder, {}, {"layers.1.pattern", "layers.1.residual"}), pool);
  plain.run(ids);
  const auto pattern = plain.output("tap:layers.1.pattern"), residual = plain.output("tap:layers.1.residual");

  Graph graph = decoder.graph;
  const auto slots = add_state(graph, DType::f32);
  add_taps(graph, {"layers.1.pattern", "layers.1.residual"});
  DecoderRun cached(decoder, graph, pool, slots, {.block_size = 16, .num_blocks = 8});
  CacheSequence sequence = cached.cache->sequence();
  cached.run({ids.begin(), ids.begin() + 19}, &sequence);
  cached.run({ids[19]}, &sequence);
  CHECK(bits_equal(cached.output("tap:layers.1.pattern"), {pattern.end() - kHeads * 20, pattern.end()}));
  CHECK(bits_equal(cached.output("tap:layers.1.residual"), {residual.end() - kWidth, residual.end()}));
}

TEST_CASE("an unknown name is told with the nearest ones") {
  TinyDecoder decoder;
  CHECK(hint_for(decoder, "layers.1.patern").find("no value named 'layers.1.patern'; did you mean layers.1.pattern") != std::string::npos);
  CHECK(hint_for(decoder, "layer.0.residual").find("layers.0.residual") != std::string::npos);
  CHECK(hint_for(decoder, "layers.7.pattern").find("layers.1.pattern") != std::string::npos);
  Graph graph = decoder.graph;
  CHECK_THROWS_AS(add_sites(graph, {"nothing"}), Error);
  CHECK_THROWS_AS(add_sites(graph, {"wte"}), Error);       // a weight
}

TEST_CASE("an empty table of interventions changes no bit") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun plain(decoder, decoder.graph, pool);
  const auto expected = plain.run(kBatch);
  DecoderRun sites(decoder, with_sites(decoder, {"embedding", "layers.0.q", "layers.0.attention", "layers.1.residual"}), pool);
  const std::vector<Intervention> none, elsewhere = {{.site = "layers.1.attention"}};
  for (const std::vector<Intervention>* table : {static_cast<const std::vector<Intervention>*>(nullptr), &none, &elsewhere}) {
    const auto got = sites.run(kBatch, {.interventions = table});
    for (size_t s = 0; s < kBatch.size(); ++s) CHECK(bits_equal(got[s], expected[s]));
  }
}

TEST_CASE("an intervention changes its sequence, positions and columns, and nothing else") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  const Patched plain = patched(decoder, pool, {});
  const auto check = [&](const Intervention& entry, const char* where, auto expected) {
    const Patched now = patched(decoder, pool, {entry});
    CHECK(changed(now.site, plain.site) == where);
    for (size_t i = 0; i < now.site.size(); ++i)
      if (now.site[i] != plain.site[i]) CHECK(now.site[i] == expected(plain.site[i], int64_t(i) / kWidth, int64_t(i) % kWidth));
    return now;
  };
  Intervention entry{.site = "layers.0.attention", .sequence = 6, .position_begin = 2, .position_end = 4, .column_begin = 4, .column_end = 6};
  // Rows 5… are the second sequence's, whose id is 6.
  const Patched zeroed = check(entry, "7:4,5 8:4,5", [](float, int64_t, int64_t) { return 0.0f; });
  CHECK(bits_equal(zeroed.logits[0], plain.logits[0]));
  CHECK(!bits_equal(zeroed.logits[1], plain.logits[1]));
  CHECK(changed(zeroed.residual, plain.residual).starts_with("7:"));            // what follows reads the changed value

  entry.action = Action::scale, entry.factor = 3;
  check(entry, "7:4,5 8:4,5", [](float x, int64_t, int64_t) { return 3 * x; });

  entry.action = Action::add, entry.factor = 2, entry.values = Tensor::from(std::vector<float>{10, 20}, {2});
  check(entry, "7:4,5 8:4,5", [](float x, int64_t, int64_t c) { return x + 2 * (c == 4 ? 10.0f : 20.0f); });

  entry.action = Action::replace, entry.values = Tensor::from(std::vector<float>{1, 2, 3, 4}, {2, 2});   // a row for each position
  check(entry, "7:4,5 8:4,5", [](float, int64_t r, int64_t c) { return float(2 * (r - 7) + (c - 4) + 1); });

  // Every sequence, from a position on; the columns of one head.
  entry = {.site = "layers.0.attention", .position_begin = 4, .column_begin = 6};
  check(entry, "4:6,7 9:6,7 10:6,7 11:6,7 12:6,7 13:6,7", [](float, int64_t, int64_t) { return 0.0f; });

  entry.action = Action::replace, entry.values = Tensor::from(std::vector<float>{1}, {1});   // too few
  CHECK_THROWS_AS(patched(decoder, pool, {entry}), Error);
}

TEST_CASE("interventions act at absolute positions when a cache holds the earlier tokens") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  const std::vector<int32_t> ids = TinyDecoder::text(12, 3);
  const std::vector<Intervention> table = {{.site = "layers.0.residual", .position_begin = 5, .position_end = 7, .column_end = 3}};
  DecoderRun plain(decoder, with_sites(decoder, {"layers.0.residual"}), pool);
  const auto expected = plain.run({{ids, nullptr, 0}}, {.interventions = &table})[0];
  Graph graph = with_sites(decoder, {"layers.0.residual"});
  const auto slots = add_state(graph, DType::f32);
  DecoderRun cached(decoder, graph, pool, slots, {.block_size = 16, .num_blocks = 8});
  CacheSequence sequence = cached.cache->sequence();
  std::vector<float> got;
  for (int64_t begin : {0, 6}) {
    const auto rows = cached.run({{{ids.begin() + begin, ids.begin() + begin + 6}, &sequence, 0}}, {.interventions = &table})[0];
    got.insert(got.end(), rows.begin(), rows.end());
  }
  CHECK(bits_equal(got, expected));
}

namespace {

// Four sequences of 3, 1, 4 and 2 rows whose state asks memories of 2, 5, 1 and 3.
struct AskingCase {
  GraphCase c;
  AskingCase(const std::vector<std::string>& sites, const std::vector<std::string>& taps) {
    cases::asking_case(c, false);
    c.sizes["keys"] = 5;
    c.differentiate();
    c.graph = c.forward;
    add_sites(c.graph, sites);
    add_taps(c.graph, taps);
  }
};

}  // namespace

TEST_CASE("values and patterns inside a scan are tapped, and disturb nothing") {
  ThreadPool pool(2);
  AskingCase plain({}, {}), tapped({}, {"layers.0.pattern", "layers.0.state", "layers.0.attention"});
  const std::vector<std::string> names = tap_names(plain.c.graph);
  for (const char* name : {"layers.0.attention", "layers.0.pattern", "layers.0.state"}) CHECK(std::count(names.begin(), names.end(), name) == 1);
  REQUIRE(graphs_within(plain.c.graph).size() == 2);
  CHECK(graphs_within(plain.c.graph)[1].second == "tokens");
  Results got = CaseRun<float>(tapped.c, pool).run();
  const std::vector<double> pattern = got.at("tap:layers.0.pattern"), state = got.at("tap:layers.0.state"), found = got.at("tap:layers.0.attention");
  for (const char* name : {"layers.0.pattern", "layers.0.state", "layers.0.attention"}) got.erase(std::string("tap:") + name);
  CHECK(bits_apart(got, CaseRun<float>(plain.c, pool).run()) == "");
  CHECK(state == got.at("y0"));
  size_t row = 0, first = 0;
  const std::vector<size_t> rows = {3, 1, 4, 2}, keys = {2, 5, 1, 3};
  for (size_t s = 0; s < 4; first += keys[s++])
    for (size_t i = 0; i < rows[s]; ++i, ++row)
      for (size_t d = 0; d < 4; ++d) {
        double mean = 0;
        for (size_t j = 0; j < 5; ++j) mean += j < keys[s] ? pattern[row * 5 + j] * plain.c.inputs.at("values").values[(first + j) * 4 + d] : pattern[row * 5 + j];
        CHECK(found[row * 4 + d] == doctest::Approx(mean).epsilon(1e-5));
      }
}

TEST_CASE("what is changed inside a scan changes what comes after in its sequence, and nothing else") {
  ThreadPool pool(2);
  AskingCase plain({}, {"layers.0.state"}), sited({"layers.0.attention"}, {"layers.0.state"});
  const Results expected = CaseRun<float>(plain.c, pool).run();
  CaseRun<float> run(sited.c, pool);
  CHECK(bits_apart(run.run(), expected) == "");
  // Sequence 3 of the case has the id 3, rows 4 to 7; from its position 2 on.
  const std::vector<Intervention> table = {{.site = "layers.0.attention", .sequence = 3, .position_begin = 2}};
  run.workspace().run({.seed = 11, .interventions = &table});
  const float* state = run.workspace().output<float>("tap:layers.0.state");
  for (size_t row = 0; row < 10; ++row) {
    bool same = true;
    for (size_t d = 0; d < 3; ++d) same = same && double(state[row * 3 + d]) == expected.at("tap:layers.0.state")[row * 3 + d];
    CHECK(same == (row < 6 || row > 7));
  }
}
