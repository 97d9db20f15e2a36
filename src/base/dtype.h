// Element types of tensors, and the conversions between the 16-bit floats and float.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace orrery {

enum class DType : uint8_t { f64, f32, bf16, f16, i64, i32, i16, i8, u8, boolean };

// Bytes of one element.
constexpr int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64: case DType::i64: return 8;
    case DType::f32: case DType::i32: return 4;
    case DType::bf16: case DType::f16: case DType::i16: return 2;
    default: return 1;
  }
}

// "f32", "bf16", …: the word of --dtype.
const char* name_of(DType dtype);
// Both spellings are understood: ours ("bf16") and Hugging Face's ("bfloat16", "torch.bfloat16", "float32").
std::optional<DType> dtype_named(std::string_view name);

// bfloat16: the upper half of a float. Rounded to nearest, ties to even; NaN stays NaN.
inline float bf16_to_float(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }
inline uint16_t float_to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), is_nan = 0u - uint32_t((bits & 0x7fffffffu) > 0x7f800000u);   // a mask
  return uint16_t((is_nan & ((bits >> 16) | 0x40u)) | (~is_nan & ((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)));
}

// IEEE half precision, subnormals included.
float f16_to_float(uint16_t bits);
uint16_t float_to_f16(float value);

// Converts `count` elements between floating types (f64, f32, bf16, f16), rounding to nearest even.
void convert(const void* from, DType from_dtype, void* to, DType to_dtype, int64_t count);

}  // namespace orrery
