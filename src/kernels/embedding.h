// Rows of a table by index, and the gradient of that.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace orrery {

// y[r, :] = table[ids[r], :], widened to T. table [*, cols] of T's own dtype, or bf16/f16 for T = float.
// Every id has been checked. A negative id gives a row of zeros.
template <class T>
using gather_rows_fn = void(const void* table, DType dtype, const int32_t* ids, T* y, int64_t rows, int64_t cols);

// table[ids[r], c] += dy[r, c] for rows ascending and c in [begin, end). A negative id is left out.
template <class T>
using scatter_add_fn = void(const int32_t* ids, const T* dy, T* table, int64_t rows, int64_t cols, int64_t begin,
                            int64_t end);

}  // namespace orrery
