// A step of writing asks for no memory: all of it is planned. This binary counts what anybody asks `new` for.
#include <atomic>
#include <cstdlib>
#include <new>

#include "generate/engine.h"
#include "generate/testing.h"

using namespace orrery;
using namespace orrery::generate_test;

namespace {

std::atomic<int64_t> asked{0};

void* counted(std::size_t bytes) noexcept {
  asked.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(bytes > 0 ? bytes : 1);
}

}  // namespace

// With all forms that mix with these, since sanitizers have others of their own.
void* operator new(std::size_t bytes) {
  if (void* memory = counted(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

TEST_CASE("a step of writing allocates nothing, of products of floats, of bf16 and of blocks, whatever keys are held in") {
  for (const char* variant : {"llama", "gpt2", "t5", "bahdanau"})
    for (const LoadOptions& options : {LoadOptions{}, LoadOptions{.products = DType::bf16}, LoadOptions{.blocks = BlockFormat::q8_0}})
      for (const DType keys : {DType::f32, DType::bf16, DType::i8}) {
        Model model = Model::load(golden(variant), options).value();
        ThreadPool pool(2);
        Engine engine(model, pool, {.kv_dtype = keys});
        const int32_t id = 1;
        const CacheSequence source = model.config().encoder_decoder ? engine.encode({&id, 1}) : CacheSequence();
        CacheSequence sequence = engine.sequence();
        const Feed feed{&sequence, {&id, 1}, 0, model.config().encoder_decoder ? &source : nullptr};
        const auto write = [&](int steps) {
          const int64_t before = asked.load();
          for (int step = 0; step < steps; ++step) engine.forward({&feed, 1});
          return asked.load() - before;
        };
        CHECK(write(1) > 0);   // the first step makes room, so that the count is seen to count
        CHECK(write(20) == 0);
      }
}
