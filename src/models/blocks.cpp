#include "models/blocks.h"

namespace orrery {

Value linear_layer(Scope at, Value x, int64_t outputs, bool bias) {
  const Value weight = at.weight("weight", {outputs, x.width()});
  return linear(x, weight, bias ? std::optional(at.weight("bias", {outputs})) : std::nullopt);
}

Value conv1d_layer(Scope at, Value x, int64_t outputs) {
  return linear(x, at.weight("weight", {x.width(), outputs}), at.weight("bias", {outputs}), true);
}

Value layer_norm_layer(Scope at, Value x, double eps) {
  return layer_norm(x, at.weight("weight", {x.width()}), at.weight("bias", {x.width()}), eps);
}

Value rms_norm_layer(Scope at, Value x, double eps) { return rms_norm(x, at.weight("weight", {x.width()}), eps); }

Value mix_heads(Scope layer, const Config& c, Value q, Value k, Value v, const Inputs& in, bool causal, double scale) {
  if (c.rotary) {
    q = rotary(q, in.positions, c.rotary);
    k = rotary(k, in.positions, c.rotary);
  }
  layer.name("q", q);
  layer.name("k", k);
  layer.name("v", v);
  AttentionOptions options;
  options.num_heads = c.num_heads;
  options.num_kv_heads = c.num_kv_heads;
  options.head_dim = c.head_dim;
  options.scale = scale;
  options.causal = causal;
  options.dropout = c.attention_dropout;
  return layer.name("attention", attention(q, k, v, in.sequences, in.sequences, options));
}

}  // namespace orrery
