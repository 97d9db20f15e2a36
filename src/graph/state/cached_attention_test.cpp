#include <doctest/doctest.h>

#include "graph/tiny_decoder.h"

using namespace orrery;

namespace {

constexpr int64_t kLength = 75;     // beyond one chunk of keys and several blocks

std::vector<float> rows_of(const std::vector<float>& logits, int64_t begin, int64_t end) {
  return {logits.begin() + begin * TinyDecoder::kVocab, logits.begin() + end * TinyDecoder::kVocab};
}
std::vector<int32_t> part(const std::vector<int32_t>& ids, int64_t begin, int64_t end) { return {ids.begin() + begin, ids.begin() + end}; }

// Feeds ids [sequence.length, end) in chunks and holds every row to the uncached logits.
bool continues(DecoderRun& run, CacheSequence& sequence, const std::vector<int32_t>& ids, const std::vector<float>& expected, int64_t end, Random& random, int64_t longest) {
  while (sequence.length < end) {
    const int64_t begin = sequence.length, count = std::min(end - begin, 1 + int64_t(random.below(uint64_t(longest))));
    if (!bits_equal(run.run(part(ids, begin, begin + count), &sequence), rows_of(expected, begin, begin + count))) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("cached is uncached, to the bit") {
  ThreadPool pool(2);
  for (int64_t window : {int64_t(0), int64_t(20), int64_t(-20)})   // negative: of a special decoder
    for (DType dtype : {DType::f32, DType::bf16, DType::f16, DType::i8}) {
      CAPTURE(window);
      INFO(std::string(name_of(dtype)));
      TinyDecoder decoder(std::abs(window), window < 0);
      DecoderRun plain = DecoderRun::uncached(decoder, pool, dtype), cached = DecoderRun::cached(decoder, pool, dtype);
      const std::vector<int32_t> ids = TinyDecoder::text(kLength, 1);
      const std::vector<float> expected = plain.run(ids);
      Random random(3);

      {
        INFO("the whole prompt at once");
        CacheSequence sequence = cached.cache->sequence();
        CHECK(bits_equal(cached.run(ids, &sequence), expected));
        CHECK(sequence.length == kLength);
      }
      {
        INFO("a prompt, then one by one");
        CacheSequence sequence = cached.cache->sequence();
        CHECK(continues(cached, sequence, ids, expected, 30, random, 30));
        CHECK(continues(cached, sequence, ids, expected, kLength, random, 1));
      }
      {
        INFO("chunks of any size");
        for (int repeat = 0; repeat < 3; ++repeat) {
          CacheSequence sequence = cached.cache->sequence();
          CHECK(continues(cached, sequence, ids, expected, kLength, random, 25));
        }
      }
      {
        INFO("among neighbours");
        CacheSequence sequence = cached.cache->sequence(), other = cached.cache->sequence(), third = cached.cache->sequence();
        for (int64_t at = 0; at < kLength; at += 15) {
          const auto results = cached.run({{TinyDecoder::text(9, uint64_t(at)), &other, 8}, {part(ids, at, at + 15), &sequence, 1}, {TinyDecoder::text(1, uint64_t(at + 1)), &third, 9}});
          CHECK(bits_equal(results[1], rows_of(expected, at, at + 15)));
        }
      }
      {
        INFO("after a fork, on both sides");
        CacheSequence a = cached.cache->sequence();
        CHECK(continues(cached, a, ids, expected, 21, random, 10));
        CacheSequence b = cached.cache->fork(a);
        std::vector<int32_t> other = TinyDecoder::text(kLength, 2);
        std::copy(ids.begin(), ids.begin() + 21, other.begin());
        const std::vector<float> expected_other = plain.run(other);
        for (int64_t end : {25, 40, 75}) {
          CHECK(continues(cached, b, other, expected_other, end, random, 5));
          CHECK(continues(cached, a, ids, expected, end, random, 5));
        }
      }
      {
        INFO("after rolling back");
        CacheSequence sequence = cached.cache->sequence();
        cached.run(part(ids, 0, 25), &sequence);
        cached.run(TinyDecoder::text(30, 9), &sequence);
        cached.cache->truncate(sequence, 25);
        CHECK(continues(cached, sequence, ids, expected, kLength, random, 12));
      }
      {
        INFO("after taking over what another published");
        CacheSequence first = cached.cache->sequence();
        cached.run(part(ids, 0, 50), &first);
        cached.cache->publish(first, ids);
        CacheSequence second = cached.cache->match(ids);
        CHECK(second.length == 48);
        CHECK(continues(cached, second, ids, expected, kLength, random, 12));
      }
    }
}

TEST_CASE("steps after long texts, whose keys threads share out, are uncached to the bit") {
  constexpr int64_t kLong = 2 * kKeyPart + 90;
  for (const int64_t window : {int64_t(0), kKeyPart + 100, -(kKeyPart + 100)})
    for (const DType dtype : {DType::f32, DType::bf16, DType::i8})
      for (const int threads : {1, 2, 3}) {
        CAPTURE(window);
        CAPTURE(threads);
        INFO(std::string(name_of(dtype)));
        ThreadPool pool(threads);
        TinyDecoder decoder(std::abs(window), window < 0);
        DecoderRun plain = DecoderRun::uncached(decoder, pool, dtype), cached = DecoderRun::cached(decoder, pool, dtype, {.block_size = 64, .num_blocks = 100});
        const std::vector<int32_t> ids = TinyDecoder::text(kLong, 1), other = TinyDecoder::text(kKeyPart + 30, 2);
        const std::vector<float> expected = plain.run(ids), expected_other = plain.run(other);
        CacheSequence sequence = cached.cache->sequence(), second = cached.cache->sequence();
        cached.run(part(ids, 0, kLong - 12), &sequence);
        cached.run(part(other, 0, int64_t(other.size()) - 8), &second);
        for (int64_t left = 12; left > 8; --left) CHECK(bits_equal(cached.run(part(ids, kLong - left, kLong - left + 1), &sequence), rows_of(expected, kLong - left, kLong - left + 1)));
        const int64_t end = int64_t(other.size());
        for (int64_t left = 8; left > 0; --left) {
          const auto results = cached.run({{part(other, end - left, end - left + 1), &second, 1}, {part(ids, kLong - left, kLong - left + 1), &sequence, 2}});
          CHECK(bits_equal(results[0], rows_of(expected_other, end - left, end - left + 1)));
          CHECK(bits_equal(results[1], rows_of(expected, kLong - left, kLong - left + 1)));
        }
      }
}

TEST_CASE("the size of blocks does not matter") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun plain = DecoderRun::uncached(decoder, pool);
  const std::vector<int32_t> ids = TinyDecoder::text(kLength, 1);
  const std::vector<float> expected = plain.run(ids);
  for (int64_t block_size : {1, 7, 64, 100}) {
    CAPTURE(block_size);
    DecoderRun cached = DecoderRun::cached(decoder, pool, DType::f32, {.block_size = block_size, .num_blocks = 200});
    CacheSequence sequence = cached.cache->sequence();
    Random random(4);
    CHECK(continues(cached, sequence, ids, expected, kLength, random, 20));
  }
}

TEST_CASE("a run that fails leaves the cache as it was") {
  ThreadPool pool(1);
  TinyDecoder decoder;
  DecoderRun cached = DecoderRun::cached(decoder, pool, DType::f32, {.block_size = 16, .num_blocks = 4});
  CacheSequence a = cached.cache->sequence(), b = cached.cache->sequence();
  cached.run(TinyDecoder::text(20, 1), &a);
  const std::vector<int32_t> blocks = a.blocks;

  CHECK_THROWS_AS(cached.run({{TinyDecoder::text(30, 1), &a, 0}, {TinyDecoder::text(40, 1), &b, 1}}), Error);   // no room for both
  CHECK_THROWS_AS(cached.run({TinyDecoder::kVocab}, &a), Error);                                            // no such id
  std::atomic<bool> stop = true;
  CHECK_THROWS_AS(cached.run({{TinyDecoder::text(30, 1), &a, 0}}, {}, &stop), Error);
  CHECK(a.length == 20);
  CHECK(a.blocks == blocks);
  CHECK(b.blocks.empty());
  CHECK(cached.cache->free_blocks() == 2);
}

TEST_CASE("a cache that is missing or does not fit is refused") {
  ThreadPool pool(1);
  TinyDecoder decoder;
  DecoderRun cached = DecoderRun::cached(decoder, pool), other = DecoderRun::cached(decoder, pool);
  CacheSequence sequence = cached.cache->sequence(), foreign = other.cache->sequence();
  CHECK_THROWS_AS(cached.run({1, 2}), Error);                 // no place in the cache
  CHECK_THROWS_AS(cached.run({1, 2}, &foreign), Error);
  Rows& rows = cached.workspace->rows("tokens");
  rows = {};
  rows.append(1, 5, 0, &sequence);                            // not where the sequence ends
  CHECK_THROWS_AS(cached.workspace->run(), Error);
  PagedCache narrow({{2, DType::f32}, {4, DType::f32}}, {.block_size = 16, .num_blocks = 4}), few({{4, DType::f32}}, {.block_size = 16, .num_blocks = 4});
  for (PagedCache* cache : {&narrow, &few}) {
    CacheSequence place = cache->sequence();
    cached.workspace->cache(cache);
    CHECK_THROWS_AS(cached.run({1, 2}, &place), Error);
  }
  cached.workspace->cache(nullptr);
  CHECK_THROWS_AS(cached.run({1, 2}, &sequence), Error);
}
