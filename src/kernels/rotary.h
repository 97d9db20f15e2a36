// Rotary position embedding: turns each pair of a head by an angle proportional to the position, so that the product of
// a query and a key depends only on how far apart they stand. Su et al. 2021, eq. 34.
//
//   half-split (Hugging Face Llama): pairs (x[i], x[i + rotary/2]);   interleaved (GPT-J): pairs (x[2i], x[2i+1])
//   (a, b) -> (a cos - b sin,  a sin + b cos)
#pragma once

#include <cstdint>

namespace orrery {

enum class RotaryLayout : uint8_t { half_split, interleaved };

template <class T>
struct Rotary {
  const T* x = nullptr;              // row r, head h: x + r * x_stride + h * head_dim; y may be x
  int64_t x_stride = 0;
  T* y = nullptr;
  int64_t y_stride = 0;
  int64_t rows = 0, heads = 0, head_dim = 0;
  int64_t rotary_dim = 0;            // even, <= head_dim; the rest of a head is copied
  const int32_t* positions = nullptr;  // [rows]
  const T* cosines = nullptr;        // [positions, rotary_dim / 2]
  const T* sines = nullptr;
  RotaryLayout layout = RotaryLayout::half_split;
  bool inverse = false;              // turn back: the gradient
};

template <class T>
using rotary_fn = void(const Rotary<T>& args);

}  // namespace orrery
