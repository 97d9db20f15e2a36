// Where a model's time goes, step by step, beside what the machine could do: `orrery bench MODEL --roofline`.
#pragma once

#include "cli/context.h"
#include "generate/speed.h"
#include "limits/limits.h"

namespace orrery::cli {

// A step's time beside the shortest that its operations and its bytes allow.
struct RooflineShare {
  const char* limit;    // which of both is longer: "memory", or the arithmetic
  double share;         // 1: at the limit. More than 1: memory that a cache holds
};
RooflineShare roofline_share(const StepLine& step, const Speeds& limits);

Json roofline_json(const std::vector<PhaseTimes>& phases, const Limits& limits);
void print_roofline(Context& context, const std::vector<PhaseTimes>& phases, const Limits& limits);

}  // namespace orrery::cli
