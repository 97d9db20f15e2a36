#include "kernels/ask_ahead.h"

#include <algorithm>
#include <chrono>

namespace orrery {
namespace {

int64_t now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

AskAhead::Turn AskAhead::begin(int64_t bytes) const {
  const Choice choice = choice_.load(std::memory_order_relaxed);
  if (choice != kOpen || bytes < kLeastBytes) return {choice != kStays, 0, 0};
  return {seen_.load(std::memory_order_relaxed) / kTurnBytes % 2 == 0, bytes, now()};
}

void AskAhead::end(const Turn& turn) {
  if (turn.bytes > 0) add(turn.asks, turn.bytes, now() - turn.began);
}

void AskAhead::add(bool asks, int64_t bytes, int64_t nanoseconds) {
  const int64_t parts = bytes / kLeastBytes;
  products_[asks].fetch_add(parts, std::memory_order_relaxed);
  speeds_[asks].fetch_add(parts * (bytes * 1000 / std::max<int64_t>(nanoseconds, 1)), std::memory_order_relaxed);
  if (seen_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kTrialBytes) return;
  const auto speed = [&](bool of) { return double(speeds_[of].load(std::memory_order_relaxed)) / double(std::max<int64_t>(products_[of].load(std::memory_order_relaxed), 1)); };
  Choice open = kOpen;
  choice_.compare_exchange_strong(open, speed(true) >= speed(false) ? kAsks : kStays, std::memory_order_relaxed);
}

}  // namespace orrery
