#include "models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace orrery {

namespace {

using Frequencies = std::vector<double>;

// Chen et al. 2023: all positions are divided by the factor.
void scale_linear(Frequencies& frequencies, double factor) {
  for (double& f : frequencies) f /= factor;
}

// Llama 3.1: long waves are divided by the factor, short ones kept, those between blended.
void scale_llama3(Frequencies& frequencies, ConfigReader& scaling, double factor) {
  const double low = scaling.number_or("low_freq_factor", 1, {1e-6, 1e6}), high = scaling.number_or("high_freq_factor", 4, {1e-6, 1e6});
  const double original = double(scaling.integer_or("original_max_position_embeddings", 8192, {1, 1 << 24}));
  if (high <= low) scaling.fail("high_freq_factor must be above low_freq_factor");
  for (double& f : frequencies) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength < original / high) continue;
    if (wavelength > original / low) {
      f /= factor;
      continue;
    }
    const double smooth = (original / wavelength - low) / (high - low);
    f = (1 - smooth) * f / factor + smooth * f;
  }
}

// Peng et al. 2023, "YaRN": fast dimensions kept, slow ones divided, a ramp between; attention made sharper.
double scale_yarn(Frequencies& frequencies, ConfigReader& scaling, double factor, double theta, int64_t dim, int64_t max_positions) {
  const double original = double(scaling.integer_or("original_max_position_embeddings", max_positions, {1, 1 << 24}));
  const double fast = scaling.number_or("beta_fast", 32, {1e-6, 1e6}), slow = scaling.number_or("beta_slow", 1, {1e-6, 1e6});
  const bool truncate = scaling.boolean_or("truncate", true);
  const auto dimension = [&](double turns) { return double(dim) * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta)); };
  double low = dimension(fast), high = dimension(slow);
  if (truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, double(dim - 1));
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp);
  }
  return scaling.number_or("attention_factor", factor <= 1 ? 1.0 : 0.1 * std::log(factor) + 1.0, {1e-6, 1e6});
}

}  // namespace

std::shared_ptr<const RotaryTable> read_rotary(ConfigReader& fields, int64_t head_dim, int64_t max_positions, double default_theta) {
  ConfigReader parameters = fields.section("rope_parameters");
  ConfigReader scaling = fields.has("rope_parameters") ? parameters : fields.section("rope_scaling");
  const double theta = parameters.number_or("rope_theta", fields.number_or("rope_theta", default_theta, {1, 1e12}), {1, 1e12});
  const double partial = parameters.number_or("partial_rotary_factor", fields.number_or("partial_rotary_factor", 1, {0.001, 1}), {0.001, 1});
  const std::string type = scaling.choice_or({"rope_type", "type"}, "default", {"default", "linear", "llama3", "yarn"});
  const double factor = scaling.number_or("factor", 1, {1e-6, 1e6});

  auto table = std::make_shared<RotaryTable>();
  table->head_dim = head_dim;
  table->rotary_dim = int64_t(double(head_dim) * partial) / 2 * 2;
  table->max_positions = max_positions;
  if (table->rotary_dim < 2) fields.fail("head_dim " + std::to_string(head_dim) + " leaves no pair to rotate");
  for (int64_t i = 0; i < table->rotary_dim / 2; ++i)
    table->inverse_frequencies.push_back(std::pow(theta, -2.0 * double(i) / double(table->rotary_dim)));
  if (type == "linear") scale_linear(table->inverse_frequencies, factor);
  if (type == "llama3") scale_llama3(table->inverse_frequencies, scaling, factor);
  if (type == "yarn") table->attention_factor = scale_yarn(table->inverse_frequencies, scaling, factor, theta, table->rotary_dim, max_positions);
  return table;
}

}  // namespace orrery
