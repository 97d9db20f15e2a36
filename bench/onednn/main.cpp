// Matrix products beside oneDNN's, weights packed before by both, in turns: one JSON document.
//
//   build/release/onednn_bench [threads] [rounds]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

#include "base/threads.h"
#include "graph/ops/products.h"
#include "kernels/kernels.h"
#include "kernels/testing.h"

namespace orrery::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Shape {
  int64_t m, n, k;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A few products in a row; the pause before lets the other side's threads stop spinning.
template <class F>
double seconds_each(F&& f) {
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  f();
  int runs = 0;
  double seconds = 0;
  const auto begin = Clock::now();
  while (runs < 3 || seconds < 0.03) {
    f();
    ++runs;
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return seconds / runs;
}

// Ours, split over the pool as the graph's linear splits it.
class Ours {
 public:
  Ours(const Shape& shape, PanelFormat format, ThreadPool& pool)
      : pool_(pool), a_(shape.m * shape.k * 4), c_(shape.m * shape.n * 4), panels_(packed_bytes(format, shape.n, shape.k)),
        scratch_(pool.num_threads() * int64_t(kMatmulScratchBytes)) {
    Random random(1);
    const std::vector<float> made = random_floats(random, shape.m * shape.k);
    std::copy(made.begin(), made.end(), static_cast<float*>(a_.data()));
    if (!is_blocks(format)) {
      const std::vector<float> b(size_t(shape.n * shape.k), 0.5f);
      kernels_.pack_panels(b.data(), DType::f32, 1, shape.k, shape.k, shape.n, panels_.data(), format);
    }
    product_.a = static_cast<const float*>(a_.data()), product_.a_row_stride = shape.k, product_.panels = panels_.data(), product_.format = format;
    product_.c = static_cast<float*>(c_.data()), product_.c_stride = shape.n, product_.m = shape.m, product_.n = shape.n, product_.k = shape.k;
  }

  void operator()() {
    const Matmul<float>& p = product_;
    const int64_t panels = panels_in(p.n);
    const Cut cut = cut_of(kernels_, std::span(&p, 1), panels, true, false, pool_.num_threads());
    const int64_t wide = (panels + cut.panels - 1) / cut.panels, high = (p.m + cut.rows - 1) / cut.rows;
    pool_.parallel(wide * high, [&](int64_t task, int thread) {
      const int64_t row = task % high * cut.rows, panel = task / high * cut.panels;
      Matmul<float> tile = part_of(p, row, std::min(cut.rows, p.m - row), panel, std::min(panel + cut.panels, panels));
      tile.scratch = static_cast<std::byte*>(scratch_.data()) + int64_t(thread) * kMatmulScratchBytes;
      kernels_.matmul(tile);
    });
  }

 private:
  const Kernels<float>& kernels_ = orrery::kernels();
  ThreadPool& pool_;
  AlignedBytes a_, c_, panels_, scratch_;
  Matmul<float> product_;
};

// Theirs, the weights in the order that the primitive asks for.
class Theirs {
 public:
  using Type = dnnl::memory::data_type;
  Theirs(const Shape& shape, Type a, Type b, Type c) {
    using Tag = dnnl::memory::format_tag;
    const dnnl::memory::desc rows({shape.m, shape.k}, a, Tag::ab), weights({shape.k, shape.n}, b, Tag::any), out({shape.m, shape.n}, c, Tag::ab);
    const dnnl::matmul::primitive_desc made(dnnl::matmul::desc(rows, weights, out), engine_);
    product_ = dnnl::matmul(made);
    const auto placed = [&](const dnnl::memory::desc& desc, AlignedBytes& bytes) {   // in pages as large as ours
      bytes = AlignedBytes(int64_t(desc.get_size()));
      std::memset(bytes.data(), 1, desc.get_size());
      return dnnl::memory(desc, engine_, bytes.data());
    };
    rows_ = placed(rows, bytes_[0]), weights_ = placed(made.weights_desc(), bytes_[1]), out_ = placed(out, bytes_[2]);
    name = made.impl_info_str();
  }
  void operator()() {
    product_.execute(stream_, {{DNNL_ARG_SRC, rows_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, out_}});
    stream_.wait();
  }
  std::string name;

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::matmul product_;
  AlignedBytes bytes_[3];
  dnnl::memory rows_, weights_, out_;
};

}  // namespace
}  // namespace orrery::bench

int main(int argc, char** argv) {
  using namespace orrery;
  using namespace orrery::bench;
  using Type = dnnl::memory::data_type;
  const int threads = argc > 1 ? std::atoi(argv[1]) : 1, rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  omp_set_num_threads(threads);
  ThreadPool pool(threads);
  const Shape shapes[] = {{512, 768, 768}, {512, 3072, 768}, {512, 50257, 768}, {2048, 2048, 2048}};
  struct Kind {
    const char* name;
    PanelFormat format;
    Type a, b, c;
  };
  const Kind kinds[] = {{"f32", PanelFormat::own, Type::f32, Type::f32, Type::f32},
                        {"bf16", PanelFormat::bf16_pairs, Type::bf16, Type::bf16, Type::f32},
                        {"int8", PanelFormat::int8, Type::u8, Type::s8, Type::s32},
                        {"q8_0", PanelFormat::q8, Type::u8, Type::s8, Type::s32}};
  const dnnl_version_t* version = dnnl_version();
  std::printf("{\"onednn\": \"%d.%d.%d\", \"threads\": %d, \"products\": [", version->major, version->minor, version->patch, threads);
  const char* between = "";
  for (const Shape& shape : shapes)
    for (const Kind& kind : kinds) {
      std::optional<Theirs> made;
      try {
        made.emplace(shape, kind.a, kind.b, kind.c);
      } catch (const dnnl::error& error) {
        if (error.status != dnnl_unimplemented) throw;
        continue;   // no bf16 before AVX-512
      }
      Theirs& theirs = *made;
      Ours ours(shape, kind.format, pool);
      std::vector<double> mine, others, ratios;
      for (int round = 0; round < rounds; ++round) {
        mine.push_back(seconds_each(ours));
        others.push_back(seconds_each(theirs));
        ratios.push_back(others.back() / mine.back());
      }
      const double flop = 2e-9 * double(shape.m) * double(shape.n) * double(shape.k);
      std::printf("%s\n {\"m\": %d, \"n\": %d, \"k\": %d, \"kind\": \"%s\", \"ours\": %.1f, \"onednn\": %.1f, \"ratio\": %.3f, \"implementation\": \"%s\"}", between,
                  int(shape.m), int(shape.n), int(shape.k), kind.name, flop / median(mine), flop / median(others), median(ratios), theirs.name.c_str());
      std::fflush(stdout);
      between = ",";
    }
  std::printf("]}\n");
}
