#include "models/gru.h"

#include "models/blocks.h"

namespace orrery {

Value gru_step(Scope at, Value projected, Value state) {
  const int64_t width = state.width();
  const std::vector<Value> inputs = split_columns(projected, {2 * width, width});
  const Value gates = unary(Unary::sigmoid, inputs[0] + linear_layer(at / "gates", state, 2 * width, false));
  const std::vector<Value> parts = split_columns(gates, {width, width});
  const Value z = at.name("update_gate", parts[0]), r = at.name("reset_gate", parts[1]);
  const Value candidate = unary(Unary::tanh, inputs[1] + linear_layer(at / "candidate", r * state, width, false));
  return at.name("state", (z * -1.0 + 1.0) * state + z * candidate);
}

Value gru(Scope at, Value x, Sequences rows, int64_t width, bool reverse) {
  const Value projected = linear_layer(at / "input", x, 3 * width, true);   // [rows, 3 width]
  auto body = std::make_shared<ScanBody>();
  body->carry_widths = body->out_widths = {width};
  Builder b(body->graph);
  const Value row = b.input_rows("row.0", "step", 3 * width), state = b.input_rows("carry.0", "step", width);
  const Value next = gru_step(b.at(at.path(), at.site()), row, state);
  b.output("carry.0", next);
  b.output("out.0", next);
  return scan(body, {projected}, rows, {.reverse = reverse})[0];
}

}  // namespace orrery
