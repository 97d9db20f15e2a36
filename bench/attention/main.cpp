// Attention over all threads, as the graph's ops share it out: one JSON document. PyTorch's stands beside it in bench/attention.py.
//
//   build/release/attention_bench [threads [case]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/testing.h"

namespace orrery::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Case {
  const char* name;   // of PyTorch's case, and " bf16" where products are of bf16
  int64_t queries, keys, heads, head_dim;
  bool causal, backward, bf16_products;
  DType dtype;   // of keys and values
};
constexpr Case kCases[] = {
    {"forward", 4096, 4096, 12, 64, false, false, false, DType::f32},     {"forward causal", 4096, 4096, 12, 64, true, false, false, DType::f32},
    {"both", 2048, 2048, 12, 64, false, true, false, DType::f32},         {"both causal", 2048, 2048, 12, 64, true, true, false, DType::f32},
    {"forward bf16", 4096, 4096, 12, 64, false, false, true, DType::f32}, {"forward causal bf16", 4096, 4096, 12, 64, true, false, true, DType::f32},
    {"both bf16", 2048, 2048, 12, 64, false, true, true, DType::f32},     {"both causal bf16", 2048, 2048, 12, 64, true, true, true, DType::f32},
    {"one query", 1, 16384, 12, 64, true, false, false, DType::bf16},
};

// The median of at least three runs and half a second.
template <class F>
double seconds_of(F&& f) {
  f();
  std::vector<double> taken;
  double total = 0;
  while (taken.size() < 3 || (total < 0.5 && taken.size() < 1000)) {
    const auto begin = Clock::now();
    f();
    taken.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    total += taken.back();
  }
  std::sort(taken.begin(), taken.end());
  return taken[taken.size() / 2];
}

// Keys and values of a cache: blocks of 64 tokens, keys turned. Their bytes are small numbers, whatever they are read as.
class Cache {
 public:
  Cache(const Case& c) : bytes_(size_t(c.keys * c.heads * c.head_dim * size_of(c.dtype))), k_(bytes_), v_(bytes_) {
    std::memset(k_.data(), 0x11, bytes_);
    std::memset(v_.data(), 0x11, bytes_);
    for (int32_t b = 0; b < c.keys / kKeyChunk; ++b) blocks_.push_back(b);
    view.k = k_.data(), view.v = v_.data(), view.dtype = c.dtype, view.blocks = blocks_.data(), view.block_size = kKeyChunk;
    view.token_stride = c.head_dim, view.head_stride = kKeyChunk * c.head_dim, view.block_stride = c.heads * view.head_stride, view.keys_turned = true;
  }
  KeyValueView view;
  size_t bytes() const { return 2 * bytes_; }

 private:
  size_t bytes_;
  AlignedBytes k_, v_;
  std::vector<int32_t> blocks_;
};

// As a run's tensors lie.
class Numbers {
 public:
  explicit Numbers(int64_t count, Random* random = nullptr) : bytes_(count * int64_t(sizeof(float))) {
    if (!random) return;
    const std::vector<float> made = random_floats(*random, count);
    std::copy(made.begin(), made.end(), data());
  }
  float* data() const { return static_cast<float*>(bytes_.data()); }

 private:
  AlignedBytes bytes_;
};

double measure(const Case& c, ThreadPool& pool) {
  const Kernels<float>& kernels = orrery::kernels();
  const int64_t width = c.heads * c.head_dim;
  Random random(1);
  const int64_t asked = c.queries * width, known = c.keys * width;
  const Numbers q(asked, &random), k(known, &random), v(known, &random), dout(asked, &random);
  const Numbers out(asked), lse(c.queries * c.heads), dq(asked), dk(known), dv(known), deltas(c.queries * c.heads);
  const AlignedBytes scratch(size_t(pool.num_threads()) * kAttentionScratchBytes);
  const auto of_thread = [&](int thread) { return static_cast<std::byte*>(scratch.data()) + thread * kAttentionScratchBytes; };
  AttentionBackward<float> backward;
  Attention<float>& call = backward.forward;
  call.q = q.data(), call.out = out.data(), call.lse = lse.data(), call.q_stride = call.out_stride = width;
  call.kv.k = k.data(), call.kv.v = v.data(), call.kv.token_stride = width, call.kv.head_stride = c.head_dim;
  call.num_queries = c.queries, call.query_start = c.keys - c.queries, call.num_keys = c.keys, call.causal = c.causal;
  call.num_heads = call.num_kv_heads = c.heads, call.head_dim = c.head_dim, call.scale = 0.125f, call.bf16_products = c.bf16_products;
  if (c.queries == 1) {
    const Cache cache(c);
    call.kv = cache.view;
    return seconds_of([&] { pool.parallel(c.heads, [&](int64_t head, int thread) { kernels.attention_step(call, head, of_thread(thread)); }); });
  }
  backward.dout = dout.data(), backward.dout_stride = backward.dq_stride = backward.dkv_stride = width;
  backward.dq = dq.data(), backward.dk = dk.data(), backward.dv = dv.data();
  return seconds_of([&] {
    const int64_t rows = attention_tile_rows(c.queries, c.heads, pool.num_threads()), tiles = (c.queries + rows - 1) / rows;
    pool.parallel(tiles * c.heads, [&](int64_t task, int thread) {
      const int64_t begin = (tiles - 1 - task / c.heads) * rows;
      kernels.attention(call, task % c.heads, begin, std::min(begin + rows, c.queries), of_thread(thread));
    });
    if (!c.backward) return;
    pool.parallel(c.heads, [&](int64_t head, int thread) { kernels.attention_backward(backward, head, deltas.data() + head * c.queries, of_thread(thread)); });
  });
}

}  // namespace
}  // namespace orrery::bench

int main(int argc, char** argv) {
  using namespace orrery;
  using namespace orrery::bench;
  ThreadPool pool(argc > 1 ? std::max(std::atoi(argv[1]), 1) : 2);
  std::printf("{\"threads\": %d, \"kernels\": \"%s\", \"cases\": [", pool.num_threads(), kernels().name);
  const char* between = "";
  for (const Case& c : kCases) {
    if (argc > 2 && std::strcmp(argv[2], c.name) != 0) continue;
    const double seconds = measure(c, pool), pairs = c.causal && c.queries > 1 ? 0.5 * double(c.queries) * double(c.queries + 1) : double(c.queries) * double(c.keys);
    // Two products forward, five backward.
    const double flop = (c.backward ? 14 : 4) * pairs * double(c.heads * c.head_dim);
    std::printf("%s\n {\"name\": \"%s\", \"queries\": %d, \"keys\": %d, \"heads\": %d, \"head_dim\": %d, \"dtype\": \"%s\", \"products\": \"%s\", \"seconds\": %.6g, \"gflops\": %.1f, \"gb_per_second\": %.2f}", between, c.name,
                int(c.queries), int(c.keys), int(c.heads), int(c.head_dim), name_of(c.dtype), c.bf16_products ? "bf16" : "f32", seconds, flop / seconds / 1e9,
                2e-9 * double(c.keys * c.heads * c.head_dim) * double(size_of(c.dtype)) / seconds);
    between = ",";
  }
  std::printf("]}\n");
}
