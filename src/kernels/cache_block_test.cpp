#include "kernels/cache_block.h"

#include <doctest/doctest.h>

#include <cstring>

#include "kernels/test_values.h"

using namespace orrery;

namespace {

constexpr int64_t kBlock = 24;

struct Block {
  std::vector<std::byte> keys, values;
  bool operator==(const Block&) const = default;
};

struct Shape {
  DType dtype;
  int64_t heads, head_dim;
};

// A block that held something else, after tokens [first, first + count) were written, `step` at a time.
Block written(const Kernels<float>& kernels, const Shape& shape, const std::vector<float>& k, const std::vector<float>& v, int64_t first, int64_t count, int64_t step) {
  BlockTokens<float> tokens{.heads = shape.heads, .head_dim = shape.head_dim, .dtype = shape.dtype, .block_size = kBlock};
  Block block;
  block.keys.assign(size_t(shape.heads * tokens.head_bytes()), std::byte(0xa5));
  block.values = block.keys;
  tokens.keys = block.keys.data(), tokens.values = block.values.data();
  for (int64_t i = 0; i < count; i += step) {
    tokens.k = k.data() + i * shape.heads * shape.head_dim, tokens.v = v.data() + i * shape.heads * shape.head_dim;
    tokens.first = first + i, tokens.count = std::min(step, count - i);
    kernels.fill_block(tokens);
  }
  return block;
}

// Where halves are whole and half numbers of the block's scale, the last of rounding's cases.
std::vector<float> numbers(Random& random, int64_t count, int kind) {
  std::vector<float> x = random_floats(random, count);
  for (size_t i = 0; i < x.size(); ++i) {
    if (kind == 1) x[i] *= std::ldexp(1.0f, int(i % 60) - 45);                     // below and above what f16 holds
    if (kind == 2) x[i] = i % 32 == 0 ? 127.0f : float(int(i % 40) - 20) * 0.5f;   // halves
    if (kind == 3) x[i] = kSpecialFloats[i % kSpecialFloats.size()];
    if (kind == 4) x[i] = i % 3 == 0 ? 0.0f : 1e-43f;
  }
  return x;
}

}  // namespace

TEST_CASE("tokens of a block are the reference's bits, alone and among others, and nothing else is written") {
  const Kernels<float>& reference = reference_kernels<float>();
  for (const Kernels<float>* k : runnable_kernels())
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::i8})
      for (const int64_t head_dim : {1, 4, 8, 20, 32, 33, 64, 72, 128})
        for (const int64_t heads : {1, 3})
          for (int kind = 0; kind < 5; ++kind)
            for (const auto& [first, count] : std::vector<std::pair<int64_t, int64_t>>{{0, kBlock}, {3, 1}, {5, 8}, {1, 15}, {7, 17}, {23, 1}, {4, 0}}) {
              CAPTURE(std::string(k->name));
              CAPTURE(std::string(name_of(dtype)));
              CAPTURE(head_dim);
              CAPTURE(kind);
              CAPTURE(count);
              Random random(uint64_t(head_dim * 7 + count));
              const std::vector<float> keys = numbers(random, count * heads * head_dim, kind), values = numbers(random, count * heads * head_dim, kind);
              const Shape shape{dtype, heads, head_dim};
              const Block expected = written(reference, shape, keys, values, first, count, kBlock);
              CHECK(written(*k, shape, keys, values, first, count, kBlock) == expected);
              CHECK(written(*k, shape, keys, values, first, count, 1) == expected);
            }
}

TEST_CASE("attention's view finds in a block what was written there") {
  constexpr int64_t kHeads = 2, kDim = 40, kTokens = 9, kFirst = 11;
  Random random(1);
  const std::vector<float> keys = random_floats(random, kTokens * kHeads * kDim), values = random_floats(random, kTokens * kHeads * kDim);
  const int32_t table[] = {0};
  for (const Kernels<float>* k : runnable_kernels())
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
      const Block block = written(*k, {dtype, kHeads, kDim}, keys, values, kFirst, kTokens, kTokens);
      const KeyValueView view{.k = block.keys.data(), .v = block.values.data(), .dtype = dtype, .token_stride = kDim, .head_stride = kBlock * kDim, .blocks = table, .block_size = kBlock, .block_stride = kHeads * kBlock * kDim, .keys_turned = true};
      double largest = 0;
      for (int64_t i = 0; i < kTokens; ++i)
        for (int64_t head = 0; head < kHeads; ++head)
          for (int64_t x = 0; x < kDim; ++x) {
            float key, value;
            convert(block.keys.data() + view.of_key(head, kFirst + i, x) * size_of(dtype), dtype, &key, DType::f32, 1);
            convert(block.values.data() + (view.at(head, kFirst + i) + x) * size_of(dtype), dtype, &value, DType::f32, 1);
            const size_t at = size_t((i * kHeads + head) * kDim + x);
            largest = std::max({largest, std::fabs(double(key - keys[at])), std::fabs(double(value - values[at]))});
          }
      CHECK(largest <= (dtype == DType::f32 ? 0 : 0.02));
    }
}
