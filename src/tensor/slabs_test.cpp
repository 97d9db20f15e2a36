#include "tensor/slabs.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace orrery {

namespace {

constexpr int64_t kMegabyte = int64_t(1) << 20;

// Is the page of this byte in memory?
bool resident(const std::byte* at) {
  const auto page = uintptr_t(::sysconf(_SC_PAGESIZE));
  unsigned char in_memory = 0;
  REQUIRE(::mincore(reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(at) / page * page), page, &in_memory) == 0);
  return in_memory & 1;
}

}  // namespace

TEST_CASE("after the first few, tensors lie side by side") {
  Slabs slabs;
  const Tensor alone = slabs.zeros(DType::u8, {8 * kMegabyte});
  const Tensor a = slabs.zeros(DType::u8, {3 * kMegabyte + 7}), b = slabs.zeros(DType::u8, {100}), c = slabs.zeros(DType::u8, {40 * kMegabyte});
  CHECK(b.raw() == a.raw() + 3 * kMegabyte + 64);
  CHECK(c.raw() == b.raw() + 128);
  for (const Tensor& tensor : {alone, a, b, c}) {
    CHECK(reinterpret_cast<uintptr_t>(tensor.raw()) % 64 == 0);
    CHECK(std::ranges::all_of(tensor.values<uint8_t>(), [](uint8_t byte) { return byte == 0; }));
  }
  CHECK(a.bytes() == uint64_t(3 * kMegabyte + 7));
}

TEST_CASE("what a tensor held goes back to the system with its last view, and its neighbours stay") {
  Slabs slabs;
  std::vector<Tensor> tensors = {slabs.zeros(DType::u8, {8 * kMegabyte}), slabs.zeros(DType::u8, {5 * kMegabyte}), slabs.zeros(DType::u8, {7 * kMegabyte}), slabs.zeros(DType::u8, {6 * kMegabyte})};
  for (Tensor& tensor : tensors) std::ranges::fill(std::span(tensor.mutable_data<uint8_t>(), size_t(tensor.numel())), uint8_t(9));
  const std::byte* const middle = tensors[2].raw() + tensors[2].bytes() / 2;
  Tensor view = tensors[2].rows(3, 5);
  tensors[2] = Tensor();
  CHECK(resident(middle));
  CHECK(view.data<uint8_t>()[0] == 9);
  view = Tensor();
  CHECK_FALSE(resident(middle));
  for (const size_t i : {1u, 3u}) CHECK(std::ranges::all_of(tensors[i].values<uint8_t>(), [](uint8_t byte) { return byte == 9; }));
}

TEST_CASE("tensors outlive their slabs, and one that is larger than a slab stands alone") {
  Tensor kept;
  {
    Slabs slabs;
    slabs.zeros(DType::u8, {8 * kMegabyte});
    kept = slabs.zeros(DType::u8, {kMegabyte});
    const Tensor larger = slabs.zeros(DType::u8, {1025 * kMegabyte}), next = slabs.zeros(DType::u8, {64});   // nothing of it is touched
    CHECK(next.raw() == kept.raw() + kMegabyte);
    CHECK(larger.bytes() == uint64_t(1025 * kMegabyte));
  }
  kept.mutable_data<uint8_t>()[kMegabyte - 1] = 1;
  CHECK(kept.data<uint8_t>()[kMegabyte - 1] == 1);
}

TEST_CASE("what lies behind the last tensor goes back to the system, and what is taken after it is zeros") {
  Slabs slabs;
  slabs.zeros(DType::u8, {8 * kMegabyte});
  Tensor first = slabs.zeros(DType::u8, {kMegabyte / 2}), second;
  slabs.trim();
  std::ranges::fill(std::span(first.mutable_data<uint8_t>(), size_t(first.numel())), uint8_t(9));
  second = slabs.zeros(DType::u8, {3 * kMegabyte});
  slabs.trim();
  slabs.trim();
  CHECK(second.raw() == first.raw() + kMegabyte / 2);
  CHECK(std::ranges::all_of(second.values<uint8_t>(), [](uint8_t byte) { return byte == 0; }));
  CHECK(std::ranges::all_of(first.values<uint8_t>(), [](uint8_t byte) { return byte == 9; }));
}

TEST_CASE("the heap beside tensors counts what is no tensor's") {
  const int64_t before = heap_beside_tensors();
  const Tensor tensor = Tensor::zeros(DType::u8, {kMegabyte});
  CHECK(heap_beside_tensors() - before < kMegabyte / 2);   // what malloc takes beside it
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::vector<char> list(size_t(64 * kMegabyte), 'a');
  CHECK(heap_beside_tensors() - before >= 64 * kMegabyte);
  CHECK(heap_beside_tensors() - before < 65 * kMegabyte);
  CHECK(list[size_t(before) % list.size()] == 'a');
#endif
}

}  // namespace orrery
