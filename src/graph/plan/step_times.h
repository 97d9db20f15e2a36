// How long each step of a plan takes and what it does meanwhile, for a roofline (Williams, Waterman and Patterson 2009).
//
//   StepTimes times;
//   workspace.time_steps(&times);
//   workspace.run();                                    // as often as wanted: times are added up
//   for (const StepLine& line : step_lines(workspace.plan(), times)) …
//
// Steps run as they do without: the clock is read between them.
#pragma once

#include <string>
#include <vector>

#include "graph/op.h"

namespace orrery {

class Plan;
class Workspace;

struct StepTime {
  int64_t runs = 0;
  double seconds = 0;
  Cost cost;      // operations and bytes of all runs
};

struct StepTimes {
  std::vector<StepTime> steps = {};   // as the plan has them
  int64_t runs = 0;                   // of the plan
  double seconds = 0;                 // of whole runs
};

// What multiply-adds of a step are made of, and so which peak they are measured against.
enum class Arithmetic : uint8_t {
  f32, bf16, int8,
  split   // three products of bf16 for one of f32
};
const char* name_of(Arithmetic arithmetic);

// The steps of a plan that do the same in each layer, together.
struct StepLine {
  std::string op;      // "linear + add"
  std::string what;    // "mlp.down_proj 2048 -> 768"
  Arithmetic arithmetic = Arithmetic::f32;
  StepTime time;
};
// Longest first.
std::vector<StepLine> step_lines(const Plan& plan, const StepTimes& times);

// Operations and bytes of a step in the workspace's last run: weights as products read them, keys and values as they are cached.
Cost step_cost(const Workspace& workspace, size_t step);

}  // namespace orrery
