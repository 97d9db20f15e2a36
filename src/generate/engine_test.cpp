// The same bits however a sequence is fed: cached or not, alone or among neighbours, in pieces or whole, on any number of
// threads, one run after another or two at once.
#include "generate/engine.h"

#include <cstring>
#include <thread>

#include "base/random.h"
#include "generate/encoder.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

using Row = std::vector<float>;
bool same_bits(const Row& a, const Row& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

// Logits after each token, fed one at a time, or `piece` at a time (then only those after each piece are not empty).
std::vector<Row> fed(Engine& engine, std::span<const int32_t> ids, size_t piece = 1) {
  CacheSequence sequence = engine.sequence();
  std::vector<Row> rows(ids.size());
  for (size_t at = 0; at < ids.size();) {
    const size_t count = std::min(piece, ids.size() - at);
    const Feed feed{&sequence, ids.subspan(at, count)};
    const float* logits = engine.forward({&feed, 1});
    at += count;
    rows[at - 1] = Row(logits, logits + engine.vocab_size());
  }
  return rows;
}

// Of the whole sequence without a cache.
std::vector<Row> uncached(Model& model, ThreadPool& pool, const std::vector<int32_t>& ids) {
  Encoder encoder(model, pool, "logits", {.max_rows = 64});
  const TokenSequence sequence{ids, {}};
  const Tensor logits = encoder.run({&sequence, 1})[0];
  std::vector<Row> rows;
  for (int64_t i = 0; i < logits.dim(0); ++i) rows.emplace_back(logits.data<float>() + i * logits.dim(1), logits.data<float>() + (i + 1) * logits.dim(1));
  return rows;
}

// Each with products of f32, of bf16, of blocks and of int8.
std::vector<std::pair<std::string, LoadOptions>> with_products(const std::vector<std::string>& variants) {
  std::vector<std::pair<std::string, LoadOptions>> all;
  for (const std::string& variant : variants)
    for (const LoadOptions& options : {LoadOptions{}, LoadOptions{.products = DType::bf16}, LoadOptions{.blocks = BlockFormat::q8_0}, LoadOptions{.blocks = BlockFormat::q4_0}, LoadOptions{.int8 = true}})
      all.emplace_back(variant, options);
  return all;
}

void expect_same(const std::vector<Row>& ours, const std::vector<Row>& expected) {
  REQUIRE(ours.size() == expected.size());
  for (size_t i = 0; i < ours.size(); ++i)
    if (!ours[i].empty()) CHECK(same_bits(ours[i], expected[i]));
}

}  // namespace

TEST_CASE("cached logits are the uncached ones, bit for bit, in any pieces and on any number of threads") {
  ThreadPool one(1), two(2);
  for (const auto& [variant, options] : with_products(causal_goldens())) {
    CAPTURE(variant);
    CAPTURE(int(options.products));
    CAPTURE(options.blocks.has_value());
    Model model = Model::load(golden(variant), options).value();
    const std::vector<int32_t> ids = inputs_of(golden_file(variant))[2];
    const std::vector<Row> expected = uncached(model, one, ids);
    expect_same(uncached(model, two, ids), expected);
    for (const int64_t block_size : {16, 64}) {
      Engine engine(model, one, {.block_size = block_size}), threaded(model, two, {.block_size = block_size}), narrow(model, two, {.max_rows = 3, .block_size = block_size});
      for (const size_t piece : {size_t(1), size_t(4), ids.size()}) {
        expect_same(fed(engine, ids, piece), expected);
        expect_same(fed(threaded, ids, piece), expected);
        expect_same(fed(narrow, ids, piece), expected);      // a long prompt takes several runs
      }
    }
  }
}

TEST_CASE("keys and values held in 16 or 8 bits are the same cached and uncached") {
  ThreadPool pool(2);
  for (const DType dtype : {DType::bf16, DType::f16, DType::i8}) {
    Model model = Model::load(golden("llama-grouped")).value();
    const std::vector<int32_t> ids = inputs_of(golden_file("llama-grouped"))[2];
    Encoder encoder(model, pool, "logits", {.max_rows = 64, .kv_dtype = dtype});
    const TokenSequence sequence{ids, {}};
    const Tensor logits = encoder.run({&sequence, 1})[0];
    Engine engine(model, pool, {.kv_dtype = dtype});
    const Row last = fed(engine, ids).back();
    CHECK(same_bits(last, Row(logits.data<float>() + (logits.dim(0) - 1) * logits.dim(1), logits.data<float>() + logits.numel())));
    Engine exact(model, pool);
    CHECK_FALSE(same_bits(last, fed(exact, ids).back()));
  }
}

TEST_CASE("a sequence computes the same among any neighbours") {
  ThreadPool pool(2);
  for (const auto& [variant, options] : with_products({"gpt2", "llama-grouped", "llama-bf16", "mixtral", "mixtral-window", "gemma2", "mpt-heads"})) {
    CAPTURE(variant);
    CAPTURE(int(options.products));
    CAPTURE(options.blocks.has_value());
    Model model = Model::load(golden(variant), options).value();
    const std::vector<std::vector<int32_t>> inputs = inputs_of(golden_file(variant));
    Engine alone(model, pool), together(model, pool, {.max_batch = 5, .max_rows = 20, .block_size = 16});
    std::vector<std::vector<Row>> expected;
    for (const auto& ids : inputs) expected.push_back(fed(alone, ids));
    Random random(5);
    for (int round = 0; round < 6; ++round) {
      // Sequences at different places take part or sit out at random, in pieces of random length.
      std::vector<CacheSequence> sequences;
      std::vector<size_t> which, at;
      for (int i = 0; i < 5; ++i) {
        sequences.push_back(together.sequence());
        which.push_back(size_t(random.below(3)));
        at.push_back(0);
      }
      for (bool more = true; more;) {
        std::vector<Feed> feeds;
        std::vector<size_t> members;
        more = false;
        for (size_t i = 0; i < 5; ++i) {
          const std::vector<int32_t>& ids = inputs[which[i]];
          if (at[i] == ids.size()) continue;
          more = true;
          if (random.below(3) == 0) continue;
          const size_t count = std::min<size_t>(1 + size_t(random.below(6)), ids.size() - at[i]);
          feeds.push_back({&sequences[i], std::span(ids).subspan(at[i], count)});
          at[i] += count;
          members.push_back(i);
        }
        if (feeds.empty()) continue;
        const float* logits = together.forward(feeds);
        for (size_t m = 0; m < members.size(); ++m) {
          const size_t i = members[m];
          const float* row = logits + int64_t(m) * together.vocab_size();
          CHECK(same_bits(Row(row, row + together.vocab_size()), expected[which[i]][at[i] - 1]));
        }
      }
    }
  }
}

TEST_CASE("a fork continues as its original does, and a rolled back sequence as if nothing had been") {
  ThreadPool pool(1);
  Model model = Model::load(golden("gpt2")).value();
  const std::vector<int32_t> ids = inputs_of(golden_file("gpt2"))[2];
  Engine engine(model, pool, {.max_batch = 2, .block_size = 16});
  const std::vector<Row> expected = fed(engine, ids);
  CacheSequence a = engine.sequence();
  Feed feed{&a, std::span(ids).first(10)};
  engine.forward({&feed, 1});
  CacheSequence b = engine.cache().fork(a);
  const std::vector<int32_t> other = {ids[0], ids[0], ids[0]};
  const std::vector<Feed> both = {{&a, std::span(ids).subspan(10)}, {&b, other}};
  const float* logits = engine.forward(both);
  CHECK(same_bits(Row(logits, logits + engine.vocab_size()), expected.back()));
  engine.cache().truncate(b, 4);
  feed = {&b, std::span(ids).subspan(4)};
  logits = engine.forward({&feed, 1});
  CHECK(same_bits(Row(logits, logits + engine.vocab_size()), expected.back()));
}

TEST_CASE("two engines at once compute what one after the other does") {
  Model model = Model::load(golden("llama")).value();
  const std::vector<std::vector<int32_t>> inputs = inputs_of(golden_file("llama"));
  ThreadPool pool(1);
  Engine quiet(model, pool);
  const std::vector<Row> expected[2] = {fed(quiet, inputs[1]), fed(quiet, inputs[2])};
  std::vector<Row> made[2];
  std::thread threads[2];
  for (size_t i = 0; i < 2; ++i)
    threads[i] = std::thread([&, i] {
      ThreadPool own(2);
      Engine engine(model, own);
      for (int round = 0; round < 5; ++round) made[i] = fed(engine, inputs[i + 1]);
    });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < 2; ++i) expect_same(made[i], expected[i]);
}

TEST_CASE("an engine refuses what the model does not have, and its sequences stay as they were") {
  ThreadPool pool(1);
  Model model = Model::load(golden("gpt2")).value();
  const int64_t positions = model.config().max_positions, vocab = model.config().vocab_size;
  Engine engine(model, pool, {.max_rows = 4});
  CacheSequence sequence = engine.sequence();
  const auto refused = [&](std::vector<int32_t> ids) -> std::string {
    const Feed feed{&sequence, ids};
    try {
      engine.forward({&feed, 1});
    } catch (const Error& error) {
      CHECK(sequence.length == 0);
      return error.message();
    }
    return "";
  };
  CHECK(refused({1, 2, int32_t(vocab)}).find("token id " + std::to_string(vocab) + " at position 2") != std::string::npos);
  CHECK(refused({-1}).find("token id -1") != std::string::npos);
  const std::string message = refused(std::vector<int32_t>(size_t(positions + 1), 1));
  CHECK(message.find(std::to_string(positions + 1)) != std::string::npos);
  CHECK(message.find(std::to_string(positions)) != std::string::npos);
  CHECK(!refused({}).empty());
  const std::atomic<bool> stop = true;
  const std::vector<int32_t> ids(size_t(positions), 1);
  const Feed feed{&sequence, ids};
  CHECK_THROWS_AS(engine.forward({&feed, 1}, &stop), Error);
  CHECK(sequence.length == 0);
  engine.forward({&feed, 1});
  CHECK(sequence.length == positions);
  const std::vector<Feed> two = {feed, feed};
  CHECK_THROWS_AS(engine.forward(two), Error);
  Model encoder = Model::load(golden("bert")).value();
  CHECK_THROWS_AS(Engine(encoder, pool), Error);
}

TEST_CASE("an encoder computes a sequence alike alone and among others, and refuses what does not fit") {
  ThreadPool pool(2);
  for (const std::string variant : {"bert", "bert-sequence", "bert-token", "gpt2"}) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const SafetensorsFile file = golden_file(variant);
    std::vector<TokenSequence> sequences;
    for (const std::string i : {"0", "1", "2"})
      sequences.push_back({integers(file, i + ".input_ids"), variant == "gpt2" ? std::vector<int32_t>() : integers(file, i + ".token_type_ids")});
    for (const std::string output : {"hidden", "logits", "pooled"}) {
      if (!model.graph().outputs.contains(output)) {
        CHECK_THROWS_AS(Encoder(model, pool, output), Error);
        continue;
      }
      Encoder encoder(model, pool, output, {.max_rows = 20, .max_sequences = 2});      // two runs
      const std::vector<Tensor> together = encoder.run(sequences);
      REQUIRE(together.size() == 3);
      for (size_t i = 0; i < 3; ++i) {
        const Tensor alone = encoder.run({&sequences[i], 1})[0];
        CHECK(alone.shape() == together[i].shape());
        CHECK(alone.dim(0) == (encoder.per_token() ? int64_t(sequences[i].ids.size()) : 1));
        CHECK(std::memcmp(alone.raw(), together[i].raw(), alone.bytes()) == 0);
      }
    }
  }
  Model model = Model::load(golden("bert")).value();
  Encoder encoder(model, pool, "hidden", {.max_rows = 8});
  for (const TokenSequence& wrong : {TokenSequence{{}, {}}, TokenSequence{{1, 2, 100000}, {}}, TokenSequence{{1, 2}, {0}}, TokenSequence{{1}, {7}}, TokenSequence{std::vector<int32_t>(9, 1), {}}})
    CHECK_THROWS_AS(encoder.run({&wrong, 1}), Error);
}

TEST_CASE("an engine and an encoder with sites and an empty table give the bits of those without") {
  ThreadPool pool(2);
  for (const std::string variant : {"gpt2", "llama-grouped"}) {
    CAPTURE(variant);
    Model model = Model::load(golden(variant)).value();
    const std::vector<int32_t> ids = inputs_of(golden_file(variant))[1];
    const std::vector<std::string> sites = {"layers.0.attention", "layers.1.mlp_activation", "layers.1.residual"};
    const std::vector<Row> expected = uncached(model, pool, ids);
    Engine engine(model, pool, {.max_positions = 32, .sites = sites});
    expect_same(fed(engine, ids), expected);
    Encoder encoder(model, pool, "logits", {.max_rows = 64, .sites = sites});
    const TokenSequence sequence{ids, {}};
    const Tensor logits = encoder.run({&sequence, 1})[0];
    CHECK(same_bits(Row(logits.data<float>(), logits.data<float>() + logits.numel()), [&] {
      Row all;
      for (const Row& row : expected) all.insert(all.end(), row.begin(), row.end());
      return all;
    }()));
  }
}

TEST_CASE("interventions change the sequence they name, cached and uncached alike, and no neighbour") {
  ThreadPool pool(2);
  Model model = Model::load(golden("gpt2")).value();
  const std::vector<int32_t> ids = inputs_of(golden_file("gpt2"))[1];
  const std::vector<Intervention> table = {{.site = "layers.0.attention", .sequence = 1, .position_begin = 2, .column_end = model.config().head_dim}};
  Encoder encoder(model, pool, "logits", {.max_rows = 64, .sites = {"layers.0.attention"}, .interventions = table});
  const std::vector<TokenSequence> both = {{ids, {}}, {ids, {}}};
  const std::vector<Tensor> logits = encoder.run(both);
  const auto last = [&](const Tensor& all) {
    const float* end = all.data<float>() + all.numel();
    return Row(end - all.dim(1), end);
  };
  CHECK(same_bits(last(logits[0]), uncached(model, pool, ids).back()));
  CHECK(!same_bits(last(logits[1]), last(logits[0])));

  Engine engine(model, pool, {.max_batch = 2, .max_positions = 32, .sites = {"layers.0.attention"}, .interventions = table});
  CacheSequence plain = engine.sequence(), changed = engine.sequence();
  const std::span<const int32_t> all(ids);
  for (const auto& piece : {all.first(4), all.subspan(4)}) {   // the changed one first: its id counts, not its place
    const std::vector<Feed> feeds = {{&changed, piece, 1}, {&plain, piece, 0}};
    const float* rows = engine.forward(feeds);
    if (piece.data() == ids.data()) continue;
    CHECK(same_bits(Row(rows, rows + engine.vocab_size()), last(logits[1])));
    CHECK(same_bits(Row(rows + engine.vocab_size(), rows + 2 * engine.vocab_size()), last(logits[0])));
  }
}
