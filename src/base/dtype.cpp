#include "base/dtype.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace orrery {

namespace {
struct Name {
  DType dtype;
  const char* ours;
  const char* hugging_face;
};
constexpr std::array<Name, 10> kNames = {{{DType::f64, "f64", "float64"},
                                          {DType::f32, "f32", "float32"},
                                          {DType::bf16, "bf16", "bfloat16"},
                                          {DType::f16, "f16", "float16"},
                                          {DType::i64, "i64", "int64"},
                                          {DType::i32, "i32", "int32"},
                                          {DType::i16, "i16", "int16"},
                                          {DType::i8, "i8", "int8"},
                                          {DType::u8, "u8", "uint8"},
                                          {DType::boolean, "bool", "bool"}}};

double load(const void* from, DType dtype, int64_t i) {
  switch (dtype) {
    case DType::f64: return static_cast<const double*>(from)[i];
    case DType::f32: return double(static_cast<const float*>(from)[i]);
    case DType::bf16: return double(bf16_to_float(static_cast<const uint16_t*>(from)[i]));
    case DType::f16: return double(f16_to_float(static_cast<const uint16_t*>(from)[i]));
    default: throw Error{ErrorKind::unsupported, "a tensor of integers cannot be converted to floats", name_of(dtype)};
  }
}

void store(void* to, DType dtype, int64_t i, double value) {
  switch (dtype) {
    case DType::f64: static_cast<double*>(to)[i] = value; return;
    case DType::f32: static_cast<float*>(to)[i] = float(value); return;
    case DType::bf16: static_cast<uint16_t*>(to)[i] = float_to_bf16(float(value)); return;
    case DType::f16: static_cast<uint16_t*>(to)[i] = float_to_f16(float(value)); return;
    default: throw Error{ErrorKind::unsupported, "floats cannot be converted to a tensor of integers", name_of(dtype)};
  }
}

// Without branches, so that loops over them become vector code.
inline float widened(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16, exponent = (bits >> 10) & 0x1fu, mantissa = bits & 0x3ffu;
  const uint32_t normal = ((exponent + (exponent == 31 ? 224u : 112u)) << 23) | (mantissa << 13);       // 31: infinity, NaN
  const uint32_t subnormal = std::bit_cast<uint32_t>(float(int32_t(mantissa)) * 0x1p-24f);           // exact in float; zero too
  return std::bit_cast<float>(sign | (exponent == 0 ? subnormal : normal));
}
inline uint16_t narrowed(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  const uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
  // Below 2^-14, unit 2^-24: adding 2^23 rounds to an integer, ties to even.
  const uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p24f + 0x1p23f) & 0x7ffu;
  const uint32_t large = 0x7c00u + 0x200u * uint32_t(magnitude > 0x7f800000u);   // infinity, as what rounds to 65520 or more; NaN
  const uint32_t is_subnormal = 0u - uint32_t(magnitude < 0x38800000u), is_large = 0u - uint32_t(magnitude >= 0x477ff000u);   // masks
  return uint16_t(sign | (is_subnormal & subnormal) | (is_large & large) | (~(is_subnormal | is_large) & normal));
}
}  // namespace

const char* name_of(DType dtype) {
  for (const Name& name : kNames)
    if (name.dtype == dtype) return name.ours;
  return "?";
}

std::optional<DType> dtype_named(std::string_view name) {
  if (name.starts_with("torch.")) name.remove_prefix(6);
  for (const Name& entry : kNames)
    if (name == entry.ours || name == entry.hugging_face) return entry.dtype;
  return std::nullopt;
}

float f16_to_float(uint16_t bits) { return widened(bits); }
uint16_t float_to_f16(float value) { return narrowed(value); }

void convert(const void* from, DType from_dtype, void* to, DType to_dtype, int64_t count) {
  if (from_dtype == to_dtype) {
    if (count > 0) std::memcpy(to, from, size_t(count * size_of(from_dtype)));   // of nothing, the pointers may be null
    return;
  }
  const auto each = [&](auto source, auto target, auto&& one) {
    for (int64_t i = 0; i < count; ++i) target[i] = one(source[i]);
  };
  const auto* floats = static_cast<const float*>(from);
  const auto* halves = static_cast<const uint16_t*>(from);
  if (from_dtype == DType::bf16 && to_dtype == DType::f32) return each(halves, static_cast<float*>(to), [](uint16_t x) { return bf16_to_float(x); });
  if (from_dtype == DType::f32 && to_dtype == DType::bf16) return each(floats, static_cast<uint16_t*>(to), [](float x) { return float_to_bf16(x); });
  if (from_dtype == DType::f16 && to_dtype == DType::f32) return each(halves, static_cast<float*>(to), [](uint16_t x) { return widened(x); });
  if (from_dtype == DType::f32 && to_dtype == DType::f16) return each(floats, static_cast<uint16_t*>(to), [](float x) { return narrowed(x); });
  for (int64_t i = 0; i < count; ++i) store(to, to_dtype, i, load(from, from_dtype, i));
}

}  // namespace orrery
