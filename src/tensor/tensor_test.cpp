#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/testing.h"

using namespace orrery;

namespace {
// The message of the Error that f throws, or "" where it throws none.
template <class F>
std::string thrown(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what;
  }
  return "";
}
const std::array<float, 6> kSix = {0, 1, 2, 3, 4, 5};
}  // namespace

TEST_CASE("fresh tensors are zero and aligned, small or large") {
  for (const int64_t n : {0, 1, 17, 1000, (1 << 19) - 1, 1 << 19, (1 << 19) + 1, 3000000}) {
    Tensor x = Tensor::zeros(DType::f32, {n});
    CHECK(x.numel() == n);
    CHECK(x.bytes() == uint64_t(4 * n));
    CHECK(x.writable());
    CHECK(reinterpret_cast<uintptr_t>(x.raw()) % 64 == 0);
    if (x.bytes() >= uint64_t(2) << 20) CHECK(reinterpret_cast<uintptr_t>(x.raw()) % (2 << 20) == 0);
    bool zero = true;
    for (const float v : x.values<float>()) zero = zero && v == 0;
    CHECK(zero);
    for (int64_t i = 0; i < n; ++i) x.mutable_data<float>()[i] = 1;  // every byte is ours
  }
}

TEST_CASE("a copy of a tensor shares its values, a clone does not") {
  Tensor a = Tensor::from(kSix, {2, 3});
  Tensor b = a, c = a.clone();
  a.mutable_data<float>()[4] = 40;
  CHECK(b.data<float>()[4] == 40);
  CHECK(c.data<float>()[4] == 4);
}

TEST_CASE("rows and reshape are views") {
  Tensor a = Tensor::from(kSix, {3, 2});
  Tensor last = a.rows(1, 3);
  CHECK(last.shape() == std::vector<int64_t>{2, 2});
  CHECK(last.data<float>()[0] == 2);
  CHECK(last.rows(1, 2).data<float>()[1] == 5);
  CHECK(a.rows(3, 3).numel() == 0);
  last.reshape({4}).mutable_data<float>()[3] = 50;
  CHECK(a.data<float>()[5] == 50);
}

TEST_CASE("a single value has no axes, and a shape with a zero has no values") {
  const Tensor one = Tensor::from(std::array<int64_t, 1>{7}, {});
  CHECK(one.numel() == 1);
  CHECK(one.rank() == 0);
  CHECK(one.data<int64_t>()[0] == 7);
  const Tensor none = Tensor::zeros(DType::bf16, {4, 0, 3});
  CHECK(none.numel() == 0);
  CHECK(none.reshape({0, 5}).to(DType::f32).numel() == 0);
  CHECK(none.rows(1, 3).shape() == std::vector<int64_t>{2, 0, 3});
  CHECK(Tensor().numel() == 0);
  CHECK(Tensor().clone().numel() == 0);
}

TEST_CASE("a view looks into shared storage and keeps it alive") {
  auto storage = allocate_storage(64);
  Tensor x = Tensor::view(storage, DType::i32, {2, 3}, 8);
  CHECK(x.raw() == storage->data() + 8);
  const std::weak_ptr<Storage> watch = storage;
  storage.reset();
  CHECK_FALSE(watch.expired());
  x.mutable_data<int32_t>()[5] = 1;
  x = Tensor();
  CHECK(watch.expired());
}

TEST_CASE("a view of a mapped file is read-only") {
  const TemporaryFolder folder("tensor");
  REQUIRE(write_file(folder.path() / "a", std::string_view(reinterpret_cast<const char*>(kSix.data()), 24)));
  Tensor x = Tensor::view(storage_of(MappedFile::open(folder.path() / "a").value()), DType::f32, {2}, 16);
  CHECK(x.data<float>()[1] == 5);
  CHECK_FALSE(x.writable());
  CHECK(thrown([&] { x.mutable_data<float>(); }).find("read-only") != std::string::npos);
  CHECK(x.clone().writable());
}

TEST_CASE("impossible tensors are refused") {
  auto storage = allocate_storage(64);
  const int64_t big = int64_t(1) << 62;
  CHECK(thrown([&] { (void)Tensor::zeros(DType::f32, {2, -3}); }) != "");
  CHECK(thrown([&] { (void)Tensor::zeros(DType::f64, {big}); }) != "");
  CHECK(thrown([&] { (void)Tensor::zeros(DType::i8, {big, 4}); }) != "");
  CHECK(thrown([&] { (void)Tensor::zeros(DType::i8, {0, big, 4}); }) != "");
  CHECK(thrown([&] { (void)Tensor::zeros(DType::i8, {big}); }) == "cannot allocate 4611686018427387904 bytes");
  CHECK(thrown([&] { (void)Tensor::view(storage, DType::f32, {17}); }) != "");
  CHECK(thrown([&] { (void)Tensor::view(storage, DType::f32, {1}, 64); }) != "");
  CHECK(thrown([&] { (void)Tensor::view(storage, DType::f32, {0}, 65); }) != "");
  CHECK(thrown([&] { (void)Tensor::view(storage, DType::f32, {1}, 2); }) != "");
  CHECK(thrown([&] { (void)Tensor::from(kSix, {5}); }) == "6 values given for the shape [5]");
  CHECK(thrown([&] { (void)Tensor::from(kSix, {6}).data<double>(); }) == "a tensor of f32 read as another type");
  CHECK(thrown([&] {
          (void)Tensor::from(kSix, {2, 3}).reshape({4});
        }) == "a tensor of shape [2, 3] cannot be seen as [4]");
  CHECK(thrown([&] { (void)Tensor::from(kSix, {2, 3}).rows(1, 3); }) != "");
  CHECK(thrown([&] { (void)Tensor::from(kSix, {2, 3}).rows(-1, 1); }) != "");
  CHECK(thrown([&] { (void)Tensor::from(kSix, {2, 3}).dim(2); }) != "");
}

TEST_CASE("conversion between floats rounds to nearest even, and keeps what both can hold") {
  const Tensor x = Tensor::from(std::array<float, 5>{0.5f, -3, 1.00390625f, INFINITY, 65504}, {5});
  for (const DType dtype : {DType::f64, DType::f16}) {
    const Tensor back = x.to(dtype).to(DType::f32);
    for (int i = 0; i < 5; ++i) CHECK(back.data<float>()[i] == x.data<float>()[i]);
  }
  CHECK(x.to(DType::bf16).data<uint16_t>()[2] == 0x3f80);  // 1 + 2^-8 lies halfway: to even
  CHECK(x.to(DType::f32).raw() == x.raw());
}

TEST_CASE("whole numbers convert to whatever holds them") {
  const Tensor x = Tensor::from(std::array<int64_t, 3>{0, 1, 127}, {3});
  for (const DType dtype :
       {DType::f64, DType::f32, DType::bf16, DType::f16, DType::i32, DType::i16, DType::i8, DType::u8}) {
    const Tensor y = x.to(dtype);
    CHECK(y.dtype() == dtype);
    CHECK((dtype == DType::f64 || dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16
               ? y.to(DType::f64).data<double>()[2] == 127
               : y.to(DType::i64).data<int64_t>()[2] == 127));
  }
  CHECK(thrown([&] { (void)x.to(DType::boolean); }) == "element 2 is 127, which does not fit bool");
  CHECK(thrown([&] {
          (void)Tensor::from(std::array<int32_t, 2>{-1, 300}, {2}).to(DType::u8);
        }) == "element 0 is -1, which does not fit u8");
  CHECK(thrown([&] { (void)x.to(DType::f32).to(DType::i32); }) == "no conversion from f32 to i32");
}

TEST_CASE("a wrong shape is told beside the expected one") {
  const Tensor x = Tensor::zeros(DType::f32, {7, 512});
  expect_shape("x", x, {kAny, 512});
  CHECK(thrown([&] { expect_shape("x", x, {kAny, 768}); }) == "x is [7, 512], expected [*, 768]");
  CHECK(thrown([&] { expect_shape("x", x, {kAny}); }) == "x is [7, 512], expected [*]");
  CHECK_FALSE(check_shape("x", x.shape(), std::array<int64_t, 2>{7, 5}, "model.safetensors"));
}
