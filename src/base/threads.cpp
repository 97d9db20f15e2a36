#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/turns.h"

namespace orrery {

namespace {
// A worker looks this often for the next loop before it goes to sleep: a fifth of a millisecond at most, which bridges the
// gap between two steps of a plan and costs nothing between two requests.
constexpr int kSpins = 4000;

// Who is waited for so long, in microseconds, has lost its core, or has a long task.
constexpr int64_t kLate = 700;

// Fields of ThreadPool::state_.
constexpr uint64_t kOpen = uint64_t(1) << 16, kLoop = uint64_t(1) << 17;
constexpr uint64_t joined(uint64_t state) { return state & (kOpen - 1); }
constexpr uint64_t loop(uint64_t state) { return state / kLoop; }

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");   // waits for some ten nanoseconds; its `yield` for none
#endif
}
}  // namespace

int cores_of_quota(const std::string& groups, const std::function<std::optional<std::string>(const std::string&)>& read) {
  double least = 0;   // 0: no quota
  const auto take = [&](double quota, double period) {
    if (quota > 0 && period > 0 && (least == 0 || quota / period < least)) least = quota / period;
  };
  const auto number = [&](const std::string& path) {
    const auto text = read(path);
    return text ? std::strtod(text->c_str(), nullptr) : 0.0;
  };
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {   // NUMBER:CONTROLLERS:PATH
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",cpu,") == std::string::npos) continue;
    for (std::string path = line.substr(second + 1);; path.erase(path.rfind('/'))) {   // of each group that it is in
      if (path == "/") path.clear();
      const std::string folder = "/sys/fs/cgroup" + std::string(unified ? "" : "/cpu") + path;
      if (!unified) {
        take(number(folder + "/cpu.cfs_quota_us"), number(folder + "/cpu.cfs_period_us"));
      } else if (const auto text = read(folder + "/cpu.max")) {   // "QUOTA PERIOD", or "max PERIOD"
        char* end = nullptr;
        const double quota = std::strtod(text->c_str(), &end);
        take(quota, std::strtod(end, nullptr));
      }
      if (path.rfind('/') == std::string::npos) break;
    }
  }
  return int(std::ceil(std::min(least, 1e6)));
}

int available_cores() {
  const auto read = [](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf())) return std::nullopt;
    return text.str();
  };
  cpu_set_t set;
  const int cores = std::max(1, sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : int(std::thread::hardware_concurrency()));
  const int quota = cores_of_quota(read("/proc/self/cgroup").value_or(""), read);
  return quota > 0 ? std::min(cores, quota) : cores;
}

ThreadPool::ThreadPool(int num_threads) : num_threads_(std::max(1, num_threads)) {
  try {
    for (int i = 1; i < num_threads_; ++i) workers_.emplace_back([this, i] { work(i); });
  } catch (const std::system_error&) {
    end();
    throw Error{ErrorKind::out_of_range, "the system grants this process " + std::to_string(workers_.size() + 1) + " threads, not " + std::to_string(num_threads_), "threads", "ask for fewer: --threads"};
  } catch (...) {
    end();
    throw;
  }
}

ThreadPool::~ThreadPool() { end(); }

void ThreadPool::end() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::drain(int thread) {
  for (;;) {
    const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
    if (task >= tasks_) return;
    try {
      (*body_)(task, thread);
    } catch (...) {
      next_.store(tasks_, std::memory_order_relaxed);   // no task begins any more
      std::lock_guard lock(mutex_);
      if (!thrown_) thrown_ = std::current_exception();
    }
  }
}

void ThreadPool::run(int64_t tasks, TaskRef body) {
  if (tasks <= 0) return;
  if (workers_.empty() || tasks == 1) {
    for (int64_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  tasks_ = tasks;
  body_ = &body;
  next_.store(0, std::memory_order_relaxed);
  const uint64_t before = state_.load(std::memory_order_relaxed);  // closed, nobody in it
  // Sequentially consistent, as is what a worker does before it sleeps: one of both sees the other.
  state_.store((loop(before) + 1) * kLoop | kOpen, std::memory_order_seq_cst);
  if (asleep_.load(std::memory_order_seq_cst) > 0) {
    std::lock_guard lock(mutex_);   // a worker that counts as asleep either waits already or looks at the state after this
    wake_.notify_all();
  }
  drain(0);
  state_.fetch_and(~kOpen, std::memory_order_relaxed);
  wait();
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

// For the workers that have joined the loop.
void ThreadPool::wait() {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (joined(state_.load(std::memory_order_acquire)) == 0) return;
    pause();
  }
  const auto begin = std::chrono::steady_clock::now();
  while (joined(state_.load(std::memory_order_acquire)) != 0) std::this_thread::yield();
  const int64_t waited = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
  if (waited > kLate) waited_.fetch_add(waited, std::memory_order_relaxed);
}

void ThreadPool::work(int thread) {
  uint64_t seen = 0;  // the last loop that this worker joined or came too late for
  Turns turns;
  for (;;) {
    for (int spins = 0; spins < kSpins; ++spins) {
      if (loop(state_.load(std::memory_order_acquire)) != seen || stop_) break;
      pause();
    }
    if (loop(state_.load(std::memory_order_acquire)) == seen) {
      std::unique_lock lock(mutex_);
      asleep_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] { return stop_ || loop(state_.load(std::memory_order_seq_cst)) != seen; });
      asleep_.fetch_sub(1, std::memory_order_relaxed);
    }
    uint64_t state = state_.load(std::memory_order_acquire);
    if (loop(state) == seen) return;  // stopped
    while ((state & kOpen) && !state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire)) {
    }
    seen = loop(state);
    if (!(state & kOpen)) continue;
    drain(thread);
    state_.fetch_sub(1, std::memory_order_release);
    turns.after_loop(waited_.load(std::memory_order_relaxed));
  }
}

}  // namespace orrery
