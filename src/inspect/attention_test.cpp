// Attention views, on the goldens of tests/goldens.
#include "inspect/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/base64.h"
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

// All goldens that are models of a family there is.
std::vector<std::string> golden_models() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("tests/goldens")) {
    const auto config = entry.path() / "config.json";
    if (!std::filesystem::exists(config)) continue;
    const Json json = parse_json(read_file(config).value(), config.string()).value();
    if (find_family(json.value("model_type", ""))) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// A text of these ids; an encoder-decoder's source, with a target that is shorter.
AttentionText text_of(const Model& model, std::vector<int32_t> ids) {
  if (!model.config().encoder_decoder) return {encoding_of(std::move(ids))};
  const std::vector<int32_t> target(ids.begin() + 1, ids.end());
  return text_with_target(model, encoding_of(std::move(ids)), target);
}

const AttentionStack& named(const AttentionView& view, const std::string& name) {
  const auto found = std::find_if(view.stacks.begin(), view.stacks.end(), [&](const AttentionStack& stack) { return stack.name == name; });
  REQUIRE(found != view.stacks.end());
  return *found;
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
    std::vector<int32_t> ids(kIds.begin(), kIds.begin() + std::min<int64_t>(int64_t(kIds.size()), model.config().max_positions));
    for (int32_t& id : ids) id %= int32_t(model.config().vocab_size);
    const Graph graph = model.graph();
    const std::string output = graph.outputs.contains("logits") ? "logits" : "hidden";
    std::vector<std::string> taps;
    for (const std::string& tap : tap_names(graph))
      if (tap.ends_with("pattern")) taps.push_back(tap);
    REQUIRE(!taps.empty());
    // A tap of the hidden state stands in for logits that the model does not have.
    const std::string hidden = graph.values[size_t(graph.outputs.at("hidden"))].name;
    if (output == "hidden") taps.push_back(hidden);
    const AttentionText text = text_of(model, ids);
    const TokenSequence sequence{.ids = text.tokens.ids, .source = text.source.ids};
    const Probed seen = Probe(model, pool, {.taps = taps, .all_logits = true, .max_rows = 16, .max_sequences = 1}).run(sequence);
    const Tensor plain = Encoder(model, pool, output, {.max_rows = 16, .max_sequences = 1}).run(std::span(&sequence, 1))[0];
    CHECK(same_bits(seen.at(output == "hidden" ? hidden : output), plain));
    const AttentionView view = look_at_attention(model, pool, text);
    CHECK(view.inspected_difference.has_value() == (output == "logits"));
    CHECK(view.inspected_difference.value_or(0) == 0);
  }
}

TEST_CASE("a view holds the weights of every head: rows that add up to 1, and no look ahead where the model is causal") {
  ThreadPool pool(2);
  for (const std::string& name : golden_models()) {
    CAPTURE(name);
    Model model = golden(name);
    const AttentionView view = look_at_attention(model, pool, text_of(model, {5, 17, 3, 8}));
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
    const Config& config = model.config();
    if (config.encoder_decoder) {
      const AttentionStack& cross = named(view, "cross_pattern");
      CHECK((cross.queries == "tokens" && cross.keys == "source" && cross.query_count == 3 && cross.key_count == 4 && !cross.causal));
      CHECK((cross.layers == config.num_layers && cross.heads == config.num_heads));
      for (const AttentionStack& stack : view.stacks) {
        if (stack.name == "pattern") CHECK((stack.causal && stack.query_count == 3));
        if (stack.name == "encoder_pattern") CHECK((!stack.causal && stack.queries == "source" && stack.query_count == 4 && stack.layers == config.num_encoder_layers));
      }
      continue;
    }
    CHECK(view.stacks[0].causal == model.family().causal);
    CHECK(view.stacks[0].layers == config.num_layers);
    CHECK(view.stacks[0].heads == config.num_heads);
  }
}

TEST_CASE("a view is the tap of each layer, with heads in front") {
  ThreadPool pool(2);
  Model model = golden("llama-grouped");
  const AttentionView view = look_at_attention(model, pool, {encoding_of(kIds)});
  const Probed seen = Probe(model, pool, {.taps = {"layers.1.pattern"}, .max_rows = 16, .max_sequences = 1}).run({.ids = kIds});
  const Tensor& tap = seen.at("layers.1.pattern");
  const AttentionStack& stack = view.stacks[0];
  REQUIRE(tap.shape() == std::vector<int64_t>{stack.query_count, stack.heads, stack.key_count});
  for (int64_t head = 0; head < stack.heads; ++head)
    for (int64_t query = 0; query < stack.query_count; ++query)
      for (int64_t key = 0; key < stack.key_count; ++key) CHECK(stack.weight(1, head, query, key) == tap.data<float>()[(query * stack.heads + head) * stack.key_count + key]);
}

TEST_CASE("without a target an encoder-decoder's decoder reads what it writes of itself") {
  ThreadPool pool(2);
  for (const char* name : {"t5", "pegasus"}) {
    CAPTURE(name);
    Model model = golden(name);
    GenerationConfig config;
    config.max_new_tokens = 5;
    const AttentionText text = text_with_answer(model, pool, encoding_of(kIds), config);
    REQUIRE(text.written.size() == 5);
    CHECK(text.tokens.ids[0] == decoder_start(model));
    CHECK(std::equal(text.tokens.ids.begin() + 1, text.tokens.ids.end(), text.written.begin(), text.written.end() - 1));
    const AttentionView view = look_at_attention(model, pool, text);
    CHECK(view.stacks.size() == 3);
    CHECK(named(view, "cross_pattern").query_count == 5);
    CHECK(named(view, "cross_pattern").key_count == int64_t(kIds.size()));
    // Each token it wrote is the likeliest after those before it.
    const TokenSequence sequence{.ids = text.tokens.ids, .source = text.source.ids};
    const Tensor logits = Encoder(model, pool, "logits", {.max_rows = 16, .max_sequences = 1}).run(std::span(&sequence, 1))[0];
    for (int64_t row = 0; row < 5; ++row) {
      const std::span<const float> one = logits.values<float>().subspan(size_t(row * logits.dim(1)), size_t(logits.dim(1)));
      CHECK(std::max_element(one.begin(), one.end()) - one.begin() == text.written[size_t(row)]);
    }
  }
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

TEST_CASE("a page rounds the weights of long texts, says how, and refuses what nobody could open") {
  const Model model = golden("gpt2");
  const auto page_of = [&](int64_t tokens) {
    std::vector<float> weights(size_t(tokens * tokens));
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = float(double(i % 1000) / 999);
    AttentionView view{.text = {encoding_of(std::vector<int32_t>(size_t(tokens), 1))}, .stacks = {stack_of(tokens, std::move(weights), false)}, .inspected_difference = 0};
    view.stacks[0].summary = {{}};
    const std::string html = attention_page(view, model, nullptr, "m", "c"), begin = "id=\"data\">";
    const size_t from = html.find(begin) + begin.size();
    return parse_json(html.substr(from, html.find("</script>", from) - from), "page").value()["data"];
  };
  struct Tier {
    int64_t tokens;
    size_t width;
    double most, off;
  };
  for (const Tier& tier : {Tier{40, 4, 1, 0}, Tier{1100, 2, 65535, 1.6e-5}, Tier{2100, 1, 255, 4e-3}}) {
    const Json data = page_of(tier.tokens);
    CHECK(data["weight_bytes"] == tier.width);
    const std::string bytes = decode_base64(data["stacks"][0]["weights"].get<std::string>()).value();
    REQUIRE(bytes.size() == size_t(tier.tokens * tier.tokens) * tier.width);
    double worst = 0;
    for (size_t i = 0; i < 3000 && i < bytes.size() / tier.width; ++i) {
      uint32_t raw = 0;
      std::memcpy(&raw, bytes.data() + i * tier.width, tier.width);
      float exact = 0;
      std::memcpy(&exact, &raw, sizeof exact);
      worst = std::max(worst, std::fabs((tier.width == 4 ? double(exact) : std::pow(raw / tier.most, 2)) - double(float(double(i % 1000) / 999))));
    }
    CHECK(worst <= tier.off);
  }
  AttentionView huge{.text = {encoding_of({1})}, .stacks = {stack_of(20, {}, false)}, .inspected_difference = {}};
  huge.stacks[0].layers = huge.stacks[0].heads = 1000;
  CHECK_THROWS_AS(attention_page(huge, model, nullptr, "m", "c"), Error);
}
