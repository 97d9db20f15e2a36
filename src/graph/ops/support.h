// Shared by the op files: shape rules that recur.
#pragma once

#include <algorithm>

#include "graph/call.h"
#include "graph/grad.h"
#include "graph/op.h"
#include "graph/weights.h"

namespace orrery {

inline void same_as_input(ShapeContext& c) { c.output(c.input(0)); }

// Fills the two run functions of an op from one template.
#define ORRERY_RUN(function) .run_f32 = function<float>, .run_f64 = function<double>

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 8 ? DType::f64 : DType::f32;
}

inline Cost elementwise_cost(const CostContext& c) { return {double(c.out_count()), c.operand_bytes()}; }

}  // namespace orrery
