// The frequencies that transformers 5 computes from the same fields, for heads of 8 and 64 positions.
#include "models/rope.h"

#include <doctest/doctest.h>

using namespace orrery;

namespace {

struct Case {
  const char* name;
  const char* config;
  std::vector<double> frequencies;
  double attention_factor = 1;
};

std::shared_ptr<const RotaryTable> table_of(ConfigReader& fields) { return read_rotary(fields, /*head_dim=*/8, /*max_positions=*/64); }

std::string failure(const char* config, ErrorKind kind) {
  const Json json = Json::parse(config);
  ConfigReader fields(json, "config.json");
  table_of(fields);
  REQUIRE_FALSE(fields.ok());
  CHECK(fields.error().kind == kind);
  return fields.error().what;
}

}  // namespace

TEST_CASE("rotary frequencies equal transformers'") {
  const std::vector<Case> cases = {
      {"default", "{}", {1, 0.1, 0.01, 0.001}},
      {"whole heads turn", R"({"partial_rotary_factor": 0.5})", {1, 0.1, 0.01, 0.001}},
      {"linear, base inside", R"({"rope_scaling": {"type": "linear", "factor": 4, "rope_theta": 77}, "rope_theta": 50})", {0.25, 0.08439512, 0.02849014, 0.009617716}},
      {"scaling before parameters", R"({"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters": {"rope_theta": 7, "rope_type": "default"}})", {0.5, 0.05, 0.005, 0.0005}},
      {"dynamic", R"({"rope_scaling": {"rope_type": "dynamic", "factor": 2}})", {1, 0.1, 0.01, 0.001}},
      {"llama3", R"({"rope_theta": 100, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}})", {1, 0.2443846, 0.01304226, 0.003952847}},
      {"llama3, positions outside", R"({"rope_theta": 100, "original_max_position_embeddings": 32, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}})",
       {1, 0.09583998, 0.0125, 0.003952847}},
      {"yarn", R"({"rope_parameters": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 16}})", {1, 0.025, 0.0025, 0.00025}, 1.138629436111989},
      {"yarn, factor by positions", R"({"rope_scaling": {"rope_type": "yarn", "factor": null, "original_max_position_embeddings": 16, "beta_fast": 0}})", {1, 0.025, 0.0025, 0.00025}, 1.138629436111989},
      {"yarn, two scales", R"({"rope_parameters": {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 16, "mscale": 0.7, "mscale_all_dim": 1.2}})", {1, 0.025, 0.0025, 0.00025}, 0.9405715251010841},
      {"yarn, exact ramp", R"({"rope_parameters": {"rope_type": "yarn", "rope_theta": 100, "factor": 4, "original_max_position_embeddings": 32, "beta_fast": 4, "truncate": false, "attention_factor": 0.8}})",
       {1, 0.1605892, 0.025, 0.007905695}, 0.8},
      {"longrope", R"({"rope_scaling": {"rope_type": "longrope", "factor": 2, "short_factor": [1, 1.25, 1.5, 2], "long_factor": [1, 2, 3, 4]}})", {1, 0.08, 0.006666667, 0.0005}, 1.0801234497346435},
  };
  for (const Case& one : cases) {
    CAPTURE(one.name);
    const Json json = Json::parse(one.config);
    ConfigReader fields(json, "config.json");
    const auto table = table_of(fields);
    REQUIRE(fields.ok());
    CHECK(table->attention_factor == doctest::Approx(one.attention_factor).epsilon(1e-9));
    REQUIRE(table->inverse_frequencies.size() == one.frequencies.size());
    for (size_t i = 0; i < one.frequencies.size(); ++i) CHECK(table->inverse_frequencies[i] == doctest::Approx(one.frequencies[i]).epsilon(1e-6));
  }
}

TEST_CASE("rotary fields that cannot be followed are refused") {
  CHECK(failure(R"({"rope_scaling": {"rope_type": "linear"}})", ErrorKind::bad_file).find("factor") != std::string::npos);
  CHECK(failure(R"({"rope_scaling": {"rope_type": "llama3", "factor": 8}})", ErrorKind::bad_file).find("low_freq_factor") != std::string::npos);
  CHECK(failure(R"({"rope_scaling": {"rope_type": "linear", "factor": 2}, "partial_rotary_factor": 0.5})", ErrorKind::unsupported).find("partial_rotary_factor") != std::string::npos);
  CHECK(failure(R"({"rope_scaling": {"rope_type": "longrope", "short_factor": [1, 2], "long_factor": [1, 2, 3, 4]}})", ErrorKind::bad_file).find("short_factor") != std::string::npos);
  CHECK(failure(R"({"rope_scaling": {"rope_type": "longrope", "original_max_position_embeddings": 16, "short_factor": [1, 1, 1, 1], "long_factor": [1, 2, 3, 4]}})", ErrorKind::unsupported).find("16 positions") != std::string::npos);
}
