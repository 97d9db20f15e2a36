// What the families share: attention with its projections, and feed-forward layers. Each block names the values that one
// wants to look at ("layers.3.q", "layers.3.attention", …); taps and interventions find them by these words.
#pragma once

#include "models/config.h"

namespace orrery {

// path.weight [outputs, inputs] and, where `bias`, path.bias.
Value linear_layer(Scope at, Value x, int64_t outputs, bool bias);
// GPT-2's Conv1D: path.weight [inputs, outputs].
Value conv1d_layer(Scope at, Value x, int64_t outputs);
Value layer_norm_layer(Scope at, Value x, double eps);
Value rms_norm_layer(Scope at, Value x, double eps);

// Rotates queries and keys where the model has rotary positions, and mixes the values. Names q, k, v, attention.
// q [tokens, heads * head_dim], k, v [tokens, kv_heads * head_dim] -> [tokens, heads * head_dim]
// bias: of distances (relative_bias), where there is one.
// A gradient is summed in the order in which its nodes were made, and compilers differ in which argument they make first: what is
// more than one node is made before the call.
Value mix_heads(Scope layer, const Config& c, Value q, Value k, Value v, const Inputs& in, bool causal, double scale = 0, Value bias = {});
// The decoder's look at the source: k and v [source rows, kv_heads * head_dim]. Names cross_q, cross_k, cross_v, cross_attention.
Value mix_source(Scope layer, const Config& c, Value q, Value k, Value v, const Inputs& in, double scale = 0);

// The config by which an encoder-decoder's encoder is built: its own number of heads and inner width.
Config encoder_config(const Config& c);

// PE[p, 2i] = sin(p / 10000^(2i / width)), PE[p, 2i+1] = cos(same): Vaswani et al. 2017, 3.5. f32 [positions, width].
// halves: all sines stand before all cosines.
Tensor sinusoidal_positions(int64_t positions, int64_t width, bool halves = false);

// Llama's attention and its kin's: projections self_attn.q_proj, k_proj, v_proj, o_proj. x [tokens, hidden]
Value llama_attention(Scope layer, const Config& c, Value x, const Inputs& in);

}  // namespace orrery
