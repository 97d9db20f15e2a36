// Speed of the matrix products and of attention on one core, as GFLOP/s and as a share of the register-resident peak.
//
//   build/release/kernels_bench [avx2|avx512|amx] [matmul|blocks|attention|steps]
#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/testing.h"
#include "peak.h"

namespace orrery::bench {
namespace {

// The best of several runs: the machine is shared, and the least disturbed run says what the code can do.
template <class F>
double best_seconds(F&& f) {
  f();
  double best = 1e30, total = 0;
  for (int run = 0; run < 100 && (run < 5 || total < 0.5); ++run) {
    const double begin = cpu_seconds();
    f();
    const double seconds = cpu_seconds() - begin;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

void report(const char* what, double flop, double seconds, double peak) {
  const double rate = flop / seconds;
  std::printf("  %-52s %8.1f GFLOP/s  %5.1f %% of peak  %9.3f ms\n", what, rate / 1e9, peak > 0 ? 100 * rate / peak : 0.0,
              seconds * 1e3);
}

void bench_matmul(const Kernels<float>& kernels, double peak) {
  const AlignedBytes scratch(kMatmulScratchBytes);
  struct Case {
    int64_t m, n, k;
    DType dtype;
    bool transposed;
    bool pairs = false;
  };
  const Case cases[] = {{512, 768, 768, DType::f32, false},  {1024, 3072, 768, DType::f32, false},
                        {1024, 768, 3072, DType::f32, false}, {768, 768, 1024, DType::f32, true},
                        {512, 768, 768, DType::bf16, false},  {512, 768, 768, DType::bf16, false, true},
                        {512, 3072, 768, DType::bf16, false, true}, {2048, 2048, 2048, DType::bf16, false, true},
                        {8, 32000, 768, DType::bf16, false, true}, {1, 32000, 768, DType::bf16, false, true},  {4096, 288, 288, DType::f32, false},
                        {64, 768, 768, DType::f32, false},    {14, 768, 768, DType::f32, false},
                        {8, 768, 768, DType::f32, false},     {2, 768, 768, DType::f32, false},
                        {1, 768, 768, DType::f32, false},     {1, 32000, 768, DType::f32, false},
                        {1, 32000, 768, DType::bf16, false},  {8, 32000, 768, DType::bf16, false}};
  for (const Case& c : cases) {
    Random random(1);
    const std::vector<float> a = random_floats(random, c.m * c.k);
    std::vector<float> b(size_t(c.n * c.k), 0.5f), y(size_t(c.m * c.n));
    std::vector<uint16_t> b16(size_t(c.n * c.k), float_to_bf16(0.5f));
    const PanelFormat format = c.pairs ? PanelFormat::bf16_pairs : c.dtype == DType::bf16 ? PanelFormat::bf16 : PanelFormat::own;
    const AlignedBytes panels(packed_bytes(format, c.n, c.k));
    const void* source = c.dtype == DType::f32 ? static_cast<const void*>(b.data()) : b16.data();
    const auto pack = [&] { kernels.pack_panels(source, c.dtype, 1, c.k, c.k, c.n, panels.data(), format); };
    pack();
    Matmul<float> call;
    call.a = a.data();
    call.a_row_stride = c.transposed ? 1 : c.k;
    call.a_k_stride = c.transposed ? c.m : 1;
    call.panels = panels.data();
    call.format = format;
    call.c = y.data();
    call.c_stride = c.n;
    call.m = c.m;
    call.n = c.n;
    call.k = c.k;
    call.scratch = scratch.data();
    const double seconds = best_seconds([&] { kernels.matmul(call); });
    char name[100];
    std::snprintf(name, sizeof name, "matmul m %lld n %lld k %lld %s%s", static_cast<long long>(c.m),
                  static_cast<long long>(c.n), static_cast<long long>(c.k), c.pairs ? "bf16 products" : name_of(c.dtype), c.transposed ? " a^T" : "");
    report(name, 2.0 * double(c.m) * double(c.n) * double(c.k), seconds, peak);
    const double bytes = double(packed_bytes(format, c.n, c.k));
    if (c.m <= 14) std::printf("  %-52s %8.1f GB/s of panels\n", "", bytes / seconds / 1e9);
    if (c.m == 512 || c.n == 32000) {
      const double packing = best_seconds(pack);
      std::printf("  %-52s %8.1f GB/s written\n", "  packing its panels", bytes / packing / 1e9);
    }
  }
}

void bench_blocks(const Kernels<float>& kernels, double peak) {
  const AlignedBytes scratch(kMatmulScratchBytes);
  const std::pair<PanelFormat, const char*> formats[] = {{PanelFormat::q8, "q8"}, {PanelFormat::q4, "q4"}, {PanelFormat::q4_k, "q4_k"}, {PanelFormat::q6_k, "q6_k"}};
  for (const auto& [format, format_name] : formats)
    for (const auto& [m, n, k] : {std::array<int64_t, 3>{512, 2048, 2048}, {512, 768, 768}, {8, 5632, 2048}, {1, 5632, 2048}, {1, 32000, 2048}}) {
      Random random(1);
      const std::vector<float> a = random_floats(random, m * k);
      std::vector<float> y(size_t(m * n));
      const AlignedBytes panels(packed_bytes(format, n, k));
      Matmul<float> call;
      call.a = a.data(), call.a_row_stride = k, call.panels = panels.data(), call.format = format;
      call.c = y.data(), call.c_stride = n, call.m = m, call.n = n, call.k = k, call.scratch = scratch.data();
      const double seconds = best_seconds([&] { kernels.matmul(call); });
      char name[100];
      std::snprintf(name, sizeof name, "matmul m %d n %d k %d %s", int(m), int(n), int(k), format_name);
      report(name, 2.0 * double(m) * double(n) * double(k), seconds, peak);
      if (m <= 14) std::printf("  %-52s %8.1f GB/s of panels\n", "", double(packed_bytes(format, n, k)) / seconds / 1e9);
    }
}

void bench_attention(const Kernels<float>& kernels, double peak) {
  const AlignedBytes scratch(kAttentionScratchBytes);
  struct Case {
    int64_t queries, keys, heads, kv_heads, head_dim;
    bool causal;
  };
  const Case cases[] = {{256, 256, 12, 12, 64, true},   {1024, 1024, 12, 12, 64, true}, {4096, 4096, 2, 2, 64, true},
                        {1024, 1024, 8, 8, 128, false}, {512, 512, 6, 6, 48, true},     {1, 1024, 12, 12, 64, true},
                        {1, 4096, 32, 8, 128, true}};
  for (const Case& c : cases) {
    Random random(1);
    const int64_t width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
    const std::vector<float> q = random_floats(random, c.queries * width), k = random_floats(random, c.keys * kv_width),
                             v = random_floats(random, c.keys * kv_width), dout = random_floats(random, c.queries * width);
    std::vector<float> out(q.size()), lse(size_t(c.queries * c.heads)), dq(q.size()), dk(k.size()), dv(k.size()),
        delta(static_cast<size_t>(c.queries));
    AttentionBackward<float> backward;
    Attention<float>& call = backward.forward;
    call.q = q.data();
    call.q_stride = call.out_stride = width;
    call.kv.k = k.data();
    call.kv.v = v.data();
    call.kv.token_stride = kv_width;
    call.out = out.data();
    call.lse = lse.data();
    call.num_queries = c.queries;
    call.query_start = c.keys - c.queries;
    call.num_keys = c.keys;
    call.num_heads = c.heads;
    call.num_kv_heads = c.kv_heads;
    call.head_dim = c.head_dim;
    call.scale = 0.125f;
    call.causal = c.causal;
    backward.dout = dout.data();
    backward.dout_stride = backward.dq_stride = width;
    backward.dq = dq.data();
    backward.dk = dk.data();
    backward.dv = dv.data();
    backward.dkv_stride = kv_width;
    const double pairs = c.causal ? double(c.queries) * double(2 * call.query_start + c.queries + 1) / 2
                                  : double(c.queries) * double(c.keys);
    const double flop = 4 * pairs * double(width);
    char name[100];
    const auto named = [&](const char* what) {
      std::snprintf(name, sizeof name, "attention %s %lldx%lld heads %lld/%lld x %lld%s", what,
                    static_cast<long long>(c.queries), static_cast<long long>(c.keys), static_cast<long long>(c.heads),
                    static_cast<long long>(c.kv_heads), static_cast<long long>(c.head_dim), c.causal ? " causal" : "");
      return name;
    };
    const double forward_seconds = best_seconds([&] {
      for (int64_t head = 0; head < c.heads; ++head) kernels.attention(call, head, 0, c.queries, scratch.data());
    });
    report(named("forward"), flop, forward_seconds, peak);
    if (c.queries == 1) {
      std::printf("  %-52s %8.1f GB/s of keys and values\n", "", double(k.size()) * 8 / forward_seconds / 1e9);
      continue;
    }
    const double backward_seconds = best_seconds([&] {
      for (int64_t head = 0; head < c.kv_heads; ++head)
        kernels.attention_backward(backward, head, delta.data(), scratch.data());
    });
    report(named("backward"), 2.5 * flop, backward_seconds, peak);
  }
}

// A token's reading of a cache: all heads, one after the other.
void bench_attention_steps(const Kernels<float>& kernels, double peak) {
  const AlignedBytes scratch(kAttentionScratchBytes);
  constexpr int64_t kKeys = 16384, kBlock = 64, kDim = 64;
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8})
    for (const int64_t heads : {12, 32}) {
      const int64_t kv_heads = heads == 12 ? 12 : 4;
      KeyValueView view;
      view.dtype = dtype;
      view.token_stride = kDim;
      view.scales = kBlock * kDim;
      view.head_stride = kBlock * kDim + (dtype == DType::i8 ? kBlock * scales_of_head(kDim) * 2 : 0);
      view.block_size = kBlock;
      view.block_stride = kv_heads * view.head_stride;
      view.keys_turned = true;
      std::vector<int32_t> blocks;
      for (int32_t b = 0; b < kKeys / kBlock; ++b) blocks.push_back(b);
      view.blocks = blocks.data();
      // Halfs and floats of 0x1111… are small numbers, whatever they are read as.
      const size_t bytes = size_t(kKeys / kBlock * view.block_stride * size_of(dtype));
      const AlignedBytes k(bytes), v(bytes);
      std::memset(k.data(), 0x11, bytes);
      std::memset(v.data(), 0x11, bytes);
      view.k = k.data(), view.v = v.data();
      Random random(1);
      const std::vector<float> q = random_floats(random, heads * kDim);
      std::vector<float> out(q.size()), lse(static_cast<size_t>(heads));
      Attention<float> call;
      call.q = q.data(), call.out = out.data(), call.lse = lse.data();
      call.q_stride = call.out_stride = heads * kDim;
      call.kv = view;
      call.num_queries = 1, call.query_start = kKeys - 1, call.num_keys = kKeys;
      call.num_heads = heads, call.num_kv_heads = kv_heads, call.head_dim = kDim, call.scale = 0.125f, call.causal = true;
      const double seconds = best_seconds([&] {
        for (int64_t head = 0; head < kv_heads; ++head) kernels.attention_step(call, head, scratch.data());
      });
      char name[100];
      std::snprintf(name, sizeof name, "attention step %d keys heads %d/%d x %d %s", int(kKeys), int(heads), int(kv_heads), int(kDim), dtype == DType::i8 ? "q8_0" : name_of(dtype));
      report(name, 4.0 * double(kKeys) * double(heads * kDim), seconds, peak);
      std::printf("  %-52s %8.1f GB/s of keys and values\n", "", double(bytes) * 2 / seconds / 1e9);
    }
}

}  // namespace
}  // namespace orrery::bench

int main(int argc, char** argv) {
  using namespace orrery;
  const std::string_view wanted = argc > 1 ? argv[1] : "", part = argc > 2 ? argv[2] : "";
  for (const Kernels<float>* kernels : runnable_kernels()) {
    if (wanted.empty() ? std::string_view(kernels->name) == "reference" : wanted != kernels->name) continue;
    const double peak = bench::fma_peak(kernels->name);
    std::printf("%s: peak of one core %.1f GFLOP/s\n", kernels->name, peak / 1e9);
    if (part.empty() || part == "matmul") bench::bench_matmul(*kernels, peak);
    if (part.empty() || part == "blocks") bench::bench_blocks(*kernels, peak);
    if (part.empty() || part == "attention") bench::bench_attention(*kernels, peak);
    if (part.empty() || part == "steps") bench::bench_attention_steps(*kernels, peak);
  }
}
