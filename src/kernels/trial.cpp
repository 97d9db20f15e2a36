#include "kernels/trial.h"

#include <algorithm>
#include <chrono>

namespace orrery {
namespace {

int64_t now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

Trial::Turn Trial::begin(int64_t bytes) const {
  const int choice = choice_.load(std::memory_order_relaxed);
  if (choice >= 0 || bytes < kLeastBytes) return {std::max(choice, 0), 0, 0};
  // The golden ratio shares turns out evenly, whichever of them are taken: products may be as large as two turns, or four.
  const auto turn = uint32_t(bytes_.load(std::memory_order_relaxed) / kTurnBytes) * 0x9E3779B9u;
  return {int(uint64_t(turn) * uint64_t(ways_) >> 32), bytes, now()};
}

void Trial::end(const Turn& turn) {
  if (turn.bytes > 0) add(turn.way, turn.bytes, now() - turn.began);
}

void Trial::add(int way, int64_t bytes, int64_t nanoseconds) {
  const int64_t products = bytes / kLeastBytes;
  seen_[size_t(way)].products.fetch_add(products, std::memory_order_relaxed);
  seen_[size_t(way)].speeds.fetch_add(products * (bytes * 1000 / std::max<int64_t>(nanoseconds, 1)), std::memory_order_relaxed);
  if (bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes < kTrialBytes) return;
  const auto speed = [](const Seen& of) { return double(of.speeds.load(std::memory_order_relaxed)) / double(std::max<int64_t>(of.products.load(std::memory_order_relaxed), 1)); };
  const auto fastest = std::max_element(seen_.begin(), seen_.begin() + ways_, [&](const Seen& a, const Seen& b) { return speed(a) < speed(b); });
  int open = -1;
  choice_.compare_exchange_strong(open, int(fastest - seen_.begin()), std::memory_order_relaxed);
}

}  // namespace orrery
