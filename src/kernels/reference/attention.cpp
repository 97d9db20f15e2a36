// Attention of one sequence, by the formulas of kernels/attention.h: a query at a time, key after key.
#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "kernels/reference/operand.h"
#include "kernels/reference/widen.h"

namespace orrery::reference {
namespace {

// The keys [begin, end) that query i sees, and those before `sinks`.
struct Keys {
  int64_t begin, end, sinks;

  template <class F>
  void each(F f) const {
    for (int64_t j = 0; j < sinks; ++j) f(j);
    for (int64_t j = begin; j < end; ++j) f(j);
  }
};
template <class T>
Keys keys_seen(const Attention<T>& args, int64_t i) {
  const int64_t position = args.query_start + i;
  const int64_t end = args.causal ? std::min(args.num_keys, position + 1) : args.num_keys;
  const int64_t begin = args.window > 0 ? std::max(int64_t(0), position - args.window + 1) : 0;
  const int64_t first = std::min(begin, std::max(end, int64_t(0)));
  return {first, std::max(end, int64_t(0)), std::min(args.sink_tokens, first)};
}

template <class T>
int64_t kv_head_of(const Attention<T>& args, int64_t head) {
  return head / (args.num_heads / args.num_kv_heads);
}

// What a product reads of x, which may be more exact than T.
template <class T, class X>
X operand(const Attention<T>& args, X x) {
  if constexpr (sizeof(T) == sizeof(float))
    if (args.bf16_products && args.kv.dtype != DType::i8) return X(bf16_to_float(as_operand(x)));
  return x;
}

// Element x of the key, or of the value, of token j.
template <class T>
T key(const Attention<T>& args, int64_t kv_head, int64_t j, int64_t x) {
  if (args.kv.dtype == DType::i8) return T(args.kv.scaled_key(kv_head, j, x));
  return operand(args, widened<T>(args.kv.k, args.kv.dtype, args.kv.of_key(kv_head, j, x)));
}
template <class T>
T value(const Attention<T>& args, int64_t kv_head, int64_t j, int64_t x) {
  if (args.kv.dtype == DType::i8) return T(args.kv.scaled_value(kv_head, j, x));
  return operand(args, widened<T>(args.kv.v, args.kv.dtype, args.kv.at(kv_head, j) + x));
}

// Where the bias of query i for key j stands.
template <class T>
int64_t bias_index(const Attention<T>& args, int64_t head, int64_t i, int64_t j) {
  const int64_t distance = std::clamp(j - (args.query_start + i), -args.bias_reach, args.bias_reach);
  return head * (2 * args.bias_reach + 1) + args.bias_reach + distance;
}

// scale <q_i, k_j>
template <class T>
double scaled_product(const Attention<T>& args, int64_t head, int64_t i, int64_t j) {
  const T* q = args.q + i * args.q_stride + head * args.head_dim;
  double sum = 0;
  for (int64_t x = 0; x < args.head_dim; ++x)
    sum += double(operand(args, q[x])) * double(key(args, kv_head_of(args, head), j, x));
  return sum * double(args.scale);
}

template <class T>
T score(const Attention<T>& args, int64_t head, int64_t i, int64_t j) {
  double s = scaled_product(args, head, i, j);
  if (args.softcap > 0) s = double(args.softcap) * std::tanh(s / double(args.softcap));
  if (args.bias) s += double(args.bias[bias_index(args, head, i, j)]);
  if (args.slopes) s -= double(args.slopes[head]) * double(std::abs(j - (args.query_start + i)));
  return T(s);
}

// The derivative of the score by the scaled product.
template <class T>
T score_derivative(const Attention<T>& args, int64_t head, int64_t i, int64_t j) {
  if (args.softcap <= 0) return 1;
  const double u = std::tanh(scaled_product(args, head, i, j) / double(args.softcap));
  return T(1 - u * u);
}

template <class T>
double keep(const Attention<T>& args, int64_t head, int64_t i, int64_t j) {
  const PatternDropout& dropout = args.dropout;
  if (dropout.probability == 0) return 1;
  const Counter bits = philox(dropout.seed, {dropout.stream, dropout.sequence, uint32_t(args.query_start + i),
                                             (uint32_t(head) << 24) ^ uint32_t(j / 4)});
  return uniform(bits[size_t(j % 4)]) < dropout.probability ? 0 : 1 / (1 - double(dropout.probability));
}

}  // namespace

template <class T>
void attention(const Attention<T>& args, int64_t head, int64_t query_begin, int64_t query_end, void* scratch) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double* mixed = static_cast<double*>(scratch);  // [head_dim]
  const double sink = args.sinks ? double(args.sinks[head]) : -kInfinity;
  for (int64_t i = query_begin; i < query_end; ++i) {
    const Keys seen = keys_seen(args, i);
    double largest = -kInfinity, sum = 0;
    seen.each([&](int64_t j) { largest = std::max(largest, double(score(args, head, i, j))); });
    double max = std::max(largest, sink);
    if (max == -kInfinity) max = 0;
    std::fill_n(mixed, args.head_dim, 0.0);
    seen.each([&](int64_t j) {
      const double weight = std::exp(double(score(args, head, i, j)) - max);
      const double kept = operand(args, weight * keep(args, head, i, j));
      sum += weight;
      for (int64_t x = 0; x < args.head_dim; ++x)
        mixed[x] += kept * double(value(args, kv_head_of(args, head), j, x));
    });
    sum += std::exp(sink - max);
    T* out = args.out + i * args.out_stride + head * args.head_dim;
    for (int64_t x = 0; x < args.head_dim; ++x) out[x] = sum == 0 ? T(0) : T(mixed[x] / sum);
    const double lse = max + std::log(sum);  // log 0 is -inf
    const int64_t at = i * args.num_heads + head;
    if (args.lse) args.lse[at] = T(lse);
    const AttentionStatistics<T>& statistics = args.statistics;
    if (statistics.max_score) statistics.max_score[at] = T(largest);
    if (!statistics.entropy && !statistics.sink_mass) continue;
    double entropy = 0, mass = 0;
    const auto add = [&](double s, bool is_sink) {
      const double p = s == -kInfinity ? 0 : std::exp(s - lse);
      if (p > 0) entropy += p * (lse - s);
      if (is_sink) mass += p;
    };
    seen.each([&](int64_t j) { add(double(score(args, head, i, j)), !args.sinks && j < std::max(args.sink_tokens, int64_t(1))); });
    if (args.sinks) add(sink, true);
    if (statistics.entropy) statistics.entropy[at] = T(entropy);
    if (statistics.sink_mass) statistics.sink_mass[at] = T(mass);
  }
}

template <class T>
void attention_step(const Attention<T>& args, int64_t kv_head, void* scratch) {
  const int64_t group = args.num_heads / args.num_kv_heads;
  for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) attention(args, head, 0, 1, scratch);
}

template <class T>
void attention_part(const Attention<T>&, int64_t, int64_t, T*, void*) {}
template <class T>
void attention_merge(const Attention<T>& args, int64_t kv_head, int64_t, const T*, void* scratch) {
  attention_step(args, kv_head, scratch);
}

template <class T>
void attention_pattern(const Attention<T>& args, int64_t head, int64_t query_begin, int64_t query_end, T* pattern,
                       void* /*scratch*/) {
  for (int64_t i = query_begin; i < query_end; ++i) {
    T* row = pattern + (i - query_begin) * args.num_keys;
    const Keys seen = keys_seen(args, i);
    std::fill_n(row, args.num_keys, T(0));
    seen.each([&](int64_t j) { row[j] = std::exp(score(args, head, i, j) - args.lse[i * args.num_heads + head]); });
  }
}

template <class T>
void attention_backward(const AttentionBackward<T>& args, int64_t kv_head, T* delta, void* /*scratch*/) {
  const Attention<T>& forward = args.forward;
  const int64_t group = forward.num_heads / forward.num_kv_heads, dim = forward.head_dim;
  for (int64_t j = 0; j < forward.num_keys; ++j) {
    std::fill_n(args.dk + j * args.dkv_stride + kv_head * dim, dim, T(0));
    std::fill_n(args.dv + j * args.dkv_stride + kv_head * dim, dim, T(0));
  }
  for (int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
    for (int64_t i = 0; i < forward.num_queries; ++i) {
      const T* q = forward.q + i * forward.q_stride + head * dim;
      const T* out = forward.out + i * forward.out_stride + head * dim;
      const T* dout = args.dout + i * args.dout_stride + head * dim;
      T* dq = args.dq + i * args.dq_stride + head * dim;
      std::fill_n(dq, dim, T(0));
      delta[i] = 0;
      for (int64_t x = 0; x < dim; ++x) delta[i] += dout[x] * out[x];
      if (args.dsinks && forward.lse[i * forward.num_heads + head] > -std::numeric_limits<T>::infinity())
        args.dsinks[head] -= std::exp(forward.sinks[head] - forward.lse[i * forward.num_heads + head]) * delta[i];
      keys_seen(forward, i).each([&](int64_t j) {
        const T p = std::exp(score(forward, head, i, j) - forward.lse[i * forward.num_heads + head]);
        const T kept = T(keep(forward, head, i, j));
        T* dk = args.dk + j * args.dkv_stride + kv_head * dim;
        T* dv = args.dv + j * args.dkv_stride + kv_head * dim;
        T dp = 0;
        for (int64_t x = 0; x < dim; ++x) dp += operand(forward, dout[x]) * value(forward, kv_head, j, x);
        const T dbias = p * (kept * dp - delta[i]), ds = forward.scale * score_derivative(forward, head, i, j) * dbias;
        if (args.dbias) args.dbias[bias_index(forward, head, i, j)] += dbias;
        const T ds_read = operand(forward, ds), p_read = operand(forward, T(kept * p));
        for (int64_t x = 0; x < dim; ++x) {
          dq[x] += ds_read * key(forward, kv_head, j, x);
          dk[x] += ds_read * operand(forward, q[x]);
          dv[x] += p_read * operand(forward, dout[x]);
        }
      });
    }
  }
}

#define INSTANTIATE(T)                                                                        \
  template void attention(const Attention<T>&, int64_t, int64_t, int64_t, void*);             \
  template void attention_pattern(const Attention<T>&, int64_t, int64_t, int64_t, T*, void*); \
  template void attention_step(const Attention<T>&, int64_t, void*);                          \
  template void attention_part(const Attention<T>&, int64_t, int64_t, T*, void*);             \
  template void attention_merge(const Attention<T>&, int64_t, int64_t, const T*, void*);      \
  template void attention_backward(const AttentionBackward<T>&, int64_t, T*, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace orrery::reference
