#include "base/block_format.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/npy.h"
#include "base/random.h"

using namespace orrery;

namespace {

constexpr BlockFormat kAll[] = {BlockFormat::q4_0, BlockFormat::q4_1, BlockFormat::q5_0, BlockFormat::q5_1,
                                BlockFormat::q8_0, BlockFormat::q4_k, BlockFormat::q5_k, BlockFormat::q6_k};

// tests/goldens/blocks: weights, their blocks by gguf (of 32 values) or llama.cpp (of 256), blocks of random bits, and what gguf makes of both.
struct Golden {
  std::map<std::string, NpyArray> arrays;
  Golden() {
    for (auto& [name, array] : read_npz("tests/goldens/blocks/golden.npz").value()) arrays.emplace(name, std::move(array));
  }
  std::vector<float> floats(const std::string& name) const {
    const auto values = arrays.at(name).values<float>();
    return {values.begin(), values.end()};
  }
  const std::vector<std::byte>& bytes(const std::string& name) const { return arrays.at(name).bytes; }
};

std::vector<float> dequantised(BlockFormat format, const std::vector<std::byte>& blocks) {
  std::vector<float> values(blocks.size() / size_t(bytes_per_block(format)) * size_t(values_per_block(format)));
  dequantise(format, blocks.data(), values.data(), int64_t(values.size()));
  return values;
}

std::vector<std::byte> quantised(BlockFormat format, const std::vector<float>& x) {
  std::vector<std::byte> blocks(size_t(bytes_of(format, int64_t(x.size()))));
  quantise(format, x.data(), blocks.data(), int64_t(x.size()));
  return blocks;
}

double rms_error(const std::vector<float>& x, const std::vector<float>& y, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += (double(x[i]) - double(y[i])) * (double(x[i]) - double(y[i]));
  return std::sqrt(sum / double(end - begin));
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

}  // namespace

TEST_CASE("blocks say what gguf reads from them, bit for bit") {
  const Golden golden;
  for (const BlockFormat format : kAll) {
    const std::string name = name_of(format);
    CAPTURE(name);
    CHECK(same_bits(dequantised(format, golden.bytes(name + ".blocks")), golden.floats(name + ".values")));
    CHECK(same_bits(dequantised(format, golden.bytes(name + ".bits")), golden.floats(name + ".bits_values")));
  }
}

TEST_CASE("blocks of 32 values are gguf's bytes") {
  const Golden golden;
  for (const BlockFormat format : kAll)
    if (values_per_block(format) == 32) {
      const std::string name = name_of(format);
      CAPTURE(name);
      CHECK(quantised(format, golden.floats("x")) == golden.bytes(name + ".blocks"));
    }
}

TEST_CASE("blocks of 256 values are as near to the weights as llama.cpp's") {
  const Golden golden;
  const std::vector<float> x = golden.floats("x");
  for (const BlockFormat format : kAll)
    if (values_per_block(format) == 256) {
      const std::string name = name_of(format);
      CAPTURE(name);
      const std::vector<float> ours = dequantised(format, quantised(format, x)), theirs = golden.floats(name + ".values");
      for (size_t at = 0; at < x.size(); at += 256) CHECK(rms_error(x, ours, at, at + 256) <= 1.02 * rms_error(x, theirs, at, at + 256));
    }
}

TEST_CASE("more bits are nearer") {
  Random random(3, 0);
  std::vector<float> x(4096);
  for (float& value : x) value = float(random.normal());
  const auto error = [&](BlockFormat format) { return rms_error(x, dequantised(format, quantised(format, x)), 0, x.size()); };
  CHECK(error(BlockFormat::q4_0) < 0.11);
  CHECK(error(BlockFormat::q4_k) < error(BlockFormat::q4_0));
  CHECK(error(BlockFormat::q5_0) < error(BlockFormat::q4_k));
  CHECK(error(BlockFormat::q5_k) < error(BlockFormat::q5_0));
  CHECK(error(BlockFormat::q6_k) < error(BlockFormat::q5_k));
  CHECK(error(BlockFormat::q8_0) < error(BlockFormat::q6_k));
  CHECK(error(BlockFormat::q8_0) < 0.008);
}

TEST_CASE("what blocks of 32 with a scale say is rounded to the same blocks again") {
  Random random(9);
  for (const BlockFormat format : {BlockFormat::q8_0, BlockFormat::q5_0, BlockFormat::q4_0})
    for (const double size : {1e-3, 1.0, 100.0}) {
      std::vector<float> x(32 * 200);
      for (float& value : x) value = float(size * random.normal());
      const std::vector<std::byte> blocks = quantised(format, x);
      CHECK(quantised(format, dequantised(format, blocks)) == blocks);
    }
}

TEST_CASE("values that are no numbers, huge or tiny, leave the blocks beside them alone") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  for (const BlockFormat format : kAll) {
    const size_t block = size_t(values_per_block(format));
    for (const float odd : {kInfinity, -kInfinity, kNan, 3e38f, -3e38f, 1e-45f}) {
      std::vector<float> x(2 * block, 0.5f);
      for (size_t i = 0; i < block; i += 3) x[i] = odd;
      const std::vector<std::byte> blocks = quantised(format, x), alone = quantised(format, std::vector<float>(block, 0.5f));
      CHECK(std::memcmp(blocks.data() + alone.size(), alone.data(), alone.size()) == 0);
      dequantised(format, blocks);
    }
  }
}

TEST_CASE("formats are found by their name and by their number in GGUF files") {
  for (const BlockFormat format : kAll) {
    CHECK(block_format_named(name_of(format)) == format);
    CHECK(block_format_of_gguf(gguf_type_of(format)) == format);
  }
  CHECK_FALSE(block_format_named("q9_9"));
  CHECK_FALSE(block_format_of_gguf(0));
  CHECK(bytes_of(BlockFormat::q4_k, 512) == 288);
  CHECK(bytes_of(BlockFormat::q6_k, 256) == 210);
  CHECK(bytes_of(BlockFormat::q8_0, 64) == 68);
}
