#include "graph/plan/step_times.h"

#include <doctest/doctest.h>

#include <map>

#include "graph/ops/fused_linear.h"
#include "graph/tiny_decoder.h"

using namespace orrery;

namespace {
constexpr int64_t kVocab = TinyDecoder::kVocab, kWidth = TinyDecoder::kWidth, kHeadDim = TinyDecoder::kHeadDim, kHeads = TinyDecoder::kHeads;

std::map<std::string, StepLine> by_name(const Plan& plan, const StepTimes& times) {
  std::map<std::string, StepLine> lines;
  for (const StepLine& line : step_lines(plan, times)) lines[line.op + ": " + line.what] = line;
  return lines;
}
}  // namespace

TEST_CASE("times of steps are parts of the runs', and what steps do is told") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8}) {
    INFO(std::string(name_of(dtype)));
    DecoderRun run = DecoderRun::cached(decoder, pool, dtype);
    CacheSequence sequence = run.cache->sequence();
    StepTimes reading, writing;
    run.workspace->time_steps(&reading);
    const std::vector<float> expected = run.run(TinyDecoder::text(20, 1), &sequence);
    run.workspace->time_steps(&writing);
    run.run({3}, &sequence);
    run.run({4}, &sequence);
    run.workspace->time_steps(nullptr);
    run.run({5}, &sequence);

    const Plan& plan = run.workspace->plan();
    CHECK(reading.runs == 1);
    CHECK(writing.runs == 2);
    for (const StepTimes* times : {&reading, &writing}) {
      REQUIRE(times->steps.size() == plan.steps().size());
      double sum = 0;
      for (const StepTime& step : times->steps) {
        CHECK(step.runs == times->runs);
        sum += step.seconds;
      }
      CHECK(sum > 0);
      CHECK(sum <= times->seconds);
    }

    auto lines = by_name(plan, writing);
    const StepLine& qkv = lines.at("linear: q+k+v 8 -> 16");
    CHECK(qkv.time.runs == 4);                                        // two layers, two runs
    CHECK(qkv.time.cost.flops == 4 * 2.0 * kWidth * (kHeads * kHeadDim + 2 * kHeadDim));
    CHECK(qkv.arithmetic == Arithmetic::f32);
    const double panels = double(packed_bytes(PanelFormat::own, 8, 8) + 2 * packed_bytes(PanelFormat::own, 4, 8));
    CHECK(qkv.time.cost.bytes == 4 * (panels + 4.0 * (kWidth + kHeads * kHeadDim + 2 * kHeadDim)));
    CHECK(lines.at("linear, add: o 8 -> 8").time.runs == 4);
    CHECK(lines.at("linear: wte 8 -> 17").time.cost.flops == 2 * 2.0 * kWidth * kVocab);

    // 21, then 22 keys: one head of them, read once for both heads of queries.
    const StepLine& attention = lines.at("cached_attention: attention");
    CHECK(attention.time.cost.flops == 2 * 4.0 * (21 + 22) * kHeads * kHeadDim);
    const double of_token = dtype == DType::f32 ? 16 : dtype == DType::bf16 ? 8 : 6;   // a key, or a value
    const double others = 4.0 * (2 * kHeads * kHeadDim + kHeads);
    CHECK(attention.time.cost.bytes == 2 * (2 * (21 + 22) * of_token + 2 * others));
    CHECK(by_name(plan, reading).at("cached_attention: attention").time.cost.flops == doctest::Approx(2 * 4.0 * 20 * 10.5 * kHeads * kHeadDim).epsilon(0.06));
  }
}

TEST_CASE("timing changes no bit") {
  ThreadPool pool(2);
  TinyDecoder decoder;
  DecoderRun plain = DecoderRun::uncached(decoder, pool), timed = DecoderRun::uncached(decoder, pool);
  StepTimes times;
  timed.workspace->time_steps(&times);
  const std::vector<int32_t> ids = TinyDecoder::text(30, 4);
  CHECK(bits_equal(plain.run(ids), timed.run(ids)));
}

TEST_CASE("products are told by what their panels hold") {
  ThreadPool pool(1);
  for (const DType products : {DType::f32, DType::bf16}) {
    TinyDecoder decoder;
    decoder.weights.products = products;
    DecoderRun run = DecoderRun::uncached(decoder, pool);
    StepTimes times;
    run.workspace->time_steps(&times);
    run.run(TinyDecoder::text(3, 1));
    for (const StepLine& line : step_lines(run.workspace->plan(), times)) {
      INFO(line.op);
      CHECK(line.arithmetic == ((line.op.starts_with("linear") || line.op.find("attention") != std::string::npos) && products == DType::bf16 ? Arithmetic::bf16 : Arithmetic::f32));
    }
  }
}
