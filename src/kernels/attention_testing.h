// Problems that the tests of attention share: sizes, data for them, and what the reference makes of them in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/testing.h"

namespace orrery {

// What is asked of an attention. Sizes only; Problem makes the data.
struct Shape {
  int64_t num_queries = 1, query_start = 0, num_keys = 1, num_heads = 1, num_kv_heads = 1, head_dim = 16;
  bool causal = false;
  int64_t window = 0;
  int64_t bias_reach = -1;  // -1: no bias
  int64_t sink_tokens = 0;
  float softcap = 0;
  bool slopes = false, sinks = false;
};

inline const Shape kShapes[] = {
    {0, 0, 5},
    {3, 0, 0},
    {1, 0, 1, 1, 1, 1},
    {5, 0, 5, 2, 2, 8, true},
    {17, 0, 17, 2, 1, 20, true},
    {1, 200, 201, 4, 2, 64, true},
    {33, 0, 130, 2, 2, 64},
    {64, 0, 64, 1, 1, 64, true},
    {65, 0, 65, 3, 3, 63, true},
    {150, 0, 150, 2, 1, 32, true, 20},
    {40, 100, 140, 2, 2, 80, true, 70},
    {40, 100, 140, 1, 1, 16, false, 90},
    {7, 100, 50, 1, 1, 16, true, 5},  // nothing is seen
    {140, 60, 200, 2, 2, 128, true},
    {3, 127, 130, 1, 1, 256, true},
    {9, 0, 63, 1, 1, 100},
    {210, 0, 210, 1, 1, 24, true},
    {200, 0, 70, 1, 1, 256},   // more than a tile of wide rows, and of narrow ones
    {800, 0, 70, 1, 1, 16},
    {70, 0, 150, 2, 2, 16, false, 0, 20},
    {90, 60, 150, 2, 1, 24, true, 0, 200},
    {5, 0, 3, 1, 1, 8, false, 0, 0},
    {150, 0, 150, 2, 2, 16, true, 30, 40},
    {100, 0, 100, 2, 1, 20, true, 0, -1, 0, 0.7f},
    {70, 0, 150, 3, 1, 16, false, 0, -1, 0, 0, true},
    {140, 60, 200, 6, 2, 24, true, 0, -1, 0, 0, true},
    {90, 60, 150, 4, 2, 24, true, 0, -1, 0, 0, false, true},
    {7, 100, 50, 2, 1, 16, true, 5, -1, 0, 0, false, true},       // nothing is seen but sinks
    {150, 0, 150, 2, 1, 16, true, 20, -1, 4},
    {150, 350, 500, 2, 2, 40, true, 33, -1, 70},
    {7, 100, 50, 1, 1, 16, true, 5, -1, 60},                      // of windows before which there are sinks alone
    {170, 130, 300, 4, 2, 24, true, 50, 40, 5, 1.5f, true, true}, // all at once
};

template <class T>
std::vector<T> as(const std::vector<float>& values) {
  return std::vector<T>(values.begin(), values.end());
}

// Random queries, keys and values, the keys and values exact in `dtype`.
struct Problem {
  Shape shape;
  DType dtype;
  bool bf16 = false;     // products
  std::vector<float> q, k, v, bias, slopes, sinks;
  std::vector<double> bias_exact, slopes_exact, sinks_exact;
  std::vector<char> k_stored, v_stored;
  PatternDropout dropout;
  AlignedBytes scratch{kAttentionScratchBytes};

  explicit Problem(const Shape& asked, DType stored = DType::f32, float spread = 1) : shape(asked), dtype(stored) {
    Random random(uint64_t(shape.num_keys * 7 + shape.head_dim));
    q = random_floats(random, shape.num_queries * shape.num_heads * shape.head_dim);
    k = random_floats(random, kv_size());
    v = random_floats(random, kv_size());
    for (float& value : q) value *= spread;
    if (shape.bias_reach >= 0)   // T5 has a bias and no scale
      for (float& value : q) value /= std::sqrt(float(shape.head_dim));
    if (shape.bias_reach >= 0) bias = random_floats(random, shape.num_heads * (2 * shape.bias_reach + 1));
    if (shape.slopes)
      for (int64_t head = 0; head < shape.num_heads; ++head) slopes.push_back(float(alibi_slope(head, shape.num_heads)));
    if (shape.sinks) sinks = random_floats(random, shape.num_heads);
    bias_exact = as<double>(bias), slopes_exact = as<double>(slopes), sinks_exact = as<double>(sinks);
    store();
  }
  int64_t kv_width() const { return shape.num_kv_heads * shape.head_dim; }
  int64_t kv_size() const { return shape.num_keys * kv_width(); }
  int64_t out_width() const { return shape.num_heads * shape.head_dim; }
  void store() {
    k_stored.resize(size_t(kv_size() * size_of(dtype)));
    v_stored.resize(size_t(kv_size() * size_of(dtype)));
    convert(k.data(), DType::f32, k_stored.data(), dtype, kv_size());
    convert(v.data(), DType::f32, v_stored.data(), dtype, kv_size());
    convert(k_stored.data(), dtype, k.data(), DType::f32, kv_size());
    convert(v_stored.data(), dtype, v.data(), DType::f32, kv_size());
  }

  template <class T>
  Attention<T> call(const std::vector<T>& queries, const void* keys, const void* values, DType stored, std::vector<T>& out,
                    std::vector<T>& lse) const {
    out.assign(size_t(shape.num_queries * out_width()), T(-77));
    lse.assign(size_t(shape.num_queries * shape.num_heads), T(-77));
    Attention<T> args;
    args.q = queries.data();
    args.q_stride = args.out_stride = out_width();
    args.kv.k = keys;
    args.kv.v = values;
    args.kv.dtype = stored;
    args.kv.token_stride = kv_width();
    args.kv.head_stride = shape.head_dim;
    args.out = out.data();
    args.lse = lse.data();
    args.num_queries = shape.num_queries;
    args.query_start = shape.query_start;
    args.num_keys = shape.num_keys;
    args.num_heads = shape.num_heads;
    args.num_kv_heads = shape.num_kv_heads;
    args.head_dim = shape.head_dim;
    args.scale = shape.bias_reach >= 0 ? T(1) : T(1 / std::sqrt(double(shape.head_dim)));
    args.causal = shape.causal;
    args.window = shape.window;
    args.sink_tokens = shape.sink_tokens;
    args.softcap = T(shape.softcap);
    const auto given = [](const std::vector<float>& floats, const std::vector<double>& exact) -> const T* {
      if constexpr (sizeof(T) == 8) return exact.empty() ? nullptr : exact.data();
      else return floats.empty() ? nullptr : floats.data();
    };
    args.bias = given(bias, bias_exact);
    args.bias_reach = args.bias ? shape.bias_reach : 0;
    args.slopes = given(slopes, slopes_exact);
    args.sinks = given(sinks, sinks_exact);
    args.dropout = dropout;
    args.bf16_products = bf16;
    return args;
  }
};

struct Output {
  std::vector<float> out, lse;
  bool operator==(const Output& other) const {
    return std::equal(out.begin(), out.end(), other.out.begin(), other.out.end(), same_bits) &&
           std::equal(lse.begin(), lse.end(), other.lse.begin(), other.lse.end(), same_bits);
  }
};

// Queries in tiles of `tile`.
inline Output run(const Kernels<float>& kernels, const Problem& problem, int64_t tile) {
  Output output;
  const Attention<float> args = problem.call(problem.q, problem.k_stored.data(), problem.v_stored.data(), problem.dtype,
                                             output.out, output.lse);
  for (int64_t head = 0; head < args.num_heads; ++head)
    for (int64_t i = 0; i < args.num_queries; i += tile)
      kernels.attention(args, head, i, std::min(i + tile, args.num_queries), problem.scratch.data());
  return output;
}

// The same in double by the reference.
struct Exact {
  std::vector<double> q, k, v, out, lse;
  Attention<double> args;

  explicit Exact(const Problem& problem) : q(as<double>(problem.q)), k(as<double>(problem.k)), v(as<double>(problem.v)) {
    args = problem.call(q, k.data(), v.data(), DType::f64, out, lse);
    run(problem);
  }
  void run(const Problem& problem) {
    for (int64_t head = 0; head < args.num_heads; ++head)
      reference_kernels<double>().attention(args, head, 0, args.num_queries, problem.scratch.data());
  }
};

inline double largest_difference(const std::vector<float>& a, const std::vector<double>& b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (double(a[i]) == b[i]) continue;  // infinities too
    const double difference = std::abs(double(a[i]) - b[i]);
    largest = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(largest, difference);
  }
  return largest;
}

}  // namespace orrery
