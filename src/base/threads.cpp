#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <chrono>

#include "base/turns.h"

namespace orrery {

namespace {
// A worker looks this often for the next loop before it goes to sleep: a few tens of microseconds, which bridges the
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

int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int num_threads) : num_threads_(std::max(1, num_threads)) {
  for (int i = 1; i < num_threads_; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
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
    (*body_)(task, thread);
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
