// Any JSON as the config.json of each family: refused by its reader, or a shape from which a small graph can be built; what
// building refuses after all is an Error too.
#include <cstdint>
#include <string_view>

#include "check.h"
#include "models/graphs.h"

namespace {

// Large ones are no wrong configs, but would take all the time. A table of positions is computed while a graph is built.
bool small(const orrery::Config& c) {
  return c.num_layers <= 3 && c.num_encoder_layers <= 3 && c.hidden_size <= 512 && c.num_heads <= 32 && c.num_experts <= 8 && c.intermediate_size <= 2048 &&
         (c.any_length || c.max_positions * c.hidden_size <= 1 << 18);
}

void build(const orrery::ModelFamily& family, const orrery::Config& c) {
  using namespace orrery;
  Graph graph;
  Builder g(graph);
  const Outputs out = build_model(family, g, c);
  FUZZ_CHECK(out.hidden && out.hidden.width() >= 1);
  FUZZ_CHECK(c.head != Head::causal_lm || (out.logits && out.logits.width() == c.vocab_size));
  if (!generates(family, c)) return;
  std::vector<CacheSlot> slots;
  model_graph(family, c, {.choose_rows = true, .cached = true}, &slots);
  for (const CacheSlot& slot : slots) FUZZ_CHECK(slot.width >= 1);
}

void read_as(const orrery::ModelFamily& family, orrery::Json json) {
  using namespace orrery;
  json["model_type"] = family.name;
  const auto read = family.read(json, "input");
  if (!read) {
    FUZZ_CHECK(!read.error().what.empty());   // what it quotes of the file is escaped where it is shown
    return;
  }
  const Config& c = *read;
  FUZZ_CHECK(c.num_layers >= 1 && c.num_heads >= 1 && c.num_kv_heads >= 1 && c.num_heads % c.num_kv_heads == 0);
  FUZZ_CHECK(c.hidden_size >= 1 && c.head_dim >= 1 && (c.head_dim <= 256 || family.name == std::string_view("bahdanau")) && c.intermediate_size >= 0 && c.vocab_size >= 1 && c.max_positions >= 1);
  FUZZ_CHECK(c.usual_positions() >= 1 && c.usual_positions() <= c.max_positions);
  FUZZ_CHECK(c.norm_eps >= 0 && c.embedding_dropout >= 0 && c.embedding_dropout < 1 && c.residual_dropout >= 0 && c.residual_dropout < 1);
  FUZZ_CHECK(c.experts_per_token <= c.num_experts);
  FUZZ_CHECK(!c.encoder_decoder || c.num_encoder_layers >= 1);
  if (!small(c)) return;
  try {
    build(family, c);
  } catch (const Error& error) {
    FUZZ_CHECK(!error.what.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = orrery::parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json || !json->is_object()) return 0;   // others are refused before a family is asked
  for (const orrery::ModelFamily* family : orrery::model_families()) read_as(*family, *json);
  return 0;
}
