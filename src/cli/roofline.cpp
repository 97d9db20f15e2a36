#include "cli/roofline.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace orrery::cli {

namespace {

// A class of kernels without such an instruction has the f32 peak for it.
double peak_of(Arithmetic arithmetic, const Speeds& limits) {
  if (arithmetic == Arithmetic::bf16 && limits.bf16_gflops > 0) return limits.bf16_gflops;
  if (arithmetic == Arithmetic::split && limits.bf16_gflops > 0) return limits.bf16_gflops / 3;
  if (arithmetic == Arithmetic::int8 && limits.int8_gops > 0) return limits.int8_gops;
  return limits.f32_gflops;
}

double rate(double count, double seconds) { return seconds > 0 ? count / 1e9 / seconds : 0; }

double step_seconds(const PhaseTimes& phase) {
  double seconds = 0;
  for (const StepLine& step : phase.steps) seconds += step.time.seconds;
  return seconds;
}

Json limits_json(const Limits& limits) {
  return {{"threads", limits.threads}, {"read_gb_per_second", limits.all.read_gb_per_second}, {"f32_gflops", limits.all.f32_gflops}, {"bf16_gflops", limits.all.bf16_gflops},
          {"int8_gops", limits.all.int8_gops}};
}

}  // namespace

RooflineShare roofline_share(const StepLine& step, const Speeds& limits) {
  const double computing = step.time.cost.flops / 1e9 / peak_of(step.arithmetic, limits), reading = step.time.cost.bytes / 1e9 / limits.read_gb_per_second;
  const double least = std::max(computing, reading);
  return {computing > reading ? name_of(step.arithmetic) : "memory", step.time.seconds > 0 ? least / step.time.seconds : 0};
}

Json roofline_json(const std::vector<PhaseTimes>& phases, const Limits& limits) {
  Json list = Json::array();
  for (const PhaseTimes& phase : phases) {
    Json steps = Json::array();
    for (const StepLine& step : phase.steps) {
      const RooflineShare at = roofline_share(step, limits.all);
      steps.push_back({{"op", step.op}, {"what", step.what}, {"arithmetic", name_of(step.arithmetic)}, {"runs", step.time.runs}, {"seconds", step.time.seconds},
                       {"share", phase.seconds > 0 ? step.time.seconds / phase.seconds : 0.0}, {"gflops", rate(step.time.cost.flops, step.time.seconds)},
                       {"gb_per_second", rate(step.time.cost.bytes, step.time.seconds)}, {"limit", at.limit}, {"limit_share", at.share}});
    }
    list.push_back({{"name", phase.name}, {"tokens", phase.tokens}, {"seconds", phase.seconds}, {"steps_seconds", step_seconds(phase)}, {"steps", steps}});
  }
  return {{"limits", limits_json(limits)}, {"phases", list}};
}

void print_roofline(Context& context, const std::vector<PhaseTimes>& phases, const Limits& limits) {
  char line[256];
  std::snprintf(line, sizeof line, "limits   %.1f GB/s read, %.0f GFLOP/s f32, %.0f bf16, %.0f Gop/s int8, %d threads", limits.all.read_gb_per_second, limits.all.f32_gflops,
                limits.all.bf16_gflops, limits.all.int8_gops, limits.threads);
  context.out().line(line);
  for (const PhaseTimes& phase : phases) {
    size_t op_width = 4, what_width = 4;
    for (const StepLine& step : phase.steps) {
      op_width = std::max(op_width, step.op.size());
      what_width = std::max(what_width, std::min<size_t>(step.what.size(), 60));
    }
    std::snprintf(line, sizeof line, "%s: %lld tokens, %.3f ms, of which steps %.3f ms", phase.name.c_str(), static_cast<long long>(phase.tokens), 1e3 * phase.seconds, 1e3 * step_seconds(phase));
    context.out().line("");
    context.out().line(line);
    std::snprintf(line, sizeof line, "%-*s  %-*s %6s %10s %6s %9s %7s  %s", int(op_width), "step", int(what_width), "of", "runs", "ms", "share", "GFLOP/s", "GB/s", "of the limit");
    context.out().line(line);
    for (const StepLine& step : phase.steps) {
      const RooflineShare at = roofline_share(step, limits.all);
      std::snprintf(line, sizeof line, "%-*s  %-*.60s %6lld %10.3f %5.1f%% %9.1f %7.1f  %4.0f%% %s", int(op_width), step.op.c_str(), int(what_width), step.what.c_str(),
                    static_cast<long long>(step.time.runs), 1e3 * step.time.seconds, phase.seconds > 0 ? 100 * step.time.seconds / phase.seconds : 0.0,
                    rate(step.time.cost.flops, step.time.seconds), rate(step.time.cost.bytes, step.time.seconds), 100 * at.share, at.limit);
      context.out().line(line);
    }
  }
}

}  // namespace orrery::cli
