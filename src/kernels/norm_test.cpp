#include "kernels/norm.h"

#include <doctest/doctest.h>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

// Rows with their weights, and everything the norms make of them.
template <class T>
struct Rows {
  int64_t rows, cols;
  std::vector<T> x, w, b, dy;
  std::vector<T> y, mean, rstd, dx, dw, db;
};

template <class T>
Rows<T> with_room(int64_t rows, int64_t cols, std::vector<T> x, std::vector<T> w, std::vector<T> b, std::vector<T> dy) {
  const std::vector<T> matrix(x.size()), column(size_t(rows), T(0)), row(size_t(cols), T(0));
  return {rows,   cols,   std::move(x), std::move(w), std::move(b), std::move(dy),
          matrix, column, column,       matrix,       row,          row};
}

Rows<float> random_rows(int64_t rows, int64_t cols) {
  Random random(static_cast<uint64_t>(rows * 1000 + cols));
  std::vector<float> x = random_floats(random, rows * cols);
  for (float& value : x) value = value * 3 + 2;
  return with_room<float>(rows, cols, std::move(x), random_floats(random, cols), random_floats(random, cols),
                          random_floats(random, rows * cols));
}
Rows<double> widened(const Rows<float>& r) {
  return with_room<double>(r.rows, r.cols, doubles(r.x), doubles(r.w), doubles(r.b), doubles(r.dy));
}

template <class T>
void layer_norm(const Kernels<T>& k, Rows<T>& r) {
  k.layer_norm(r.x.data(), r.w.data(), r.b.data(), r.y.data(), r.mean.data(), r.rstd.data(), r.rows, r.cols, T(1e-5));
}
template <class T>
void layer_norm_backward(const Kernels<T>& k, Rows<T>& r) {
  k.layer_norm_backward(r.x.data(), r.w.data(), r.mean.data(), r.rstd.data(), r.dy.data(), r.dx.data(), r.rows, r.cols);
  k.layer_norm_backward_weights(r.x.data(), r.mean.data(), r.rstd.data(), r.dy.data(), r.dw.data(), r.db.data(), r.rows,
                                r.cols, 0, r.cols, false);
}
template <class T>
void rms_norm(const Kernels<T>& k, Rows<T>& r, T offset) {
  k.rms_norm(r.x.data(), r.w.data(), r.y.data(), r.rstd.data(), r.rows, r.cols, T(1e-5), offset);
}
template <class T>
void rms_norm_backward(const Kernels<T>& k, Rows<T>& r, T offset) {
  k.rms_norm_backward(r.x.data(), r.w.data(), r.rstd.data(), r.dy.data(), r.dx.data(), r.rows, r.cols, offset);
  k.rms_norm_backward_weights(r.x.data(), r.rstd.data(), r.dy.data(), r.dw.data(), r.rows, r.cols, 0, r.cols, false);
}

constexpr double kTolerance = 2e-6;  // of numbers of order one

}  // namespace

TEST_CASE("every class computes the layer norm and gradients of the reference") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : kTestSizes)
      for (const int64_t rows : {1, 3, 4, 6}) {
        CAPTURE(std::string(k->name));
        CAPTURE(cols);
        Rows<float> got = random_rows(rows, cols);
        Rows<double> exact = widened(got);
        layer_norm(*k, got);
        layer_norm(reference_kernels<double>(), exact);
        if (cols == 1) {  // nothing varies: rstd is 1 / sqrt(eps), and x - mean exactly 0
          CHECK(bit_difference(got.y, std::vector<float>(size_t(rows), got.b[0])) == "");
          continue;
        }
        CHECK(difference(got.y, exact.y, kTolerance, kTolerance) == "");
        if (cols != 0) CHECK(difference(got.mean, exact.mean, 1e-6, 1e-6) == "");
        if (cols != 0) CHECK(difference(got.rstd, exact.rstd, 1e-6, 0) == "");
        layer_norm_backward(*k, got);
        layer_norm_backward(reference_kernels<double>(), exact);
        CHECK(difference(got.dx, exact.dx, 5e-6, 5e-6) == "");
        CHECK(difference(got.dw, exact.dw, 5e-6, 5e-6) == "");
        CHECK(difference(got.db, exact.db, 1e-6, 1e-6) == "");
      }
}

TEST_CASE("every class computes the RMS norm and gradients of the reference") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : kTestSizes)
      for (const float offset : {0.0f, 1.0f}) {
        CAPTURE(std::string(k->name));
        CAPTURE(cols);
        Rows<float> got = random_rows(5, cols);
        Rows<double> exact = widened(got);
        rms_norm(*k, got, offset);
        rms_norm(reference_kernels<double>(), exact, double(offset));
        CHECK(difference(got.y, exact.y, kTolerance, kTolerance) == "");
        if (cols != 0) CHECK(difference(got.rstd, exact.rstd, 1e-6, 0) == "");
        rms_norm_backward(*k, got, offset);
        rms_norm_backward(reference_kernels<double>(), exact, double(offset));
        CHECK(difference(got.dx, exact.dx, 5e-6, 5e-6) == "");
        CHECK(difference(got.dw, exact.dw, 5e-6, 5e-6) == "");
      }
}

TEST_CASE("norms go on at equal values, denormals, infinities and NaN") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 7, 16, 33}) {
      CAPTURE(std::string(k->name));
      Rows<float> r = random_rows(4, cols);
      for (int64_t c = 0; c < cols; ++c) {
        r.x[size_t(c)] = 3.0f;           // all equal
        r.x[size_t(cols + c)] = 1e-42f;  // denormal
        r.x[size_t(2 * cols + c)] = c == 0 ? kNan : 1.0f;
        r.x[size_t(3 * cols + c)] = c == 0 ? kInfinity : 1.0f;
      }
      layer_norm(*k, r);
      for (int64_t c = 0; c < cols; ++c) {
        CHECK(r.y[size_t(c)] == r.b[size_t(c)]);
        CHECK(close_to(r.y[size_t(cols + c)], double(r.b[size_t(c)]), 1e-6, 1e-6));
        CHECK(std::isnan(r.y[size_t(2 * cols + c)]));
        CHECK(std::isnan(r.y[size_t(3 * cols + c)]));
      }
      rms_norm(*k, r, 0.0f);
      for (int64_t c = 0; c < cols; ++c) {
        CHECK(close_to(r.y[size_t(c)], double(r.w[size_t(c)]), 1e-6, 0));
        CHECK(close_to(r.y[size_t(cols + c)], 0, 0, 1e-37));
        CHECK(std::isnan(r.y[size_t(2 * cols + c)]));
      }
    }
}

TEST_CASE("a row's norm does not depend on the other rows, and may overwrite its input") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const int64_t cols : {1, 7, 16, 65, 300}) {
      CAPTURE(std::string(k->name));
      Rows<float> layer = random_rows(7, cols), rms = layer;
      layer_norm(*k, layer);
      layer_norm_backward(*k, layer);
      rms_norm(*k, rms, 1.0f);
      rms_norm_backward(*k, rms, 1.0f);
      for (int64_t r = 0; r < 7; ++r) {
        const auto row = [&](const std::vector<float>& m) {
          return std::vector<float>(m.begin() + r * cols, m.begin() + (r + 1) * cols);
        };
        std::vector<float> x = row(layer.x), dy = row(layer.dy);
        k->layer_norm_backward(x.data(), layer.w.data(), &layer.mean[size_t(r)], &layer.rstd[size_t(r)], dy.data(),
                               dy.data(), 1, cols);
        CHECK(bit_difference(dy, row(layer.dx)) == "");
        k->layer_norm(x.data(), layer.w.data(), layer.b.data(), x.data(), nullptr, nullptr, 1, cols, 1e-5f);
        CHECK(bit_difference(x, row(layer.y)) == "");
        x = row(rms.x), dy = row(rms.dy);
        k->rms_norm_backward(x.data(), rms.w.data(), &rms.rstd[size_t(r)], dy.data(), dy.data(), 1, cols, 1.0f);
        CHECK(bit_difference(dy, row(rms.dx)) == "");
        k->rms_norm(x.data(), rms.w.data(), x.data(), nullptr, 1, cols, 1e-5f, 1.0f);
        CHECK(bit_difference(x, row(rms.y)) == "");
      }
    }
}

TEST_CASE("gradients of weights do not depend on how rows and columns are cut") {
  const int64_t rows = 11, cols = 45, first = 3;
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    Rows<float> r = random_rows(rows, cols);
    layer_norm(*k, r);
    layer_norm_backward(*k, r);
    std::vector<float> dw(size_t(cols), 7.0f), db(size_t(cols), 7.0f);
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 17}, {17, 18}, {18, cols}}) {
      k->layer_norm_backward_weights(r.x.data(), r.mean.data(), r.rstd.data(), r.dy.data(), dw.data(), db.data(), first,
                                     cols, begin, end, false);
      k->layer_norm_backward_weights(&r.x[size_t(first * cols)], &r.mean[size_t(first)], &r.rstd[size_t(first)],
                                     &r.dy[size_t(first * cols)], dw.data(), db.data(), rows - first, cols, begin, end,
                                     true);
    }
    CHECK(bit_difference(dw, r.dw) == "");
    CHECK(bit_difference(db, r.db) == "");
    k->layer_norm_backward_weights(r.x.data(), r.mean.data(), r.rstd.data(), r.dy.data(), dw.data(), nullptr, rows,
                                   cols, 0, cols, false);
    CHECK(bit_difference(dw, r.dw) == "");

    rms_norm(*k, r, 0.0f);
    rms_norm_backward(*k, r, 0.0f);
    for (const auto& [begin, end] : {std::pair<int64_t, int64_t>{0, 40}, {40, cols}}) {
      k->rms_norm_backward_weights(r.x.data(), r.rstd.data(), r.dy.data(), dw.data(), first, cols, begin, end, false);
      k->rms_norm_backward_weights(&r.x[size_t(first * cols)], &r.rstd[size_t(first)], &r.dy[size_t(first * cols)],
                                   dw.data(), rows - first, cols, begin, end, true);
    }
    CHECK(bit_difference(dw, r.dw) == "");
  }
}

TEST_CASE("the gradients of the norms agree with finite differences") {
  const Kernels<double>& k = reference_kernels<double>();
  Random random(9);
  Rows<double> r = with_room<double>(3, 7, random_doubles(random, 21), random_doubles(random, 7),
                                     random_doubles(random, 7), random_doubles(random, 21));
  const auto layer_loss = [&] {
    Rows<double> again = r;
    layer_norm(k, again);
    return dot(again.y, r.dy);
  };
  layer_norm(k, r);
  layer_norm_backward(k, r);
  CHECK(gradient_difference(r.x, r.dx, layer_loss) == "");
  CHECK(gradient_difference(r.w, r.dw, layer_loss) == "");
  CHECK(gradient_difference(r.b, r.db, layer_loss) == "");
  for (const double offset : {0.0, 1.0}) {
    const auto rms_loss = [&] {
      Rows<double> again = r;
      rms_norm(k, again, offset);
      return dot(again.y, r.dy);
    };
    rms_norm(k, r, offset);
    rms_norm_backward(k, r, offset);
    CHECK(gradient_difference(r.x, r.dx, rms_loss) == "");
    CHECK(gradient_difference(r.w, r.dw, rms_loss) == "");
  }
}
