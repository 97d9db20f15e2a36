// Attention views, on the goldens of tests/goldens.
#include "inspect/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "models/family.h"

using namespace orrery;

namespace {

Model golden(const std::string& name) { return Model::load(std::filesystem::path("tests/goldens") / name).value(); }

Encoding encoding_of(std::vector<int32_t> ids) {
  Encoding encoding;
  encoding.ids = std::move(ids);
  return encoding;
}

const std::vector<int32_t> kIds = {5, 17, 3, 8, 61, 17, 40, 22, 9};

// All goldens that are models of a family there is, and read one text.
std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("tests/goldens")) {
    const auto config = entry.path() / "config.json";
    if (!std::filesystem::exists(config)) continue;
    const Json json = parse_json(read_file(config).value(), config.string()).value();
    if (find_family(json.value("model_type", "")) && !json.value("is_encoder_decoder", false)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A pattern of one head that is given.
AttentionStack stack_of(int64_t tokens, std::vector<float> weights, bool causal) {
  return {.name = "pattern", .queries = "tokens", .keys = "tokens", .causal = causal, .layers = 1, .heads = 1, .query_count = tokens, .key_count = tokens, .pattern = std::move(weights), .summary = {}};
}

bool same_bits(const Tensor& a, const Tensor& b) { return a.shape() == b.shape() && std::equal(a.raw(), a.raw() + a.bytes(), b.raw()); }

}  // namespace

TEST_CASE("looking at the patterns leaves the logits of every family as they are, to the bit") {
  const std::vector<std::string> models = golden_models();
  REQUIRE(models.size() >= 20);
  ThreadPool pool(2);
  for (const std::string& name : models) {
    CAPTURE(name);
    Model model = golden(name);
    const std::vector<int32_t> ids(kIds.begin(), kIds.begin() + std::min<int64_t>(int64_t(kIds.size()), model.config().max_positions));
    const Graph graph = model.graph();
    const std::string output = graph.outputs.contains("logits") ? "logits" : "hidden";
    std::vector<std::string> taps;
    for (const std::string& tap : tap_names(graph))
      if (tap.ends_with("pattern")) taps.push_back(tap);
    REQUIRE(!taps.empty());
    // A tap of the hidden state stands in for logits that the model does not have.
    const std::string hidden = graph.values[size_t(graph.outputs.at("hidden"))].name;
    if (output == "hidden") taps.push_back(hidden);
    const TokenSequence sequence{.ids = ids};
    const Probed seen = Probe(model, pool, {.taps = taps, .all_logits = true, .max_rows = 16, .max_sequences = 1}).run(sequence);
    const Tensor plain = Encoder(model, pool, output, {.max_rows = 16, .max_sequences = 1}).run(std::span(&sequence, 1))[0];
    CHECK(same_bits(seen.at(output == "hidden" ? hidden : output), plain));
    const AttentionView view = look_at_attention(model, pool, encoding_of(ids));
    CHECK(view.inspected_difference.has_value() == (output == "logits"));
    CHECK(view.inspected_difference.value_or(0) == 0);
  }
}

TEST_CASE("a view holds the weights of every head: rows that add up to 1, and no look ahead where the model is causal") {
  ThreadPool pool(2);
  for (const std::string& name : golden_models()) {
    CAPTURE(name);
    Model model = golden(name);
    const AttentionView view = look_at_attention(model, pool, encoding_of({5, 17, 3, 8}));
    REQUIRE(!view.stacks.empty());
    for (const AttentionStack& stack : view.stacks) {
      CHECK(stack.summary.size() == size_t(stack.layers * stack.heads));
      CHECK(stack.pattern.size() == size_t(stack.layers * stack.heads * stack.query_count * stack.key_count));
      for (size_t row = 0; row < stack.pattern.size(); row += size_t(stack.key_count)) {
        double sum = 0;
        for (int64_t key = 0; key < stack.key_count; ++key) sum += double(stack.pattern[row + size_t(key)]);
        CHECK(sum == doctest::Approx(1).epsilon(1e-5));
      }
    }
    if (model.family().causal) CHECK(view.stacks[0].causal);
    CHECK(view.stacks[0].layers == model.config().num_layers);
    CHECK(view.stacks[0].heads == model.config().num_heads);
  }
}

TEST_CASE("a view is the tap of each layer, with heads in front") {
  ThreadPool pool(2);
  Model model = golden("llama-grouped");
  const AttentionView view = look_at_attention(model, pool, encoding_of(kIds));
  const Probed seen = Probe(model, pool, {.taps = {"layers.1.pattern"}, .max_rows = 16, .max_sequences = 1}).run({.ids = kIds});
  const Tensor& tap = seen.at("layers.1.pattern");
  const AttentionStack& stack = view.stacks[0];
  REQUIRE(tap.shape() == std::vector<int64_t>{stack.query_count, stack.heads, stack.key_count});
  for (int64_t head = 0; head < stack.heads; ++head)
    for (int64_t query = 0; query < stack.query_count; ++query)
      for (int64_t key = 0; key < stack.key_count; ++key) CHECK(stack.weight(1, head, query, key) == tap.data<float>()[(query * stack.heads + head) * stack.key_count + key]);
}

TEST_CASE("the summary of a uniform causal head is what the formulas give") {
  AttentionStack uniform = stack_of(4, {1, 0, 0, 0, 0.5f, 0.5f, 0, 0, 1 / 3.0f, 1 / 3.0f, 1 / 3.0f, 0, 0.25f, 0.25f, 0.25f, 0.25f}, true);
  const HeadSummary made = summary_of(uniform, 0, 0);
  CHECK(made.entropy == doctest::Approx(0.7945134576));
  CHECK(made.entropy_share == doctest::Approx(1));
  CHECK(made.distance == doctest::Approx(0.75));
  CHECK(made.first == doctest::Approx((1 + 0.5 + 1 / 3.0 + 0.25) / 4));
  CHECK(made.query == 2);
  CHECK(made.key == 1);
  CHECK(made.weight == doctest::Approx(1 / 3.0));
}

TEST_CASE("a head that looks at one token has no entropy, and its pair is told") {
  AttentionStack stack = stack_of(3, {1, 0, 0, 1, 0, 0, 0, 1, 0}, true);
  const HeadSummary made = summary_of(stack, 0, 0);
  CHECK(made.entropy == 0);
  CHECK(made.entropy_share == 0);
  CHECK(made.query == 2);
  CHECK(made.key == 1);
  CHECK(made.weight == 1);
  CHECK(summary_of(stack_of(1, {1}, true), 0, 0).weight == 1);
  CHECK(summary_of(stack_of(2, {1, 0, 0.25f, 0.75f}, true), 0, 0).key == 1);   // itself, where there is no other
}
