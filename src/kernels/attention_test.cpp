#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/block_format.h"
#include "base/random.h"
#include "kernels/attention_testing.h"

namespace orrery {

TEST_CASE("attention is the formula") {
  for (const Shape& shape : kShapes)
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const float spread : {1.0f, 8.0f}) {
        const Problem problem(shape, dtype, spread);
        const Exact exact(problem);
        for (const Kernels<float>* kernels : runnable_kernels()) {
          const Output output = run(*kernels, problem, 1000);
          INFO(std::string(kernels->name) << " queries " << shape.num_queries << " keys " << shape.num_keys);
          CHECK(largest_difference(output.out, exact.out) < 3e-6 * double(spread));
          CHECK(largest_difference(output.lse, exact.lse) < 3e-6 * double(spread));
        }
      }
}

// Queries, keys and values are exact in bf16, so that nothing but p is rounded: to a part in 512.
TEST_CASE("products of bf16 are the formula but for the rounding of p, the same bits in every class without tiles") {
  for (const Shape& shape : kShapes)
    for (const float spread : {1.0f, 8.0f}) {
      Problem problem(shape, DType::bf16, spread);
      for (float& x : problem.q) x = bf16_to_float(float_to_bf16(x));
      const Exact exact(problem);
      problem.bf16 = true;
      std::vector<Output> outputs;
      for (const Kernels<float>* kernels : runnable_kernels()) {
        const Output output = run(*kernels, problem, 1000);
        INFO(std::string(kernels->name) << " queries " << shape.num_queries << " keys " << shape.num_keys);
        CHECK(largest_difference(output.out, exact.out) < 0.01);
        CHECK(largest_difference(output.lse, exact.lse) < 3e-6 * double(spread));
        if (std::string(kernels->name) == "avx2" || std::string(kernels->name) == "avx512") outputs.push_back(output);
      }
      for (const Output& output : outputs) CHECK(output == outputs.front());
    }
}

TEST_CASE("a query that sees nothing gives zeros and a log-sum-exp of -inf") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const Shape& shape : {Shape{3, 0, 0}, Shape{7, 100, 50, 1, 1, 16, true, 5}}) {
      const Output output = run(*kernels, Problem(shape), 1000);
      for (const float value : output.out) CHECK(same_bits(value, 0.0f));
      for (const float value : output.lse) CHECK(value == -std::numeric_limits<float>::infinity());
    }
}

TEST_CASE("a query's bits do not depend on the queries it is computed with") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const Shape& shape : kShapes)
      for (const DType dtype : {DType::f32, DType::bf16}) {
        Problem problem(shape, dtype);
        problem.bf16 = dtype == DType::bf16;
        const Output whole = run(*kernels, problem, 1000);
        for (const int64_t tile : {1, 17, 64}) CHECK(run(*kernels, problem, tile) == whole);
      }
}

TEST_CASE("a query's bits do not depend on the keys after it") {
  const Shape shape{150, 0, 150, 2, 1, 40, true, 0};
  for (const int64_t window : {0, 33})
    for (const Kernels<float>* kernels : runnable_kernels()) for (const bool bf16 : {false, true}) {
      Problem problem(shape);
      problem.bf16 = bf16;
      problem.shape.window = window;
      const Output whole = run(*kernels, problem, 1000);
      Output cached = whole;
      for (float& value : cached.out) value = 0;
      // Token by token, as with a cache; and what lies behind the keys is not even a number.
      std::vector<float> k(problem.k.size(), std::numeric_limits<float>::quiet_NaN()), v = k;
      for (int64_t i = 0; i < shape.num_queries; ++i) {
        const int64_t width = problem.kv_width();
        std::copy_n(problem.k.begin() + i * width, width, k.begin() + i * width);
        std::copy_n(problem.v.begin() + i * width, width, v.begin() + i * width);
        std::vector<float> out, lse;
        Attention<float> args = problem.call(problem.q, k.data(), v.data(), DType::f32, out, lse);
        args.q += i * args.q_stride;
        args.out = cached.out.data() + i * args.out_stride;
        args.lse = cached.lse.data() + i * args.num_heads;
        args.num_queries = 1;
        args.query_start = i;
        args.num_keys = i + 1;
        for (int64_t head = 0; head < args.num_heads; ++head)
          kernels->attention(args, head, 0, 1, problem.scratch.data());
      }
      CHECK(cached == whole);
    }
}

TEST_CASE("a step of one query gives the bits of attention, head by head") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const Shape& shape : {Shape{1, 0, 1, 2, 2, 16, true}, Shape{1, 499, 500, 6, 2, 48, true, 70, -1, 5, 2, true, true}, Shape{1, 3 * kKeyPart + 9, 3 * kKeyPart + 10, 4, 2, 16, true, 100, -1, 70}, Shape{1, 130, 131, 4, 4, 64, true}, Shape{1, 700, 701, 16, 2, 128, true}, Shape{1, 199, 200, 7, 1, 24, true},
                               Shape{1, 300, 301, 14, 1, 32, true, 77}, Shape{1, 149, 150, 6, 2, 48, true, 0, 9}, Shape{1, 0, 90, 8, 4, 80, false},
                               Shape{1, 2 * kKeyPart + 70, 2 * kKeyPart + 71, 6, 2, 40, true, kKeyPart + 200}, Shape{1, 3 * kKeyPart - 1, 3 * kKeyPart, 2, 1, 8, true}})
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
        for (const int64_t block_size : {0, 5, 64}) for (const bool bf16 : {false, true}) {
          if (bf16 && kernels == runnable_kernels().front()) continue;   // the references have no other way
          Problem problem(shape, dtype);
          problem.bf16 = bf16;
          Output apart = run(*kernels, problem, 1), together;
          Attention<float> args = problem.call(problem.q, problem.k_stored.data(), problem.v_stored.data(), dtype, together.out, together.lse);
          std::vector<int32_t> blocks;     // in order: the last is not whole, and nothing behind it is read
          if (block_size > 0) {
            for (int64_t b = 0; b * block_size < shape.num_keys; ++b) blocks.push_back(int32_t(b));
            args.kv.blocks = blocks.data();
            args.kv.block_size = block_size;
            args.kv.block_stride = block_size * args.kv.token_stride;
          }
          for (int64_t kv_head = 0; kv_head < args.num_kv_heads; ++kv_head) kernels->attention_step(args, kv_head, problem.scratch.data());
          CHECK(together == apart);

          Output shared = together;                 // and part by part, the last one first
          for (float& x : shared.out) x = 0;
          args.out = shared.out.data(), args.lse = shared.lse.data();
          const int64_t first = first_key_seen(args) / kKeyPart, parts = (last_key_seen(args) + kKeyPart - 1) / kKeyPart - first, size = shape.num_heads / shape.num_kv_heads * state_width(shape.head_dim);
          std::vector<float> states(size_t(parts * size), std::numeric_limits<float>::quiet_NaN());
          for (int64_t kv_head = 0; kv_head < args.num_kv_heads; ++kv_head) {
            for (int64_t part = parts - 1; part >= 0; --part) kernels->attention_part(args, kv_head, first + part, states.data() + part * size, problem.scratch.data());
            kernels->attention_merge(args, kv_head, parts, states.data(), problem.scratch.data());
          }
          CHECK(shared == apart);
        }
}

TEST_CASE("keys that are not seen do not leak, whatever they hold") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const float garbage : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
      for (const bool in_keys : {false, true})
        for (const int64_t sinks : {0, 3, 4}) for (const bool bf16 : {false, true}) {
          Problem problem({100, 0, 100, 1, 1, 16, true, 30, -1, sinks});
          problem.bf16 = bf16;
          const Output clean = run(*kernels, problem, 1000);
          (in_keys ? problem.k : problem.v)[45 * 16 + 3] = garbage;  // token 45
          problem.store();
          const Output dirty = run(*kernels, problem, 1000);
          for (size_t i = 0; i < 100; ++i)
            if (i < 45 || i >= 75)
              for (size_t x = 0; x < 16; ++x) CHECK(same_bits(clean.out[i * 16 + x], dirty.out[i * 16 + x]));
            else
              CHECK((in_keys && garbage > 0 ? true : !std::isfinite(dirty.out[i * 16 + 3])));
          for (int64_t i = 75; i < 100; ++i) {      // and token by token
            Output step = dirty;
            Attention<float> args = problem.call(problem.q, problem.k.data(), problem.v.data(), DType::f32, step.out, step.lse);
            args.q += i * 16, args.out += i * 16, args.num_queries = 1, args.query_start = i, args.num_keys = i + 1;
            kernels->attention_step(args, 0, problem.scratch.data());
            CHECK(std::equal(args.out, args.out + 16, clean.out.begin() + i * 16, same_bits));
          }
        }
}

TEST_CASE("keys in pages give the bits of keys in a row, heads apart or not, turned or not") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const DType dtype : {DType::f32, DType::bf16, DType::f16})
      for (const int64_t block_size : {1, 16, 48, 64})
        for (const int layout : {0, 1, 2}) for (const bool bf16 : {false, true}) {
          const bool heads_apart = layout > 0;
          const int64_t head_dim = block_size == 64 ? 32 : layout == 2 ? 23 : 24;
          Problem problem({60, 90, 150, block_size == 64 && layout == 2 ? 16 : 4, 2, head_dim, true}, dtype);   // heads that share keys fill slivers, where those lie in place
          problem.bf16 = bf16;
          const Output whole = run(*kernels, problem, 1000);
          const int64_t width = problem.kv_width(), dim = problem.shape.head_dim, num_blocks = (150 + block_size - 1) / block_size;
          const int64_t block_stride = (block_size + 3) * width * 2;     // as several layers share
          std::vector<int32_t> blocks(size_t(num_blocks), 0);
          for (size_t b = 0; b < blocks.size(); ++b) blocks[b] = int32_t(b * 5 % (blocks.size() + (blocks.size() % 5 == 0)));
          std::vector<char> pages(size_t((num_blocks + 1) * block_stride * size_of(dtype)), char(0xff));  // NaN elsewhere
          KeyValueView view;
          view.dtype = dtype;
          view.k = pages.data();
          const int64_t to_values = heads_apart ? block_size * width : width;
          view.v = pages.data() + to_values * size_of(dtype);
          view.token_stride = heads_apart ? dim : 2 * width;
          view.head_stride = heads_apart ? block_size * dim : dim;
          view.blocks = blocks.data();
          view.block_size = block_size;
          view.block_stride = block_stride;
          view.keys_turned = layout == 2;
          for (int64_t j = 0; j < 150; ++j)
            for (int64_t head = 0; head < 2; ++head) {
              const int64_t from = (j * width + head * dim) * size_of(dtype);
              std::memcpy(pages.data() + (view.at(head, j) + to_values) * size_of(dtype), problem.v_stored.data() + from, size_t(dim * size_of(dtype)));
              for (int64_t x = 0; x < dim; ++x)
                std::memcpy(pages.data() + view.of_key(head, j, x) * size_of(dtype), problem.k_stored.data() + from + x * size_of(dtype), size_t(size_of(dtype)));
            }
          Output paged;
          Attention<float> args = problem.call(problem.q, nullptr, nullptr, dtype, paged.out, paged.lse);
          args.kv = view;
          for (int64_t head = 0; head < args.num_heads; ++head)
            kernels->attention(args, head, 0, args.num_queries, problem.scratch.data());
          CHECK(paged == whole);
          for (int64_t i = 0; i < args.num_queries; ++i) {      // and token by token
            Attention<float> step = args;
            step.q += i * args.q_stride, step.out += i * args.out_stride, step.lse += i * args.num_heads;
            step.num_queries = 1, step.query_start += i, step.num_keys = step.query_start + 1;
            std::fill_n(step.out, args.num_heads * dim, 0.0f);
            for (int64_t head = 0; head < args.num_kv_heads; ++head) kernels->attention_step(step, head, problem.scratch.data());
          }
          CHECK(paged == whole);
        }
}

TEST_CASE("a cache in q8_0 gives the bits of its numbers as floats") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const int64_t dim : {4, 24, 64, 80, 256})
      for (const int64_t block_size : {1, 16, 48, 64, 128})
        for (const float garbage : {0.0f, std::numeric_limits<float>::quiet_NaN()}) {
          const int64_t heads = block_size < 64 ? 4 : dim == 64 ? 14 : dim == 80 ? 16 : dim == 256 ? 30 : 4;
          Problem problem({12, 138, 150, heads, 2, dim, true, garbage == 0 ? 0 : 9, -1, garbage == 0 ? 0 : 3});
          const int64_t width = problem.kv_width(), groups = scales_of_head(dim), num_blocks = (150 + block_size - 1) / block_size;
          KeyValueView view;
          view.dtype = DType::i8;
          view.token_stride = dim;
          view.scales = block_size * dim;
          view.head_stride = view.scales + block_size * groups * 2;
          view.block_stride = 2 * view.head_stride;
          view.block_size = block_size;
          view.keys_turned = true;
          std::vector<int32_t> blocks(size_t(num_blocks), 0);
          for (size_t b = 0; b < blocks.size(); ++b) blocks[b] = int32_t(blocks.size() - 1 - b);
          view.blocks = blocks.data();
          std::vector<char> k(size_t(num_blocks * view.block_stride), 127), v = k;
          view.k = k.data(), view.v = v.data();
          for (int64_t j = 0; j < 150; ++j)
            for (int64_t head = 0; head < 2; ++head)
              for (int64_t x = 0; x < dim; x += kScaledElements)
                for (const bool keys : {true, false}) {
                  const int64_t count = std::min(kScaledElements, dim - x), group = x / kScaledElements, inside = j % block_size;
                  float* values = (keys ? problem.k : problem.v).data() + j * width + head * dim + x;
                  float padded[BlockQ8_0::kValues] = {};
                  std::copy_n(values, count, padded);
                  BlockQ8_0 block;
                  encode(padded, block);
                  if (garbage != 0 && j == 120 && head == 1) block.d = 0x7e00;   // NaN, behind the window
                  decode(block, padded);
                  std::copy_n(padded, count, values);
                  std::vector<char>& to = keys ? k : v;
                  for (int64_t i = 0; i < count; ++i) to[size_t(keys ? view.of_key(head, j, x + i) : view.at(head, j) + x + i)] = char(block.q[i]);
                  const int64_t scale = view.head_part(head, j) + view.scales + 2 * (keys ? group * block_size + inside : inside * groups + group);
                  std::memcpy(to.data() + scale, &block.d, 2);
                }
          problem.store();
          const Output whole = run(*kernels, problem, 1000);
          Output paged;
          Attention<float> args = problem.call(problem.q, nullptr, nullptr, DType::f32, paged.out, paged.lse), rows = args;
          args.kv = view;
          for (int64_t head = 0; head < args.num_heads; ++head) kernels->attention(args, head, 0, args.num_queries, problem.scratch.data());
          CHECK(paged == whole);
          rows.kv.k = problem.k_stored.data();
          for (int64_t head = 0; head < args.num_heads; ++head) {
            std::vector<float> expected(size_t(12 * 150)), pattern = expected;
            kernels->attention_pattern(rows, head, 0, 12, expected.data(), problem.scratch.data());
            kernels->attention_pattern(args, head, 0, 12, pattern.data(), problem.scratch.data());
            CHECK(std::equal(pattern.begin(), pattern.end(), expected.begin(), same_bits));
          }
          for (int64_t i = 0; i < args.num_queries; ++i) {
            Attention<float> step = args;
            step.q += i * args.q_stride, step.out += i * args.out_stride, step.lse += i * args.num_heads;
            step.num_queries = 1, step.query_start += i, step.num_keys = step.query_start + 1;
            std::fill_n(step.out, args.num_heads * dim, 0.0f);
            for (int64_t head = 0; head < args.num_kv_heads; ++head) kernels->attention_step(step, head, problem.scratch.data());
          }
          CHECK(paged == whole);
        }
}

TEST_CASE("dropout on the pattern is the reference's, in whatever tiles") {
  for (const Kernels<float>* kernels : runnable_kernels()) {
    Problem problem({70, 30, 100, 2, 1, 16, true});
    problem.dropout = {0.3f, 12345, 7, 3};
    const Exact exact(problem);
    const Output whole = run(*kernels, problem, 1000);
    CHECK(largest_difference(whole.out, exact.out) < 6e-6);
    CHECK(run(*kernels, problem, 1) == whole);
    CHECK(run(*kernels, problem, 19) == whole);
    problem.dropout = {};
    CHECK_FALSE(run(*kernels, problem, 1000).out == whole.out);
    CHECK(run(*kernels, problem, 1000).lse == whole.lse);
  }
}

TEST_CASE("the pattern of attention mixes the values to its output") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const Shape& shape : kShapes) for (const bool bf16 : {false, true}) {
      Problem problem(shape);
      problem.bf16 = bf16;
      Output output;
      const Attention<float> args = problem.call(problem.q, problem.k.data(), problem.v.data(), DType::f32, output.out,
                                                 output.lse);
      for (int64_t head = 0; head < args.num_heads; ++head) {
        kernels->attention(args, head, 0, args.num_queries, problem.scratch.data());
        std::vector<float> pattern(size_t(shape.num_queries * shape.num_keys), -7.0f), part = pattern;
        kernels->attention_pattern(args, head, 0, args.num_queries, pattern.data(), problem.scratch.data());
        const int64_t kv_head = head / (args.num_heads / args.num_kv_heads);
        double largest = 0;
        bool unseen_is_zero = true;
        for (int64_t i = 0; i < shape.num_queries; ++i)
          for (int64_t x = 0; x < shape.head_dim; ++x) {
            double sum = 0;
            for (int64_t j = 0; j < shape.num_keys; ++j) {
              const float p = pattern[size_t(i * shape.num_keys + j)];
              if (shape.causal && j > shape.query_start + i) unseen_is_zero &= p == 0;
              sum += double(p) * double(problem.v[size_t(j * problem.kv_width() + kv_head * shape.head_dim + x)]);
            }
            largest = std::max(largest, std::abs(sum - double(output.out[size_t(i * args.out_stride + head * shape.head_dim + x)])));
          }
        CHECK(largest < (bf16 ? 0.03 : 3e-6));     // values and p are rounded, each to a part in 512
        CHECK(unseen_is_zero);
        for (int64_t i = 0; i < shape.num_queries; i += 13)
          kernels->attention_pattern(args, head, i, std::min(i + 13, shape.num_queries),
                                     part.data() + i * shape.num_keys, problem.scratch.data());
        CHECK(part == pattern);
      }
    }
}

TEST_CASE("slopes are those of ALiBi, for any number of heads") {
  for (int64_t head = 0; head < 8; ++head) CHECK(alibi_slope(head, 8) == std::exp2(-double(head + 1)));
  const double of_six[] = {0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
  for (int64_t head = 0; head < 6; ++head) CHECK(alibi_slope(head, 6) == of_six[head]);
  CHECK(alibi_slope(0, 1) == std::exp2(-8.0));
  CHECK(alibi_slope(2, 3, 4) == 0.5 * std::exp2(0.0));
}

TEST_CASE("statistics are the formula, and the output's bits are the same with them") {
  for (const Kernels<float>* kernels : runnable_kernels())
    for (const Shape& shape : kShapes)
      for (const float spread : {1.0f, 40.0f}) {
        const Problem problem(shape, DType::f32, spread);
        const size_t rows = size_t(shape.num_queries * shape.num_heads);
        std::vector<float> entropy(rows, -7.0f), mass(rows, -7.0f), largest(rows, -7.0f), cut(rows, -7.0f);
        std::vector<double> exact_entropy(rows), exact_mass(rows), exact_largest(rows);
        Exact exact(problem);
        exact.args.statistics = {exact_entropy.data(), exact_mass.data(), exact_largest.data()};
        exact.run(problem);
        const Output plain = run(*kernels, problem, 1000);
        Output output;
        Attention<float> args = problem.call(problem.q, problem.k.data(), problem.v.data(), DType::f32, output.out, output.lse);
        args.statistics = {entropy.data(), mass.data(), largest.data()};
        for (int64_t head = 0; head < args.num_heads; ++head) kernels->attention(args, head, 0, args.num_queries, problem.scratch.data());
        INFO(std::string(kernels->name) << " queries " << shape.num_queries << " keys " << shape.num_keys << " spread " << spread);
        CHECK(output == plain);
        CHECK(largest_difference(entropy, exact_entropy) < 1e-5 * double(spread));
        CHECK(largest_difference(mass, exact_mass) < 3e-6 * double(spread));
        CHECK(largest_difference(largest, exact_largest) < 3e-6 * double(spread));
        args.statistics = {cut.data(), nullptr, nullptr};      // one of them alone, in other tiles
        for (int64_t head = 0; head < args.num_heads; ++head)
          for (int64_t i = 0; i < args.num_queries; i += 7) kernels->attention(args, head, i, std::min(i + 7, args.num_queries), problem.scratch.data());
        CHECK(std::equal(cut.begin(), cut.end(), entropy.begin(), same_bits));
      }
}

TEST_CASE("statistics of a step are those of attention, shared out or not") {
  const Shape shape{1, 2 * kKeyPart + 70, 2 * kKeyPart + 71, 6, 2, 40, true, 0, -1, 0, 3, false, true};
  for (const Kernels<float>* kernels : runnable_kernels()) {
    const Problem problem(shape);
    std::vector<float> values[3][3];
    for (int way = 0; way < 3; ++way) {
      for (auto& of : values[way]) of.assign(6, -7.0f);
      Output output;
      Attention<float> args = problem.call(problem.q, problem.k.data(), problem.v.data(), DType::f32, output.out, output.lse);
      args.statistics = {values[way][0].data(), values[way][1].data(), values[way][2].data()};
      std::vector<float> states(size_t(3 * 3 * state_width(shape.head_dim)));
      if (way == 0)
        for (int64_t head = 0; head < 6; ++head) kernels->attention(args, head, 0, 1, problem.scratch.data());
      for (int64_t kv_head = 0; way > 0 && kv_head < 2; ++kv_head) {
        if (way == 1) kernels->attention_step(args, kv_head, problem.scratch.data());
        for (int64_t part = 0; way == 2 && part < 3; ++part) kernels->attention_part(args, kv_head, part, states.data() + part * 3 * state_width(shape.head_dim), problem.scratch.data());
        if (way == 2) kernels->attention_merge(args, kv_head, 3, states.data(), problem.scratch.data());
      }
      for (int i = 0; i < 3; ++i) CHECK(std::equal(values[way][i].begin(), values[way][i].end(), values[0][i].begin(), same_bits));
    }
  }
}

TEST_CASE("attention over 4096 tokens needs no more than its scratch") {
  const int64_t tokens = 4096, dim = 64;
  const Problem problem({tokens, 0, tokens, 1, 1, dim, true});
  const Kernels<float>& fast = *runnable_kernels().back();
  // Guards around the scratch would be overwritten by a kernel that needs more.
  AlignedBytes guarded(kAttentionScratchBytes + 128);
  char* bytes = static_cast<char*>(guarded.data());
  std::memset(bytes, 0x5a, 64);
  std::memset(bytes + 64 + kAttentionScratchBytes, 0x5a, 64);
  Output output;
  const Attention<float> args = problem.call(problem.q, problem.k.data(), problem.v.data(), DType::f32, output.out, output.lse);
  fast.attention(args, 0, 0, tokens, bytes + 64);
  for (int64_t i = 0; i < 64; ++i) {
    CHECK(bytes[i] == 0x5a);
    CHECK(bytes[64 + kAttentionScratchBytes + i] == 0x5a);
  }
  // The last query against the formula.
  std::vector<double> out(size_t(tokens * dim)), lse(static_cast<size_t>(tokens));
  const std::vector<double> q = as<double>(problem.q), k = as<double>(problem.k), v = as<double>(problem.v);
  const Attention<double> exact = problem.call(q, k.data(), v.data(), DType::f64, out, lse);
  reference_kernels<double>().attention(exact, 0, tokens - 1, tokens, bytes + 64);
  for (int64_t x = 0; x < dim; ++x)
    CHECK(double(output.out[size_t((tokens - 1) * dim + x)]) == doctest::Approx(out[size_t((tokens - 1) * dim + x)]).epsilon(1e-4));
}

}  // namespace orrery
