#include "models/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace orrery {

namespace {

using Frequencies = std::vector<double>;

constexpr NumberRange kPositive = {1e-6, 1e6};

// Chen et al. 2023: all positions are divided by the factor.
void scale_linear(Frequencies& frequencies, double factor) {
  for (double& f : frequencies) f /= factor;
}

// Llama 3.1: long waves are divided by the factor, short ones kept, those between blended.
void scale_llama3(Frequencies& frequencies, ConfigReader& rope, double factor, double original) {
  const double low = rope.number("low_freq_factor", kPositive), high = rope.number("high_freq_factor", kPositive);
  if (rope.ok() && high <= low) rope.fail("high_freq_factor must be above low_freq_factor");
  if (!rope.ok()) return;
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

// Peng et al. 2023, "YaRN": fast dimensions kept, slow ones divided, a ramp between; attention made sharper. Returns how
// much sharper.
double scale_yarn(Frequencies& frequencies, ConfigReader& rope, double factor, double original, double theta) {
  const auto or_default = [&](const char* name, double usual) {   // 0 means absent, as in transformers
    const double value = rope.number_or(name, 0, {0, 1e6});
    return value > 0 ? value : usual;
  };
  const double dim = 2 * double(frequencies.size());
  const auto dimension = [&](double turns) { return dim * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta)); };
  double low = dimension(or_default("beta_fast", 32)), high = dimension(or_default("beta_slow", 1));
  if (rope.boolean_or("truncate", true)) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((double(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = frequencies[i] / factor * ramp + frequencies[i] * (1 - ramp);
  }
  const auto sharper = [&](double by) { return factor <= 1 ? 1.0 : 0.1 * by * std::log(factor) + 1.0; };
  const double numerator = or_default("mscale", 0), denominator = or_default("mscale_all_dim", 0);
  const bool both = numerator > 0 && denominator > 0;
  return rope.number_or("attention_factor", both ? sharper(numerator) / sharper(denominator) : sharper(1), kPositive);
}

Frequencies divisors(ConfigReader& rope, const char* name, size_t count) {
  Frequencies values;
  if (const Json* list = rope.raw(name); list && list->is_array())
    for (const Json& value : *list)
      if (value.is_number() && value.get<double>() > 0) values.push_back(value.get<double>());
  if (values.size() != count) rope.fail(std::string(name) + " must be a list of " + std::to_string(count) + " numbers above 0, one for each pair of a head");
  values.resize(count, 1);
  return values;
}

// Ding et al. 2024, "LongRoPE": each frequency has a divisor of its own, and another one once a text is longer than the
// original positions. The second set would turn tokens that are cached already, so a model may have the first alone.
double scale_longrope(Frequencies& frequencies, ConfigReader& rope, double original, int64_t max_positions) {
  const double factor = rope.number_or("factor", double(max_positions) / original, kPositive);
  const double usual = factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
  const double attention_factor = rope.number_or("attention_factor", usual, kPositive);
  const Frequencies divided = divisors(rope, "short_factor", frequencies.size());
  for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= divided[i];
  if (double(max_positions) > original) {
    const std::string first = std::to_string(int64_t(original));
    rope.fail("rope_type 'longrope' beyond the original " + first + " positions is not supported",
              "for those alone: max_position_embeddings " + first + " and attention_factor " + std::to_string(attention_factor), ErrorKind::unsupported);
  }
  return attention_factor;
}

double rope_theta(ConfigReader& fields, ConfigReader& rope, double otherwise) {
  return rope.number_or("rope_theta", fields.number_or("rope_theta", otherwise, {1, 1e12}), {1, 1e12});
}

// Where a config says how positions are scaled.
ConfigReader rope_section(ConfigReader& fields) {
  const Json* scaling = fields.raw("rope_scaling");
  return fields.section(scaling && !scaling->empty() ? "rope_scaling" : "rope_parameters");
}

}  // namespace

std::shared_ptr<const RotaryTable> read_rotary(ConfigReader& fields, int64_t head_dim, int64_t max_positions, double default_theta) {
  ConfigReader rope = rope_section(fields);
  const double theta = rope_theta(fields, rope, default_theta);
  const std::string type = rope.choice_or({"rope_type", "type"}, "default", {"default", "linear", "dynamic", "llama3", "yarn", "longrope"});
  const int64_t inner = rope.integer_or("original_max_position_embeddings", max_positions, {1, 1 << 24});
  const double original = double(fields.integer_or("original_max_position_embeddings", inner, {1, 1 << 24}));
  // transformers' Llama turns whole heads whatever this says, and breaks where the type computes fewer frequencies.
  const double partial = rope.number_or("partial_rotary_factor", fields.number_or("partial_rotary_factor", 1, {0, 1}), {0, 1});
  if (type != "default" && int64_t(double(head_dim) * partial) != head_dim)
    fields.fail("partial_rotary_factor is not supported with rope_type '" + type + "'", "", ErrorKind::unsupported);
  if (head_dim % 2 != 0) fields.fail("head_dim " + std::to_string(head_dim) + " is odd: rotary positions turn pairs");

  auto table = std::make_shared<RotaryTable>();
  table->head_dim = head_dim;
  table->rotary_dim = head_dim / 2 * 2;
  table->max_positions = max_positions;
  Frequencies& frequencies = table->inverse_frequencies;
  for (int64_t i = 0; i < head_dim / 2; ++i) frequencies.push_back(std::pow(theta, -2.0 * double(i) / double(table->rotary_dim)));
  if (type == "linear") scale_linear(frequencies, rope.number("factor", kPositive));
  if (type == "dynamic") rope.number("factor", kPositive);   // scales texts beyond max_positions alone, and there are none
  if (type == "llama3") scale_llama3(frequencies, rope, rope.number("factor", kPositive), original);
  if (type == "yarn") table->attention_factor = scale_yarn(frequencies, rope, rope.number_or("factor", double(max_positions) / original, kPositive), original, theta);
  if (type == "longrope") table->attention_factor = scale_longrope(frequencies, rope, original, max_positions);
  return table;
}

double rope_theta(const Json& config, double default_theta) {
  ConfigReader fields(config, "");
  ConfigReader rope = rope_section(fields);
  return rope_theta(fields, rope, default_theta);
}

}  // namespace orrery
