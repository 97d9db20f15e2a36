#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace orrery {

double learning_rate(const Recipe& recipe, int64_t step) {
  if (step < recipe.warmup) return recipe.learning_rate * double(step) / double(std::max<int64_t>(1, recipe.warmup));
  if (recipe.schedule == "constant") return recipe.learning_rate;
  if (recipe.schedule == "inverse_sqrt")
    return recipe.learning_rate * std::sqrt(double(std::max<int64_t>(1, recipe.warmup)) / double(std::max<int64_t>(1, step)));
  const double progress = std::min(1.0, double(step - recipe.warmup) / double(std::max<int64_t>(1, recipe.max_steps - recipe.warmup)));
  const double falling = recipe.schedule == "linear" ? 1.0 - progress : 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return recipe.learning_rate * (recipe.min_ratio + (1.0 - recipe.min_ratio) * falling);
}

}  // namespace orrery
