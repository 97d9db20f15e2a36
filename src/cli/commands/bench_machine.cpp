// `orrery bench machine`: what this machine can do at most.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "kernels/fastest.h"
#include "limits/limits.h"

namespace orrery::cli::commands {
namespace {
struct BenchMachineOptions {
  double seconds = 0.2;
  static constexpr auto about = describe("bench machine", "", option(&BenchMachineOptions::seconds, "seconds", "Time for each figure; the best of short rounds counts.", in_range(0.001, 60)));
};

Json json_of(const Speeds& speeds) {
  return {{"read_gb_per_second", speeds.read_gb_per_second}, {"f32_gflops", speeds.f32_gflops}, {"bf16_gflops", speeds.bf16_gflops}, {"int8_gops", speeds.int8_gops}};
}

const char* kind_name(PanelFormat format) {
  switch (format) {
    case PanelFormat::bf16_pairs: return "bf16";
    case PanelFormat::int8: return "int8";
    case PanelFormat::q8: return "blocks of 32";
    case PanelFormat::q4_k: return "blocks of 256";
    default: return "f32";
  }
}

void run(Context& context, BenchMachineOptions& options) {
  const Limits limits = measure_limits(context.pool(), {.seconds = options.seconds});
  if (context.json()) {
    Json result = json_of(limits.all);
    result["threads"] = limits.threads;
    result["one_thread"] = json_of(limits.one);
    result["kernels"] = kernels().name;
    for (const ProductChoice& choice : product_choices()) result["products"][kind_name(choice.format)][std::to_string(choice.rows)] = choice.kernels;
    return context.out().json(result);
  }
  char line[120];
  std::snprintf(line, sizeof line, "%-24s %12s %9d threads", "", "1 thread", limits.threads);
  context.out().line(line);
  const auto row = [&](const char* name, double one, double all) {
    std::snprintf(line, sizeof line, all > 0 ? "%-24s %12.1f %12.1f" : "%-24s            -            -", name, one, all);
    context.out().line(line);
  };
  row("memory read, GB/s", limits.one.read_gb_per_second, limits.all.read_gb_per_second);
  row("f32, GFLOP/s", limits.one.f32_gflops, limits.all.f32_gflops);
  row("bf16 pairs, GFLOP/s", limits.one.bf16_gflops, limits.all.bf16_gflops);
  row("int8 fours, Gop/s", limits.one.int8_gops, limits.all.int8_gops);
  context.out().line(std::string("kernels: ") + kernels().name);
  const std::vector<ProductChoice> choices = product_choices();   // format by format
  std::string products;
  for (size_t i = 0; i < choices.size(); ++i) {
    const bool last = i + 1 == choices.size() || choices[i + 1].format != choices[i].format;
    if (products.empty()) products = std::string("  products of ") + kind_name(choices[i].format) + ", measured:";
    products += (last ? " more rows " : " rows to " + std::to_string(choices[i].rows) + " ") + choices[i].kernels + (last ? "" : ",");
    if (last) context.out().line(std::exchange(products, {}));
  }
}
}  // namespace

const Command& bench_machine() {
  static const Command command{"bench machine", "Measure the machine's limits: memory and arithmetic.", {"orrery bench machine --seconds 0.02"}, run};
  return command;
}
}  // namespace orrery::cli::commands
