// Reading one element of a stored type as T.
#pragma once

#include "base/dtype.h"

namespace orrery::reference {

template <class T>
T widened(const void* data, DType dtype, int64_t index) {
  switch (dtype) {
    case DType::bf16: return T(bf16_to_float(static_cast<const uint16_t*>(data)[index]));
    case DType::f16: return T(f16_to_float(static_cast<const uint16_t*>(data)[index]));
    default: return static_cast<const T*>(data)[index];
  }
}

}  // namespace orrery::reference
