#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kernels/attention_testing.h"

namespace orrery {
namespace {

// Gradients of sum(out * dout) by a class of kernels.
template <class T>
struct Gradients {
  std::vector<T> q, k, v, dout, out, lse, dq, dk, dv, dbias, dsinks, delta;

  Gradients(const Kernels<T>& kernels, const Problem& problem, const std::vector<float>& dout_values)
      : q(as<T>(problem.q)), k(as<T>(problem.k)), v(as<T>(problem.v)), dout(as<T>(dout_values)),
        dq(q.size(), T(-5)), dk(k.size(), T(-5)), dv(v.size(), T(-5)), dbias(problem.bias.size()), dsinks(problem.sinks.size()), delta(size_t(problem.shape.num_queries)) {
    AttentionBackward<T> args;
    args.forward = problem.call(q, k.data(), v.data(), sizeof(T) == 4 ? DType::f32 : DType::f64, out, lse);
    for (int64_t head = 0; head < args.forward.num_heads; ++head)
      kernels.attention(args.forward, head, 0, args.forward.num_queries, problem.scratch.data());
    args.dout = dout.data();
    args.dout_stride = args.dq_stride = problem.out_width();
    args.dq = dq.data();
    args.dk = dk.data();
    args.dv = dv.data();
    args.dbias = dbias.empty() ? nullptr : dbias.data();
    args.dsinks = dsinks.empty() ? nullptr : dsinks.data();
    args.dkv_stride = problem.kv_width();
    for (int64_t kv_head = 0; kv_head < args.forward.num_kv_heads; ++kv_head)
      kernels.attention_backward(args, kv_head, delta.data(), problem.scratch.data());
  }
};

// f(kernels, their gradients, the exact ones) for every class, shape and dropout.
template <class F>
void each_class(bool bf16, F f) {
  for (const Shape& shape : kShapes)
    for (const float dropout : {0.0f, 0.25f}) {
      if (shape.query_start > 0 && shape.num_keys < shape.query_start) continue;
      Problem problem(shape);
      if (dropout > 0) problem.dropout = {dropout, 99, 1, 2};
      Random random(5);
      const std::vector<float> dout = random_floats(random, shape.num_queries * problem.out_width());
      const Gradients<double> exact(reference_kernels<double>(), problem, dout);
      problem.bf16 = bf16;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        INFO(std::string(kernels->name) << " queries " << shape.num_queries << " keys " << shape.num_keys);
        f(Gradients<float>(*kernels, problem, dout), exact);
      }
    }
}

}  // namespace

TEST_CASE("the reference's gradients are those of finite differences") {
  for (const float dropout : {0.0f, 0.4f})
    for (const Shape& shape : {Shape{5, 0, 5, 2, 1, 3, true}, Shape{3, 0, 6, 2, 2, 4}, Shape{7, 0, 7, 1, 1, 2, true, 3}, Shape{5, 0, 6, 2, 1, 3, false, 0, 2},
                               Shape{5, 0, 5, 2, 1, 3, true, 0, -1, 0, 0.8f}, Shape{9, 0, 9, 2, 1, 3, true, 3, 2, 2, 1.3f, true, true}, Shape{3, 0, 6, 4, 2, 4, false, 0, -1, 0, 0, true, true}}) {
      Problem problem(shape);
      if (dropout > 0) problem.dropout = {dropout, 99, 1, 2};
      Random random(5);
      const std::vector<float> dout = random_floats(random, shape.num_queries * problem.out_width());
      const Gradients<double> gradients(reference_kernels<double>(), problem, dout);
      Exact exact(problem);
      const auto value = [&] {
        exact.run(problem);
        return std::inner_product(exact.out.begin(), exact.out.end(), dout.begin(), 0.0);
      };
      const auto largest_error = [&](std::vector<double>& input, const std::vector<double>& gradient) {
        double largest = 0;
        for (size_t i = 0; i < input.size(); ++i) {
          const double kept = input[i], step = 1e-5;
          input[i] = kept + step;
          const double above = value();
          input[i] = kept - step;
          const double below = value();
          input[i] = kept;
          largest = std::max(largest, std::abs((above - below) / (2 * step) - gradient[i]));
        }
        return largest;
      };
      CHECK(largest_error(exact.q, gradients.dq) < 1e-8);
      CHECK(largest_error(exact.k, gradients.dk) < 1e-8);
      CHECK(largest_error(exact.v, gradients.dv) < 1e-8);
      CHECK(largest_error(problem.bias_exact, gradients.dbias) < 1e-8);
      CHECK(largest_error(problem.sinks_exact, gradients.dsinks) < 1e-8);
    }
}

TEST_CASE("every class has the gradients of the reference in double") {
  each_class(false, [](const Gradients<float>& gradients, const Gradients<double>& exact) {
    CHECK(largest_difference(gradients.dq, exact.dq) < 2e-5);
    CHECK(largest_difference(gradients.dk, exact.dk) < 2e-5);
    CHECK(largest_difference(gradients.dv, exact.dv) < 2e-5);
    CHECK(largest_difference(gradients.dbias, exact.dbias) < 2e-5);
    CHECK(largest_difference(gradients.dsinks, exact.dsinks) < 2e-5);
  });
}

TEST_CASE("gradients by products of bf16 are those of the reference, nearly") {
  each_class(true, [](const Gradients<float>& gradients, const Gradients<double>& exact) {
    // Beside the largest of the gradients, which sum up to hundreds of terms.
    const auto close = [](const std::vector<float>& ours, const std::vector<double>& theirs) {
      double largest = 0.5;
      for (const double x : theirs) largest = std::max(largest, std::abs(x));
      return largest_difference(ours, theirs) < 0.03 * largest;
    };
    CHECK(close(gradients.dq, exact.dq));
    CHECK(close(gradients.dk, exact.dk));
    CHECK(close(gradients.dv, exact.dv));
    CHECK(close(gradients.dbias, exact.dbias));
    CHECK(close(gradients.dsinks, exact.dsinks));
  });
}

}  // namespace orrery
