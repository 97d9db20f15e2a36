#include "base/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace orrery {

namespace {
constexpr std::chrono::milliseconds kRedraw{100};

size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

// A terminal that can redraw a line.
bool is_drawable() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) && !(kind && std::string_view(kind) == "dumb");
}

// Three significant digits, without exponent: "8.10", "123", "45600".
std::string rate_text(double rate) {
  char buffer[48];
  const int decimals = rate >= 100 ? 0 : rate >= 10 ? 1 : 2;
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, rate);
  return buffer;
}
}  // namespace

std::string duration_text(double seconds) {
  const auto whole = int64_t(std::llround(std::clamp(seconds, 0.0, 1e9)));
  if (whole < 60) return std::to_string(whole) + " s";
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

std::string progress_line(std::string_view label, int64_t done, int64_t total, std::string_view unit, double seconds,
                          std::string_view note, size_t width) {
  std::string line = std::string(label) + " " + std::to_string(done);
  if (total > 0) line += "/" + std::to_string(total);
  line += " " + std::string(unit);
  if (total > 0) line += ", " + std::to_string(100 * done / total) + " %";
  if (done > 0 && seconds > 0) {
    const double rate = double(done) / seconds;
    line += ", " + rate_text(rate) + " " + std::string(unit) + "/s";
    if (total > done) line += ", " + duration_text(double(total - done) / rate) + " left";
  }
  if (!note.empty()) line += ", " + std::string(note);
  if (line.size() > width) {
    line.resize(width);
    while (!line.empty() && (line.back() & 0x80)) line.pop_back();  // leave no half of a character
  }
  return line;
}

Progress::Progress(std::string label, int64_t total, std::string unit, bool wanted)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      enabled_(wanted && is_drawable()),
      begin_(Clock::now()),
      last_(begin_ - kRedraw) {}

Progress::Progress(Progress&& other) noexcept
    : label_(std::move(other.label_)),
      unit_(std::move(other.unit_)),
      total_(other.total_),
      enabled_(other.enabled_),
      drawn_(other.drawn_),
      begin_(other.begin_),
      last_(other.last_) {
  other.enabled_ = other.drawn_ = false;
}

void Progress::update(int64_t done, std::string_view note) {
  if (!enabled_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < kRedraw) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const std::string line = progress_line(label_, done, total_, unit_, seconds, note, terminal_width() - 1);
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace orrery
