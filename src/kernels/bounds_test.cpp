// Arrays that end where memory ends: a vector's tail that reads or writes past its row ends the program.
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "kernels/kernels.h"

using namespace orrery;

namespace {

// `count` elements of one, before a page that may be neither read nor written.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t count) {
    const size_t page = size_t(::sysconf(_SC_PAGESIZE)), bytes = size_t(count) * sizeof(T);
    size_ = (bytes + page - 1) / page * page + page;
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory_ != MAP_FAILED);
    char* const end = static_cast<char*>(memory_) + size_ - page;
    REQUIRE(::mprotect(end, page, PROT_NONE) == 0);
    begin_ = reinterpret_cast<T*>(end - bytes), end_ = reinterpret_cast<T*>(end);
    for (int64_t i = 0; i < count; ++i) begin_[i] = T(1);
  }
  ~Guarded() { ::munmap(memory_, size_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  operator T*() { return begin_; }
  T* end() { return end_; }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
  T *begin_ = nullptr, *end_ = nullptr;
};

}  // namespace

TEST_CASE("kernels read and write nothing past the end of a row") {
  for (const Kernels<float>* k : runnable_kernels())
    for (int64_t n = 0; n < 70; ++n) {
      CAPTURE(std::string(k->name));
      CAPTURE(n);
      Guarded<float> x(n), w(n), y(n), z(n), stats(1), loss(1), table(2 * n), both(2 * n);
      Guarded<int32_t> id(1);
      Guarded<uint32_t> sequence(1);
      Guarded<uint16_t> table16(2 * n);
      for (int kind = 0; kind <= int(Unary::log); ++kind) {
        k->unary(Unary(kind), x, y, n);
        k->unary_backward(Unary(kind), x, w, y, n);
        k->gated(Unary(kind), x, w, n, y, n, 1, n);
        k->gated_backward(Unary(kind), x, w, n, y, n, z, y, n, 1, n);
      }
      for (int kind = 0; kind <= int(Binary::maximum); ++kind) {
        k->binary(Binary(kind), x, w, y, n);
        k->binary_row(Binary(kind), both, w, both, 2, n);
      }
      k->scale(x, 2, 1, y, n);
      k->column_sum(both, n, y, 2, 0, n, true);
      k->softmax(both, both, 2, n);
      k->softmax_backward(x, w, y, 1, n);
      k->layer_norm(x, w, z, y, stats, loss, 1, n, 1e-5f);
      k->layer_norm_backward(x, w, stats, loss, y, z, 1, n);
      k->layer_norm_backward_weights(x, stats, loss, w, y, z, 1, n, 0, n, true);
      k->rms_norm(x, w, y, stats, 1, n, 1e-5f, 1);
      k->rms_norm_backward(x, w, stats, y, z, 1, n, 1);
      k->rms_norm_backward_weights(x, stats, w, y, 1, n, 0, n, true);
      Guarded<char> keys(std::max<int64_t>(4 * n, n + 2 * scales_of_head(n))), more_keys(std::max<int64_t>(4 * n, n + 2 * scales_of_head(n)));
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16, DType::i8}) {
        BlockTokens<float> tokens{.k = x, .v = w, .count = 1, .heads = 1, .head_dim = n, .dtype = dtype, .block_size = 1};
        tokens.keys = keys.end() - tokens.head_bytes(), tokens.values = more_keys.end() - tokens.head_bytes();
        k->fill_block(tokens);
      }
      k->gather_rows(table, DType::f32, id, y, 1, n);
      k->gather_rows(table16, DType::bf16, id, y, 1, n);
      k->gather_rows(table16, DType::f16, id, y, 1, n);
      k->scatter_add(id, x, table, 1, n, n / 3, n);
      k->adamw(x, w, y, z, n, AdamWStep{.lr = 1e-3});
      CHECK(k->sum_squares(w, n) == double(n));
      k->dropout(both, both, 1, 2 * n, {.probability = 0.5f, .sequences = sequence, .positions = id});
      if (n < 2) continue;
      k->cross_entropy(x, n, id, loss, stats, y, 1, 0.1f, 1, n);
      Guarded<float> head(2 * n), turned(2 * n);
      for (const RotaryLayout layout : {RotaryLayout::half_split, RotaryLayout::interleaved}) {
        Guarded<float> cosines(2 * n), sines(2 * n);  // of positions 0 and 1
        k->rotary({.x = head,
                   .x_stride = 2 * n,
                   .y = turned,
                   .y_stride = 2 * n,
                   .rows = 1,
                   .heads = 1,
                   .head_dim = 2 * n,
                   .rotary_dim = 2 * n,
                   .positions = id,
                   .cosines = cosines,
                   .sines = sines,
                   .layout = layout});
      }
    }
}
