#include "tensor/slabs.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "tensor/pages.h"

// A sanitizer's malloc is not counted by the system's library.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

namespace orrery {

namespace {

constexpr int64_t kMegabyte = int64_t(1) << 20;

// Is the page of this byte in memory?
bool resident(const std::byte* at) {
  unsigned char in_memory = 0;
  REQUIRE(::mincore(reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(at) / page_size() * page_size()), page_size(), &in_memory) == 0);
  return in_memory & 1;
}

// May it be read? The system looks, and nobody dies.
bool readable(const std::byte* at) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const bool read = ::write(ends[1], at, 1) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  return read;
}

void fill(Tensor& tensor, uint8_t value) { std::ranges::fill(std::span(tensor.mutable_data<uint8_t>(), size_t(tensor.numel())), value); }
bool all_of(const Tensor& tensor, uint8_t value) {
  return std::ranges::all_of(tensor.values<uint8_t>(), [&](uint8_t byte) { return byte == value; });
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
    CHECK(all_of(tensor, 0));
  }
  CHECK(a.bytes() == uint64_t(3 * kMegabyte + 7));
}

TEST_CASE("what a tensor held goes back to the system with its last view, and its neighbours stay") {
  Slabs slabs;
  std::vector<Tensor> tensors = {slabs.zeros(DType::u8, {8 * kMegabyte}), slabs.zeros(DType::u8, {5 * kMegabyte}), slabs.zeros(DType::u8, {7 * kMegabyte}), slabs.zeros(DType::u8, {6 * kMegabyte})};
  for (Tensor& tensor : tensors) fill(tensor, 9);
  const std::byte* const middle = tensors[2].raw() + tensors[2].bytes() / 2;
  Tensor view = tensors[2].rows(3, 5);
  tensors[2] = Tensor();
  CHECK(resident(middle));
  CHECK(view.data<uint8_t>()[0] == 9);
  view = Tensor();
  CHECK_FALSE(resident(middle));
  for (const size_t i : {1u, 3u}) CHECK(all_of(tensors[i], 9));
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
  Tensor first = slabs.zeros(DType::u8, {kMegabyte / 2 + 1});
  const std::byte* const behind = first.raw() + kMegabyte / 2 + int64_t(page_size()) + 64;
  CHECK(readable(behind));
  fill(first, 9);
  slabs.trim();
  CHECK_FALSE(readable(behind));
  const Tensor second = slabs.zeros(DType::u8, {3 * kMegabyte}), none = slabs.zeros(DType::u8, {0});
  slabs.trim();
  slabs.trim();
  CHECK(second.raw() == first.raw() + kMegabyte / 2 + 64);
  CHECK(none.numel() == 0);
  CHECK(all_of(second, 0));
  CHECK(all_of(first, 9));
}

TEST_CASE("a slab that is full, or of which all has gone, is followed by another") {
  Slabs slabs;
  slabs.zeros(DType::u8, {8 * kMegabyte});
  Tensor first = slabs.zeros(DType::u8, {kMegabyte / 2});   // nothing of the larger ones is touched
  const Tensor most = slabs.zeros(DType::u8, {1000 * kMegabyte}), next = slabs.zeros(DType::u8, {100 * kMegabyte});
  CHECK(most.raw() == first.raw() + kMegabyte / 2);
  CHECK_FALSE((next.raw() > first.raw() && next.raw() < first.raw() + 1024 * kMegabyte));
  CHECK_FALSE(readable(most.raw() + most.numel() + 2 * int64_t(page_size())));   // its end was given back
  CHECK(all_of(next.rows(100 * kMegabyte - 1, 100 * kMegabyte), 0));

  Slabs again;
  again.zeros(DType::u8, {8 * kMegabyte});
  Tensor gone = again.zeros(DType::u8, {5 * kMegabyte});
  fill(gone, 9);
  gone = Tensor();
  CHECK(all_of(again.zeros(DType::u8, {5 * kMegabyte}), 0));
}

TEST_CASE("where addresses are rationed, tensors stand alone") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_AS, &before) == 0);
  rlimit rationed = before;
  rationed.rlim_cur = std::min<rlim_t>(before.rlim_max, rlim_t(1) << 47);   // far more than a test has, and not without end
  REQUIRE(::setrlimit(RLIMIT_AS, &rationed) == 0);
  Slabs slabs;
  slabs.zeros(DType::u8, {8 * kMegabyte});
  const Tensor a = slabs.zeros(DType::u8, {kMegabyte}), b = slabs.zeros(DType::u8, {3 * kMegabyte});
  slabs.trim();
  REQUIRE(::setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(b.raw() != a.raw() + kMegabyte);
  CHECK((all_of(a, 0) && all_of(b, 0)));
}

TEST_CASE("the heap beside tensors counts what is no tensor's") {
  const int64_t before = heap_beside_tensors();
  const Tensor tensor = Tensor::zeros(DType::u8, {kMegabyte});
  CHECK(heap_beside_tensors() - before < kMegabyte / 2);   // what malloc takes beside it
#if !defined(SANITIZED) && defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  const std::vector<char> list(size_t(64 * kMegabyte), 'a');
  CHECK(heap_beside_tensors() - before >= 64 * kMegabyte);
  CHECK(heap_beside_tensors() - before < 65 * kMegabyte);
  CHECK(list[size_t(before) % list.size()] == 'a');
#endif
}

}  // namespace orrery
