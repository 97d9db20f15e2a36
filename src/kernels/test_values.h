// For tests only: the sizes and values at which kernels go wrong, and comparisons that know NaN and infinity.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/kernels.h"
#include "kernels/testing.h"

namespace orrery {

// Nothing, one, around each width of vector, several vectors with a tail, and primes.
inline const std::vector<int64_t> kTestSizes = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1000, 1009};

inline const float kInfinity = std::numeric_limits<float>::infinity();
inline const float kNan = std::numeric_limits<float>::quiet_NaN();
inline const std::vector<float> kSpecialFloats = {
    0.0f,       -0.0f,   1.0f,  -1.0f,  1e-45f, -1e-45f, 1e-40f,        -1e-40f,        1.17549435e-38f,
    1e-30f,     -1e-30f, 1e-8f, -1e-8f, 0.5f,   88.0f,   -88.0f,        89.5f,          -89.5f,
    104.5f,     -104.5f, 1e4f,  -1e4f,  1e20f,  -1e20f,  3.4028235e38f, -3.4028235e38f, kInfinity,
    -kInfinity, kNan};

inline std::vector<double> doubles(const std::vector<float>& values) { return {values.begin(), values.end()}; }

// A float within absolute + relative |exact| of a value known in double; infinite where the exact value rounds to that.
inline bool close_to(float got, double exact, double relative, double absolute) {
  if (std::isnan(exact)) return std::isnan(got);
  if (std::isnan(got)) return false;
  if (std::isinf(float(exact)) || std::isinf(got)) return got == float(exact);
  return std::fabs(double(got) - exact) <= absolute + relative * std::fabs(exact);
}

// The first place where two vectors are not close, in words; empty when they are.
inline std::string difference(const std::vector<float>& got, const std::vector<double>& exact, double relative,
                              double absolute) {
  if (got.size() != exact.size()) return "sizes differ";
  for (size_t i = 0; i < got.size(); ++i)
    if (!close_to(got[i], exact[i], relative, absolute))
      return "element " + std::to_string(i) + " is " + std::to_string(double(got[i])) + ", expected " +
             std::to_string(exact[i]) + ", apart by " + std::to_string(1e9 * (double(got[i]) - exact[i])) + "e-9";
  return "";
}

inline std::string bit_difference(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return "sizes differ";
  for (size_t i = 0; i < got.size(); ++i)
    if (!same_bits(got[i], expected[i]))
      return "element " + std::to_string(i) + " is " + std::to_string(double(got[i])) + ", expected " +
             std::to_string(double(expected[i]));
  return "";
}

// Holds `gradient` to the central differences of `loss`, a function of what `values` holds. Empty when all agree.
template <class Loss>
std::string gradient_difference(std::vector<double>& values, const std::vector<double>& gradient, Loss loss,
                                double tolerance = 1e-6) {
  for (size_t i = 0; i < values.size(); ++i) {
    const double kept = values[i], step = 1e-5 * std::fmax(1.0, std::fabs(kept));
    values[i] = kept + step;
    const double above = loss();
    values[i] = kept - step;
    const double below = loss();
    values[i] = kept;
    const double expected = (above - below) / (2 * step);
    if (!(std::fabs(gradient[i] - expected) <= tolerance * std::fmax(1.0, std::fabs(expected))))
      return "gradient " + std::to_string(i) + " is " + std::to_string(gradient[i]) + ", differences give " +
             std::to_string(expected);
  }
  return "";
}

inline std::vector<double> random_doubles(Random& random, int64_t count) {
  std::vector<double> values(static_cast<size_t>(count));
  for (double& value : values) value = random.normal();
  return values;
}

inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace orrery
