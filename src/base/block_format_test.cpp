#include "base/block_format.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "base/block_scales.h"
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

namespace {
// A block of 32 that begins with these values, the rest 0; as it is stored.
template <class Block>
Block stored(BlockFormat format, std::vector<float> x) {
  x.resize(size_t(Block::kValues));
  Block block;
  quantise(format, x.data(), reinterpret_cast<std::byte*>(&block), int64_t(x.size()));
  return block;
}
constexpr uint16_t kMinusZero = 0x8000;
}  // namespace

TEST_CASE("of extremes that are equal the first one counts, zeros of both signs too") {
  CHECK(stored<BlockQ4_0>(BlockFormat::q4_0, {0, 2, -1, -2, 2}).d == 0xb400);   // -0.25
  CHECK(stored<BlockQ4_0>(BlockFormat::q4_0, {0, -2, -1, 2, 2}).d == 0x3400);
  CHECK(stored<BlockQ5_0>(BlockFormat::q5_0, {1, -2, -2}).d == 0x3000);         // 0.125
  CHECK(stored<BlockQ4_0>(BlockFormat::q4_0, {-0.0f, -0.0f}).d == kMinusZero);  // 0 / -8
  CHECK(stored<BlockQ8_0>(BlockFormat::q8_0, {-0.0f, -0.0f}).d == 0);
  CHECK(stored<BlockQ4_1>(BlockFormat::q4_1, {1, 0.0f, -0.0f}).m == 0);
  CHECK(stored<BlockQ4_1>(BlockFormat::q4_1, {1, -0.0f, 0.0f}).m == kMinusZero);
  CHECK(stored<BlockQ5_1>(BlockFormat::q5_1, {-0.0f, 0.0f}).m == kMinusZero);
}

TEST_CASE("halves are rounded away from 0, and what an endless inverse makes of zeros is 0") {
  const auto q8_0 = stored<BlockQ8_0>(BlockFormat::q8_0, {127, 0.5f, -0.5f, 1.5f, -2.5f, 0.49f, -126.5f});
  const int8_t expected[] = {127, 1, -1, 2, -3, 0, -127, 0};
  CHECK(std::memcmp(q8_0.q, expected, sizeof expected) == 0);
  const auto tiny = stored<BlockQ8_0>(BlockFormat::q8_0, {1e-40f, 0, -1e-40f, -0.0f});
  const int8_t of_tiny[] = {127, 0, -127, 0};
  CHECK(std::memcmp(tiny.q, of_tiny, sizeof of_tiny) == 0);
  const auto tiny_range = stored<BlockQ4_1>(BlockFormat::q4_1, {1e-40f, 0});
  CHECK(tiny_range.q[0] == 15);
  CHECK(tiny_range.q[1] == 0);
}

TEST_CASE("what is no number is 0 among its neighbours in blocks of 32") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto q8_0 = stored<BlockQ8_0>(BlockFormat::q8_0, {nan, 127, -nan, -3}), without = stored<BlockQ8_0>(BlockFormat::q8_0, {0, 127, 0, -3});
  CHECK(q8_0.d == without.d);
  CHECK(std::memcmp(q8_0.q, without.q, sizeof q8_0.q) == 0);
}

TEST_CASE("small blocks that are searched side by side do not see each other") {
  Random random(7, 0);
  constexpr int kCount = 32;
  std::vector<std::vector<float>> kinds(6, std::vector<float>(kCount, 0.0f));
  for (float& value : kinds[0]) value = float(random.normal());
  for (float& value : kinds[1]) value = float(0.01 * random.normal() + 3);
  for (float& value : kinds[3]) value = -0.25f;
  kinds[4][5] = 1e-40f;
  kinds[5][9] = std::numeric_limits<float>::infinity();
  const auto joined = [&](const std::vector<size_t>& of) {
    std::vector<float> x;
    for (const size_t kind : of) x.insert(x.end(), kinds[kind].begin(), kinds[kind].end());
    return x;
  };
  const Search search{-1.0f, 0.1f, 20};
  for (size_t first = 0; first < kinds.size(); ++first) {
    std::vector<size_t> of;
    for (size_t lane = 0; lane < kSearched; ++lane) of.push_back((first + lane) % kinds.size());
    float scales[kSearched], same_scales[kSearched];
    ScaleAndMin found[kSearched], same_found[kSearched];
    search_scales(joined(of).data(), kCount, 32, scales);
    search_scales_and_mins(joined(of).data(), kCount, 15, search, found);
    for (size_t lane = 0; lane < kSearched; ++lane) {
      const std::vector<float> same = joined(std::vector<size_t>(kSearched, of[lane]));
      search_scales(same.data(), kCount, 32, same_scales);
      search_scales_and_mins(same.data(), kCount, 15, search, same_found);
      CHECK(std::memcmp(&scales[lane], &same_scales[0], sizeof(float)) == 0);
      CHECK(std::memcmp(&found[lane], &same_found[0], sizeof(ScaleAndMin)) == 0);
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
