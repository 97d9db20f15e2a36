#include "base/threads.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

using namespace orrery;

TEST_CASE("every task runs exactly once, whatever the number of threads") {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> count(size_t(tasks), 0);
      pool.parallel(tasks, [&](int64_t task) { ++count[size_t(task)]; });
      for (int c : count) CHECK(c == 1);
    }
  }
}

TEST_CASE("many short loops in a row lose no task") {
  ThreadPool pool(3);
  int64_t total = 0;
  for (int round = 0; round < 20000; ++round) {
    int64_t a[4] = {};
    pool.parallel(4, [&](int64_t task) { a[task] = task + 1; });
    total += a[0] + a[1] + a[2] + a[3];
  }
  CHECK(total == 200000);
}

TEST_CASE("more threads than cores lose no task, and what a task wrote is seen after the loop") {
  ThreadPool pool(24);
  for (int round = 0; round < 300; ++round) {
    std::vector<int64_t> values(size_t(1 + round % 90), -1);
    pool.parallel(int64_t(values.size()), [&](int64_t task, int thread) { values[size_t(task)] = thread < 24 ? task + round : -2; });
    for (size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == int64_t(i) + round);
  }
}

TEST_CASE("workers whose core another thread keeps busy lose no task") {
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CPU_ZERO(&one);
  for (int core = 0; CPU_COUNT(&one) == 0; ++core)
    if (CPU_ISSET(core, &before)) CPU_SET(core, &one);
  std::atomic<bool> stop = false;
  {
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);   // what begins now stays on that core
    ThreadPool pool(3);
    std::thread busy([&] {
      while (!stop) {
      }
    });
    REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
    std::array<std::atomic<int64_t>, 6> done{};
    for (int round = 0; round < 5000; ++round) {
      pool.parallel(int64_t(done.size()), [&](int64_t task) {
        for (int spin = 0; spin < 60000; ++spin) asm volatile("");
        ++done[size_t(task)];
      });
    }
    stop = true;
    busy.join();
    for (const std::atomic<int64_t>& one_done : done) CHECK(one_done == 5000);
  }
}
