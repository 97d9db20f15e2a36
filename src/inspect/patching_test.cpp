#include "inspect/patching.h"

#include <doctest/doctest.h>

#include "inspect/interventions.h"
#include "inspect/probe.h"

using namespace orrery;

namespace {

Model golden(const std::string& name) { return Model::load(std::filesystem::path("tests/goldens") / name).value(); }

const std::vector<int32_t> kClean = {5, 17, 3, 8, 61, 22, 9}, kCorrupt = {5, 17, 44, 8, 61, 71, 9};

}  // namespace

TEST_CASE("a sweep equals single runs, to the bit, however it is batched") {
  ThreadPool pool(2);
  for (const char* name : {"gpt2", "llama-grouped", "t5", "pegasus"})
    for (const bool noising : {false, true})
      for (const auto& [site, words] : {std::pair<std::string, std::string>{"residual", "layers.L.residual"}, {"attention", "layers.L.attention_out"}, {"mlp", "layers.L.mlp"}, {"heads", "layers.L.heads.H"}}) {
        CAPTURE(name);
        CAPTURE(site);
        Model model = golden(name);
        const Graph graph = model.graph();
        const bool both = model.config().encoder_decoder;
        const std::optional<int32_t> answer = both ? std::optional(7) : std::nullopt, wrong = both ? std::optional(9) : std::nullopt;   // their random ones begin with the same word
        const PatchSweep sweep = sweep_patches(model, pool, kClean, kCorrupt, {.site = site, .noising = noising, .answer = answer, .wrong = wrong, .max_rows = 30});
        const PatchSweep other = sweep_patches(model, pool, kClean, kCorrupt, {.site = site, .noising = noising, .answer = answer, .wrong = wrong, .max_rows = 1});
        CHECK(sweep.difference == other.difference);
        CHECK(sweep.layers == (both ? model.config().num_encoder_layers : model.config().num_layers));
        CHECK(sweep.heads == (site == "heads" ? 4 : 1));
        const std::vector<int32_t>&base = noising ? kClean : kCorrupt, &source = noising ? kCorrupt : kClean;
        int changed = 0;
        for (int64_t layer = 0; layer < sweep.layers; ++layer)
          for (int64_t head = 0; head < sweep.heads; ++head)
            for (int64_t position = 0; position < sweep.positions; ++position) {
              std::string place = (both ? "encoder." : "") + words;
              place.replace(place.find('L'), 1, std::to_string(layer));
              if (const size_t h = place.find('H'); h != std::string::npos) place.replace(h, 1, std::to_string(head));
              const Site one = sites_named(graph, place + "@" + std::to_string(position))[0];
              Interventions changes;
              changes.patch(one, Probe(model, pool, {.taps = {one.value}}).run(text_for(model, source)).at(one.value));
              const int64_t length = both ? 1 : sweep.positions, read = sweep.positions;
              const Tensor logits = Probe(model, pool, {.sites = changes.sites()}).run(text_for(model, base), changes.table(std::span(&length, 1), std::span(&read, 1))).at("logits");
              const double expected = double(logits.data<float>()[sweep.answer]) - double(logits.data<float>()[sweep.wrong]);
              CHECK(sweep.difference[sweep.at(layer, head, position)] == expected);
              changed += expected != (noising ? sweep.clean : sweep.corrupt);
            }
        CHECK(changed > 0);
      }
}

TEST_CASE("of a recurrence the states are patched, in both directions of reading") {
  ThreadPool pool(1);
  Model model = golden("bahdanau");
  const PatchSweep sweep = sweep_patches(model, pool, kClean, kCorrupt, {.answer = 7, .wrong = 9, .max_rows = 30});
  CHECK(sweep.site == "state");
  CHECK(sweep.places == std::vector<std::string>{"encoder.forwards.state", "encoder.backwards.state"});
  CHECK(sweep.difference == sweep_patches(model, pool, kClean, kCorrupt, {.site = "state", .answer = 7, .wrong = 9, .max_rows = 1}).difference);
  const int64_t length = 1, read = sweep.positions;
  for (int64_t layer = 0; layer < 2; ++layer)
    for (int64_t position = 0; position < sweep.positions; ++position) {
      CAPTURE(layer);
      CAPTURE(position);
      const Site one = sites_named(model.graph(), sweep.places[size_t(layer)] + "@" + std::to_string(position))[0];
      Interventions changes;
      changes.patch(one, Probe(model, pool, {.taps = {one.value}}).run(text_for(model, kClean)).at(one.value));
      const Tensor logits = Probe(model, pool, {.sites = changes.sites()}).run(text_for(model, kCorrupt), changes.table(std::span(&length, 1), std::span(&read, 1))).at("logits");
      CHECK(sweep.difference[sweep.at(layer, 0, position)] == double(logits.data<float>()[7]) - double(logits.data<float>()[9]));
      const bool unread = layer == 0 ? position < 2 : position > 5;   // the texts differ at 2 and 5
      CHECK((sweep.effect[sweep.at(layer, 0, position)] == 0) == unread);
    }
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, kCorrupt, {.site = "residual", .answer = 7, .wrong = 9}), Error);
}

TEST_CASE("the last residual carries all at the last token, and nothing before the texts differ") {
  ThreadPool pool(1);
  Model model = golden("gpt2");
  const PatchSweep sweep = sweep_patches(model, pool, kClean, kCorrupt, {});
  CHECK(sweep.effect[sweep.at(sweep.layers - 1, 0, sweep.positions - 1)] == 1);
  for (int64_t layer = 0; layer < sweep.layers; ++layer) {
    CHECK(sweep.effect[sweep.at(layer, 0, 0)] == 0);
    CHECK(sweep.effect[sweep.at(layer, 0, 1)] == 0);
  }
}

TEST_CASE("texts that cannot be compared are refused") {
  ThreadPool pool(1);
  Model model = golden("gpt2"), bert = golden("bert-masked");
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, {1, 2}, {}), Error);
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, kClean, {}), Error);
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, kCorrupt, {.site = "nothing"}), Error);
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, kCorrupt, {.answer = 5, .wrong = 5}), Error);
  CHECK_THROWS_AS(sweep_patches(model, pool, kClean, kCorrupt, {.answer = 96}), Error);
  CHECK_THROWS_AS(sweep_patches(bert, pool, kClean, kCorrupt, {}), Error);
}
