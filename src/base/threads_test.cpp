#include "base/threads.h"

#include <doctest/doctest.h>

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
