#include "kernels/dropout.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

std::vector<float> dropped(const Kernels<float>& k, std::vector<float> x, const std::vector<uint32_t>& sequences,
                           const std::vector<int32_t>& positions, float probability,
                           uint64_t seed = 0x123456789abcdefu) {
  const Dropout dropout{.probability = probability,
                        .seed = seed,
                        .stream = 5,
                        .sequences = sequences.data(),
                        .positions = positions.data()};
  const int64_t rows = int64_t(positions.size());
  k.dropout(x.data(), x.data(), rows, rows == 0 ? 0 : int64_t(x.size()) / rows, dropout);
  return x;
}

}  // namespace

TEST_CASE("every class keeps the elements that the definition keeps") {
  for (const Kernels<float>* k : runnable_kernels())
    for (const float probability : {0.0f, 1e-9f, 0.1f, 0.5f, 0.999f})
      for (const int64_t cols : kTestSizes) {
        CAPTURE(std::string(k->name));
        CAPTURE(probability);
        CAPTURE(cols);
        Random random(1);
        const std::vector<float> x = random_floats(random, 3 * cols);
        const std::vector<uint32_t> sequences = {0, 7, 0xffffffffu};
        const std::vector<int32_t> positions = {0, 1000, 2147483647};
        const std::vector<float> y = dropped(*k, x, sequences, positions, probability);
        std::vector<float> expected;
        for (size_t r = 0; r < 3; ++r)
          for (uint32_t c = 0; c < uint32_t(cols); ++c) {
            const Counter bits = philox(0x123456789abcdefu, {5, sequences[r], uint32_t(positions[r]), c / 4});
            const float kept = x[r * size_t(cols) + c] * float(1 / (1 - double(probability)));
            expected.push_back(uniform(bits[c % 4]) < probability ? 0.0f : kept);
          }
        CHECK(bit_difference(y, expected) == "");
      }
}

TEST_CASE("an element's fate depends on its sequence, position and column, not on its neighbours") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const std::vector<float> ones(size_t(4 * 50), 1.0f), row(50, 1.0f);
    const std::vector<float> all = dropped(*k, ones, {3, 3, 4, 9}, {0, 1, 0, 12}, 0.5f);
    CHECK(bit_difference(dropped(*k, row, {9}, {12}, 0.5f), {all.begin() + 150, all.end()}) == "");
    CHECK(bit_difference({all.begin(), all.begin() + 50}, {all.begin() + 50, all.begin() + 100}) != "");
    CHECK(bit_difference({all.begin(), all.begin() + 50}, {all.begin() + 100, all.begin() + 150}) != "");
    CHECK(bit_difference(dropped(*k, row, {9}, {12}, 0.5f, 1), {all.begin() + 150, all.end()}) != "");
  }
}

TEST_CASE("the share that is dropped is the probability, and what is dropped is zero even where it was NaN") {
  for (const Kernels<float>* k : runnable_kernels()) {
    CAPTURE(std::string(k->name));
    const std::vector<float> y = dropped(*k, std::vector<float>(100000, 1.0f), {1}, {1}, 0.2f);
    const auto zeros = std::count(y.begin(), y.end(), 0.0f);
    CHECK(std::fabs(double(zeros) - 20000) < 5 * std::sqrt(100000 * 0.2 * 0.8));
    const std::vector<float> nans = dropped(*k, std::vector<float>(1000, kNan), {1}, {1}, 0.2f);
    for (size_t i = 0; i < nans.size(); ++i) CHECK((y[i] == 0 ? nans[i] == 0 : std::isnan(nans[i])));
  }
}
