#include "base/dtype.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

// Eight at a time where the processor has the instructions. They would make NaNs quiet, or keep what they carry: those go one by one.
#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) void narrow_eights(const float* from, uint16_t* to, int64_t eights) {
  for (int64_t i = 0; i < eights; ++i, from += 8, to += 8) {
    const __m256 x = _mm256_loadu_ps(from);
    if (_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0)
      for (int64_t j = 0; j < 8; ++j) to[j] = float_to_f16(from[j]);
    else
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
}
__attribute__((target("avx,f16c"))) void widen_eights(const uint16_t* from, float* to, int64_t eights) {
  for (int64_t i = 0; i < eights; ++i, from += 8, to += 8) {
    const __m256 x = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    if (_mm256_movemask_ps(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)) != 0)
      for (int64_t j = 0; j < 8; ++j) to[j] = f16_to_float(from[j]);
    else
      _mm256_storeu_ps(to, x);
  }
}
bool has_f16_instructions() { return __builtin_cpu_supports("f16c"); }
#else
void narrow_eights(const float*, uint16_t*, int64_t) {}
void widen_eights(const uint16_t*, float*, int64_t) {}
constexpr bool has_f16_instructions() { return false; }
#endif

void narrow(const float* from, uint16_t* to, int64_t count) {
  const int64_t eights = has_f16_instructions() ? count / 8 : 0;
  narrow_eights(from, to, eights);
  for (int64_t i = eights * 8; i < count; ++i) to[i] = float_to_f16(from[i]);
}
void widen(const uint16_t* from, float* to, int64_t count) {
  const int64_t eights = has_f16_instructions() ? count / 8 : 0;
  widen_eights(from, to, eights);
  for (int64_t i = eights * 8; i < count; ++i) to[i] = f16_to_float(from[i]);
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

float f16_to_float(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  const float magnitude = float(mantissa) * 0x1p-24f;  // zero and subnormals: exact in float
  return sign ? -magnitude : magnitude;
}

uint16_t float_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = uint16_t((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return uint16_t(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return uint16_t(sign | 0x7c00u);  // rounds to 65520 or more: infinity
  if (magnitude < 0x38800000u) {                                  // below 2^-14: subnormal, unit 2^-24
    const float scaled = std::bit_cast<float>(magnitude) * 0x1p24f;
    const float shifted = scaled + 0x1p23f;  // rounds to an integer, ties to even
    return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) & 0x7ffu));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return uint16_t(sign | ((rounded - 0x38000000u) >> 13));
}

void convert(const void* from, DType from_dtype, void* to, DType to_dtype, int64_t count) {
  if (from_dtype == to_dtype) {
    if (count > 0) std::memcpy(to, from, size_t(count * size_of(from_dtype)));   // of nothing, the pointers may be null
    return;
  }
  if (from_dtype == DType::bf16 && to_dtype == DType::f32) {
    for (int64_t i = 0; i < count; ++i) static_cast<float*>(to)[i] = bf16_to_float(static_cast<const uint16_t*>(from)[i]);
    return;
  }
  if (from_dtype == DType::f32 && to_dtype == DType::bf16) {
    for (int64_t i = 0; i < count; ++i) static_cast<uint16_t*>(to)[i] = float_to_bf16(static_cast<const float*>(from)[i]);
    return;
  }
  if (from_dtype == DType::f32 && to_dtype == DType::f16) return narrow(static_cast<const float*>(from), static_cast<uint16_t*>(to), count);
  if (from_dtype == DType::f16 && to_dtype == DType::f32) return widen(static_cast<const uint16_t*>(from), static_cast<float*>(to), count);
  for (int64_t i = 0; i < count; ++i) store(to, to_dtype, i, load(from, from_dtype, i));
}

}  // namespace orrery
