#include "graph/op.h"

#include <vector>

namespace orrery {

std::span<const Op* const> all_ops() {
  static const std::vector<const Op*> ops = {
#define OP(op) &op##_op(),
#include "graph/ops.inc"
#undef OP
  };
  return ops;
}

const Op* find_op(std::string_view name) {
  for (const Op* op : all_ops())
    if (name == op->name) return op;
  return nullptr;
}

}  // namespace orrery
