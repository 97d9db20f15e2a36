// Any JSON as a generation_config.json: refused, or what it makes of logits is a distribution.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "check.h"
#include "generate/generation_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json) return 0;
  GenerationConfig config;
  if (!config.read_defaults(*json, "input")) return 0;
  FUZZ_CHECK(config.new_tokens(3, 10) >= 0 && config.new_tokens(3, 10) <= 8);
  const float logits[] = {1, -2, 0.5f, 3, 3, -1e30f, 7, 0};
  const int32_t history[] = {0, 3, 3, 70000};
  Candidates candidates;
  candidates.reset(logits, {.history = history, .generated = 1});
  config.apply(candidates);
  double sum = 0;
  for (const double p : candidates.probs()) sum += p;
  FUZZ_CHECK(!candidates.items().empty() && std::fabs(sum - 1) < 1e-9);
  return 0;
}
