// The learning rate of a step s from 0, as in transformers: warm-up lr s / warmup, then from lr down to lr * min_ratio,
//   cosine        lr (min + (1 - min) (1 + cos(pi p)) / 2)      p = (s - warmup) / (steps - warmup)
//   linear        lr (min + (1 - min) (1 - p))
//   constant      lr
//   inverse_sqrt  lr sqrt(warmup / s)                       Vaswani et al. 2017, 5.3; min has no part in it
#pragma once

#include <cstdint>

#include "train/recipe.h"

namespace orrery {

double learning_rate(const Recipe& recipe, int64_t step);

}  // namespace orrery
