// A pool of worker threads that runs one parallel loop at a time.
//
//   ThreadPool pool(2);
//   pool.parallel(tasks, [&](int64_t task) { … });     // returns when all tasks are done
//
// Tasks are handed out by an atomic counter, so which thread runs a task is not fixed: a task must write only to
// places that belong to it, and nothing may depend on the number of threads. What a task throws ends the loop and is thrown to who asked for it.
// The calling thread works too: ThreadPool(1) has no workers. Workers spin briefly, then sleep. One whose core is taken by another process
// in the middle of tasks, while all wait for it, rests by itself for a while, so that it is away between tasks (turns.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace orrery {

// A reference to a callable `void(int64_t task, int thread)`; does not own it.
class TaskRef {
 public:
  template <class F>
  TaskRef(F& f)
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* object, int64_t task, int thread) {
          if constexpr (requires(F& g) { g(task, thread); })
            (*static_cast<F*>(object))(task, thread);
          else
            (*static_cast<F*>(object))(task);
        }) {}
  void operator()(int64_t task, int thread) const { call_(object_, task, thread); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int);
};

class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);  // at least 1; throws Error (out_of_range) where the system grants fewer
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int num_threads() const { return num_threads_; }

  // Runs f(task) or f(task, thread) for task in [0, tasks); thread in [0, num_threads()).
  template <class F>
  void parallel(int64_t tasks, F&& f) {
    run(tasks, TaskRef(f));
  }

 private:
  void run(int64_t tasks, TaskRef f);
  void work(int thread);
  void drain(int thread);
  void wait();
  void end();

  const int num_threads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  // The loop's number in the upper bits, then kOpen while workers may join it, then how many have joined and not left.
  // The caller waits only for workers that joined: one that the system has not woken yet is not missed.
  std::atomic<uint64_t> state_{0};
  std::atomic<int64_t> next_{0};
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> waited_{0};   // microseconds that loops waited for workers who had lost their core, or had a long task
  // Workers that sleep or are about to. A loop takes the lock only to wake those: while workers spin, none is taken.
  std::atomic<int> asleep_{0};
  int64_t tasks_ = 0;
  const TaskRef* body_ = nullptr;
  std::exception_ptr thrown_;        // by the first task of the loop that threw, under the mutex
};

// The number of cores this process may use: those it is bound to, and no more than its group has the time of (a container's --cpus).
int available_cores();
// The cores whose time the groups of /proc/self/cgroup have, rounded up; 0: no group has a quota. read(path): a file's text.
int cores_of_quota(const std::string& groups, const std::function<std::optional<std::string>(const std::string&)>& read);

}  // namespace orrery
