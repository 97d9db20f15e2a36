#include "base/dtype.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"

using namespace orrery;

namespace {

// The float that 16 bits of `exponent_bits` exponent and the rest mantissa mean, by IEEE 754's definition.
double meaning(uint32_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = int(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double mantissa = double(bits & ((1u << mantissa_bits) - 1)) / double(1 << mantissa_bits);
  double magnitude = 0;
  if (exponent == (1 << exponent_bits) - 1)
    magnitude = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  else magnitude = exponent == 0 ? std::ldexp(mantissa, 1 - bias) : std::ldexp(1 + mantissa, exponent - bias);
  return bits & 0x8000u ? -magnitude : magnitude;
}

struct Format {
  int exponent_bits;
  float (*widen)(uint16_t);
  uint16_t (*narrow)(float);
};
const Format kFormats[] = {{8, bf16_to_float, float_to_bf16}, {5, f16_to_float, float_to_f16}};

}  // namespace

TEST_CASE("every 16-bit pattern widens to what it means and comes back the same") {
  for (const Format& format : kFormats)
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      const float wide = format.widen(uint16_t(bits));
      const double expected = meaning(bits, format.exponent_bits);
      if (std::isnan(expected)) {
        REQUIRE(std::isnan(wide));
        REQUIRE(std::isnan(format.widen(format.narrow(wide))));
        continue;
      }
      REQUIRE(double(wide) == expected);
      REQUIRE(std::signbit(wide) == std::signbit(expected));
      REQUIRE(format.narrow(wide) == bits);
    }
}

TEST_CASE("narrowing rounds to the nearest, ties to even, at every pair of neighbours") {
  for (const Format& format : kFormats) {
    const uint32_t infinity = format.exponent_bits == 8 ? 0x7f80 : 0x7c00;
    for (uint32_t low = 0; low + 1 < infinity; ++low)
      for (const uint32_t sign : {0u, 0x8000u}) {
        const float a = format.widen(uint16_t(low)), b = format.widen(uint16_t(low + 1));
        const float middle = float((double(a) + double(b)) / 2);
        const float below = std::nextafter(middle, a), above = std::nextafter(middle, b);
        const auto narrow = [&](float value) { return uint32_t(format.narrow(sign ? -value : value)); };
        REQUIRE(narrow(middle) == (sign | (low % 2 == 0 ? low : low + 1)));
        REQUIRE(narrow(below) == (sign | low));
        REQUIRE(narrow(above) == (sign | (low + 1)));
      }
    const float largest = format.widen(uint16_t(infinity - 1)), step = largest - format.widen(uint16_t(infinity - 2));
    const float overflow = float(double(largest) + double(step) / 2);  // halfway to what would come next
    CHECK(format.narrow(overflow) == infinity);
    CHECK(format.narrow(std::nextafter(overflow, 0.0f)) == infinity - 1);
    CHECK(format.narrow(-std::numeric_limits<float>::infinity()) == (infinity | 0x8000));
  }
}

TEST_CASE("NaN stays NaN, though only its last bits say so") {
  const float nan = std::bit_cast<float>(0x7f800001u);
  CHECK(std::isnan(bf16_to_float(float_to_bf16(nan))));
  CHECK(std::isnan(f16_to_float(float_to_f16(nan))));
}

TEST_CASE("arrays convert between all floating types") {
  const std::vector<float> values = {0, -0.0f, 1, -2.5f, 65504, 1e-7f, 0.333251953125f};
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16}) {
    std::vector<unsigned char> bytes(values.size() * size_t(size_of(dtype)));
    convert(values.data(), DType::f32, bytes.data(), dtype, int64_t(values.size()));
    std::vector<float> back(values.size());
    convert(bytes.data(), dtype, back.data(), DType::f32, int64_t(values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      const float expected = dtype == DType::bf16  ? bf16_to_float(float_to_bf16(values[i]))
                             : dtype == DType::f16 ? f16_to_float(float_to_f16(values[i]))
                                                   : values[i];
      CHECK(back[i] == expected);
    }
  }
  std::vector<int32_t> whole(3);
  CHECK_THROWS_AS(convert(values.data(), DType::f32, whole.data(), DType::i32, 3), Error);
}

TEST_CASE("a type is found by our name and by Hugging Face's") {
  for (const DType dtype : {DType::f64, DType::f32, DType::bf16, DType::f16, DType::i64, DType::i32, DType::i16,
                            DType::i8, DType::u8, DType::boolean})
    CHECK(dtype_named(name_of(dtype)) == dtype);
  CHECK(dtype_named("bfloat16") == DType::bf16);
  CHECK(dtype_named("torch.float16") == DType::f16);
  CHECK(dtype_named("float32") == DType::f32);
  CHECK_FALSE(dtype_named("float"));
  CHECK_FALSE(dtype_named(""));
}

TEST_CASE("arrays of halves convert as one number does, whatever it is and wherever it stands") {
  std::vector<uint16_t> halves(1 << 16), back(halves.size() + 3);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = uint16_t(i);
  std::vector<float> floats(halves.size());
  convert(halves.data(), DType::f16, floats.data(), DType::f32, int64_t(halves.size()));
  int64_t wrong = 0;
  for (size_t i = 0; i < halves.size(); ++i) wrong += std::bit_cast<uint32_t>(floats[i]) != std::bit_cast<uint32_t>(f16_to_float(halves[i]));
  for (const DType dtype : {DType::f16, DType::bf16})
    for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += uint64_t(8191) * 13) {
      float values[13];
      for (int i = 0; i < 13; ++i) values[i] = std::bit_cast<float>(uint32_t(bits + uint64_t(8191) * uint64_t(i)));
      convert(values, DType::f32, back.data(), dtype, 13);
      for (int i = 0; i < 13; ++i) wrong += back[size_t(i)] != (dtype == DType::f16 ? float_to_f16(values[i]) : float_to_bf16(values[i]));
    }
  CHECK(wrong == 0);
}
