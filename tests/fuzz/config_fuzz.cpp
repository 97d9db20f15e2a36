// Any bytes as the fields of a config.json: whatever they hold, what is read is inside its range, or an error is told. What the
// families make of them: model_config_fuzz.cpp.
#include <cstdint>
#include <string_view>

#include "check.h"
#include "checkpoint/fields.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json) return 0;
  ConfigReader fields(*json, "input");
  const int64_t layers = fields.integer({"num_hidden_layers", "n_layer"}, {1, 1000});
  FUZZ_CHECK(layers >= 1 && layers <= 1000);
  const int64_t bounded = fields.integer_or("negative", -3, {-5, -1});
  FUZZ_CHECK(bounded >= -5 && bounded <= -1);
  const double eps = fields.number_or({"layer_norm_epsilon", "rms_norm_eps"}, 1e-5, {1e-12, 1});
  FUZZ_CHECK(eps >= 1e-12 && eps <= 1);
  for (const int64_t id : fields.integers("eos_token_id", {0, 50000})) FUZZ_CHECK(id >= 0 && id <= 50000);
  (void)fields.boolean_or("tie_word_embeddings", true);
  (void)fields.string("model_type");
  (void)fields.choice_or("hidden_act", "gelu", {"gelu", "silu"});
  ConfigReader rope = fields.section({"rope_scaling", "rope_parameters"});
  (void)rope.number_or("factor", 1, {1, 1000});
  (void)rope.string_or("rope_type", "default");
  const auto result = fields.finish(layers);
  if (!result) FUZZ_CHECK(!result.error().what.empty() && result.error().what.size() < 1000 + size);
  return 0;
}
