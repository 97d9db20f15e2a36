#include "graph/state/paged_cache.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

using namespace orrery;

namespace {

constexpr int64_t kWidth = 4;

// Appends rows whose numbers tell the token; keys are token + column / 4, values their negatives.
void append(PagedCache& cache, CacheSequence& sequence, const std::vector<int>& tokens) {
  std::vector<float> k, v;
  for (int token : tokens)
    for (int64_t c = 0; c < kWidth; ++c) {
      k.push_back(float(token) + 0.25f * float(c));
      v.push_back(-k.back());
    }
  cache.reserve(sequence, int64_t(tokens.size()));
  for (int slot = 0; slot < int(cache.num_slots()); ++slot) cache.write(slot, sequence, sequence.length, int64_t(tokens.size()), k.data(), v.data(), kernels());
  cache.advance(sequence, int64_t(tokens.size()));
}

std::vector<int> range(int begin, int end) {
  std::vector<int> numbers(static_cast<size_t>(end - begin));
  std::iota(numbers.begin(), numbers.end(), begin);
  return numbers;
}

// The tokens that a sequence holds, read back through the view of each slot; -1 where a key or value is not what it was.
std::vector<int> tokens_of(const PagedCache& cache, const CacheSequence& sequence) {
  std::vector<int> tokens;
  for (int slot = 0; slot < int(cache.num_slots()); ++slot) {
    const KeyValueView view = cache.view(slot, sequence);
    for (int64_t j = 0; j < sequence.length; ++j) {
      float k[kWidth], v[kWidth];
      const int64_t heads = cache.slot(slot).heads, dim = kWidth / heads;
      for (int64_t head = 0; head < heads; ++head) {
        convert(static_cast<const std::byte*>(view.v) + view.at(head, j) * size_of(view.dtype), view.dtype, v + head * dim, DType::f32, dim);
        for (int64_t x = 0; x < dim; ++x)
          convert(static_cast<const std::byte*>(view.k) + view.of_key(head, j, x) * size_of(view.dtype), view.dtype, k + head * dim + x, DType::f32, 1);
      }
      bool right = true;
      for (int64_t c = 0; c < kWidth; ++c) right = right && k[c] == k[0] + 0.25f * float(c) && v[c] == -k[c];
      if (slot == 0) tokens.push_back(right ? int(k[0]) : -1);
      else if (!right || tokens[size_t(j)] != int(k[0])) tokens[size_t(j)] = -1;
    }
  }
  return tokens;
}

PagedCache small_cache(int64_t blocks = 8, DType dtype = DType::f32) { return PagedCache({{kWidth, dtype}, {.width = kWidth, .dtype = dtype, .heads = 2}}, {.block_size = 16, .num_blocks = blocks}); }

}  // namespace

TEST_CASE("a sequence holds what was appended, in every dtype") {
  for (DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    PagedCache cache = small_cache(8, dtype);
    CacheSequence a = cache.sequence(), b = cache.sequence();
    append(cache, a, range(0, 5));
    append(cache, b, range(30, 47));
    append(cache, a, range(5, 20));
    append(cache, b, range(47, 50));
    CHECK(tokens_of(cache, a) == range(0, 20));
    CHECK(tokens_of(cache, b) == range(30, 50));
    CHECK(cache.free_blocks() == 4);
    CHECK(cache.bytes() == 2 * 2 * 8 * 16 * kWidth * size_of(dtype));
  }
}

TEST_CASE("q8_0 holds whole numbers of heads, with a scale for each 32") {
  constexpr int64_t kDim = 40, kTokens = 20;
  PagedCache cache({{.width = 2 * kDim, .dtype = DType::i8, .heads = 2}}, {.block_size = 16, .num_blocks = 4});
  CHECK(cache.bytes() == 2 * 4 * 16 * 2 * (kDim + 2 * 2));
  std::vector<float> k, v;
  for (int64_t i = 0; i < kTokens * 2 * kDim; ++i) {
    k.push_back(float(i % 255 - 127));
    v.push_back(-0.5f * k.back());
  }
  CacheSequence a = cache.sequence();
  cache.reserve(a, kTokens);
  cache.write(0, a, 0, kTokens, k.data(), v.data(), kernels());
  cache.advance(a, kTokens);
  CacheSequence b = cache.fork(a);
  cache.reserve(b, 1);                                 // copies the last block
  for (const CacheSequence* sequence : {&a, &b}) {
    const KeyValueView view = cache.view(0, *sequence);
    double largest = 0;
    for (int64_t j = 0; j < kTokens; ++j)
      for (int64_t head = 0; head < 2; ++head)
        for (int64_t x = 0; x < kDim; ++x) {
          const size_t at = size_t((j * 2 + head) * kDim + x);
          largest = std::max({largest, std::abs(double(view.scaled_key(head, j, x) - k[at])), std::abs(double(view.scaled_value(head, j, x) - v[at]))});
        }
    CHECK(largest <= 0.51);                            // half a step of the largest scale, and its rounding
  }
}

TEST_CASE("a fork shares blocks until one of the two writes") {
  PagedCache cache = small_cache();
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 20));
  CacheSequence b = cache.fork(a);
  CHECK(cache.free_blocks() == 6);
  CHECK(cache.references(a.blocks[0]) == 2);
  append(cache, b, range(100, 103));
  CHECK(b.blocks[0] == a.blocks[0]);       // whole: shared for good
  CHECK(b.blocks[1] != a.blocks[1]);       // partial: copied
  CHECK(cache.references(a.blocks[1]) == 1);
  append(cache, a, {20});
  std::vector<int> forked = range(0, 20);
  for (int token : range(100, 103)) forked.push_back(token);
  CHECK(tokens_of(cache, a) == range(0, 21));
  CHECK(tokens_of(cache, b) == forked);
}

TEST_CASE("blocks reserved ahead belong to one sequence alone") {
  PagedCache cache = small_cache();
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 20));
  cache.reserve(a, 40);                    // and then the run fails
  CacheSequence b = cache.fork(a);
  append(cache, a, range(20, 60));
  append(cache, b, range(20, 60));
  for (size_t block = 1; block < 4; ++block) CHECK(a.blocks[block] != b.blocks[block]);
  CHECK(tokens_of(cache, a) == range(0, 60));
  CHECK(tokens_of(cache, b) == range(0, 60));
}

TEST_CASE("rolling back gives whole blocks back and leaves forks alone") {
  PagedCache cache = small_cache();
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 50));
  CacheSequence b = cache.fork(a);
  cache.truncate(a, 17);
  CHECK(a.blocks.size() == 2);
  append(cache, a, range(200, 210));
  CHECK(tokens_of(cache, b) == range(0, 50));
  cache.truncate(a, 0);
  CHECK(a.blocks.empty());
  CHECK_THROWS_AS(cache.truncate(b, 51), Error);
  CHECK_THROWS_AS(cache.truncate(b, -1), Error);
  CHECK(tokens_of(cache, b) == range(0, 50));
}

TEST_CASE("a reservation that fails leaves everything as it was") {
  PagedCache cache = small_cache(3);
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 20));
  CacheSequence b = cache.fork(a);
  const std::vector<int32_t> blocks = b.blocks;
  CHECK_THROWS_AS(cache.reserve(b, 50), Error);
  CHECK(b.blocks == blocks);
  CHECK(cache.free_blocks() == 1);
  CHECK_THROWS_AS(cache.reserve(b, 20), Error);   // one block for the tokens, and none for the copy
  CHECK(b.blocks == blocks);
  CHECK(cache.free_blocks() == 1);
  CHECK(cache.references(blocks[1]) == 2);
  append(cache, b, {20});
  CHECK(tokens_of(cache, b) == range(0, 21));
}

TEST_CASE("published blocks are taken over by sequences that begin alike") {
  PagedCache cache = small_cache();
  std::vector<int32_t> text;
  for (int token : range(0, 60)) text.push_back(token);
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 40));
  cache.publish(a, text);
  cache.publish(a, text);                              // nothing new
  CHECK(cache.references(a.blocks[0]) == 2);
  CHECK(cache.references(a.blocks[2]) == 1);           // not whole

  CacheSequence b = cache.match(text);
  CHECK(b.length == 32);
  CHECK(tokens_of(cache, b) == range(0, 32));
  CHECK(cache.match(std::span(text).first(32)).length == 16);   // one token at least is left to compute
  CHECK(cache.match(std::span(text).first(16)).length == 0);
  CHECK(cache.match(text, 7).length == 0);                      // another salt
  text[3] = 99;
  CHECK(cache.match(text).length == 0);
  text[3] = 3, text[20] = 99;
  CHECK(cache.match(text).length == 16);
}

TEST_CASE("references return to zero") {
  PagedCache cache = small_cache();
  {
    std::vector<int32_t> text(60, 5);
    CacheSequence a = cache.sequence();
    append(cache, a, range(0, 40));
    cache.publish(a, text);
    CacheSequence b = cache.fork(a), c = cache.match(text), d;
    d = std::move(b);
    append(cache, c, range(0, 10));
    a = cache.sequence();                              // gives its blocks back
    CHECK(cache.free_blocks() < 8);
  }
  CHECK(cache.free_blocks() == 6);                     // two are published
  cache.forget();
  CHECK(cache.free_blocks() == 8);
  for (int32_t block = 0; block < 8; ++block) CHECK(cache.references(block) == 0);
}

TEST_CASE("what is published gives way to what runs") {
  PagedCache cache = small_cache(3);
  {
    CacheSequence a = cache.sequence();
    append(cache, a, range(0, 32));
    cache.publish(a, std::vector<int32_t>(32, 1));
  }
  CHECK(cache.free_blocks() == 1);
  CacheSequence b = cache.sequence();
  append(cache, b, range(0, 48));
  CHECK(tokens_of(cache, b) == range(0, 48));
}

TEST_CASE("a block shared with what is published alone is written once that is forgotten") {
  PagedCache cache = small_cache(2);
  CacheSequence a = cache.sequence();
  append(cache, a, range(0, 32));
  cache.publish(a, std::vector<int32_t>(32, 1));
  cache.truncate(a, 20);
  append(cache, a, range(20, 30));                     // no block is left for a copy, and none is needed
  CHECK(tokens_of(cache, a) == range(0, 30));
}
