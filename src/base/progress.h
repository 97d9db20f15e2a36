// A progress line on standard error, redrawn in place: only where standard error is a terminal.
//
//   Progress progress("training", 2000, "steps", !quiet);
//   for (...) progress.update(step, "loss 1.25");     // training 400/2000 steps, 20 %, 8.1 steps/s, 3 min 17 s left, loss 1.25
//   // the destructor removes the line
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery {

class Progress {
 public:
  // `total` 0 where it is not known. `wanted` false never draws.
  Progress(std::string label, int64_t total, std::string unit, bool wanted = true);
  Progress(Progress&& other) noexcept;
  ~Progress() { clear(); }

  // Redraws at most ten times a second.
  void update(int64_t done, std::string_view note = {});
  // Removes the line, so that something else may be printed; the next update draws it again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_, unit_;
  int64_t total_ = 0;
  bool enabled_ = false, drawn_ = false;
  Clock::time_point begin_, last_;
};

// The text of that line, cut to `width` columns.
std::string progress_line(std::string_view label, int64_t done, int64_t total, std::string_view unit, double seconds,
                          std::string_view note, size_t width);
// "12 s", "3 min 17 s", "2 h 5 min"
std::string duration_text(double seconds);

}  // namespace orrery
