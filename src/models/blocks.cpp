#include "models/blocks.h"

#include <cmath>

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

namespace {
AttentionOptions heads_of(const Config& c, double scale) {
  AttentionOptions options;
  options.num_heads = c.num_heads;
  options.num_kv_heads = c.num_kv_heads;
  options.head_dim = c.head_dim;
  options.scale = scale;
  options.dropout = c.attention_dropout;
  return options;
}
}  // namespace

Value mix_heads(Scope layer, const Config& c, Value q, Value k, Value v, const Inputs& in, bool causal, double scale, Value bias) {
  if (c.rotary) {
    q = rotary(q, in.positions, c.rotary);
    k = rotary(k, in.positions, c.rotary);
  }
  layer.name("q", q);
  layer.name("k", k);
  layer.name("v", v);
  AttentionOptions options = heads_of(c, scale);
  options.causal = causal;
  options.window = c.sliding_window;
  options.softcap = c.attention_softcap;
  options.alibi = c.alibi;
  options.bias = bias;
  return layer.name("attention", attention(q, k, v, in.sequences, in.sequences, options));
}

Value mix_source(Scope layer, const Config& c, Value q, Value k, Value v, const Inputs& in, double scale) {
  layer.name("cross_q", q);
  layer.name("cross_k", k);
  layer.name("cross_v", v);
  return layer.name("cross_attention", attention(q, k, v, in.sequences, in.source->sequences, heads_of(c, scale)));
}

Config encoder_config(const Config& c) {
  Config encoder = c;
  encoder.num_layers = c.num_encoder_layers;
  encoder.num_heads = encoder.num_kv_heads = c.num_encoder_heads;
  encoder.intermediate_size = c.encoder_intermediate_size;
  return encoder;
}

Tensor sinusoidal_positions(int64_t positions, int64_t width, bool halves) {
  Tensor table = Tensor::zeros(DType::f32, {positions, width});
  float* values = table.mutable_data<float>();
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t i = 0; i < width; ++i) {
      const double angle = double(p) / std::pow(10000.0, double(i / 2 * 2) / double(width));
      const int64_t column = !halves ? i : i % 2 == 0 ? i / 2 : (width + 1) / 2 + i / 2;
      values[p * width + column] = float(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  return table;
}

Value llama_attention(Scope layer, const Config& c, Value x, const Inputs& in) {
  const Scope at = layer / "self_attn";
  const Value q = linear_layer(at / "q_proj", x, c.num_heads * c.head_dim, c.attention_bias);      // [tokens, heads * head_dim]
  const Value k = linear_layer(at / "k_proj", x, c.num_kv_heads * c.head_dim, c.attention_bias);   // [tokens, kv_heads * head_dim]
  const Value v = linear_layer(at / "v_proj", x, c.num_kv_heads * c.head_dim, c.attention_bias);
  return linear_layer(at / "o_proj", mix_heads(layer, c, q, k, v, in, /*causal=*/true, c.attention_scale), c.hidden_size, c.attention_bias);
}

}  // namespace orrery
