#include "base/threads.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <map>
#include <new>
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

TEST_CASE("what a task throws comes out of the loop, and the pool works on") {
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 200; ++round) {
      std::atomic<int> done = 0;
      CHECK_THROWS_AS(pool.parallel(20, [&](int64_t task) {
        if (task == round % 20) throw std::bad_alloc();
        ++done;
      }), std::bad_alloc);
      CHECK(done < 20);
      int64_t total = 0;
      std::array<int64_t, 8> parts{};
      pool.parallel(8, [&](int64_t task) { parts[size_t(task)] = task; });
      for (int64_t part : parts) total += part;
      CHECK(total == 28);
    }
  }
}

TEST_CASE("a group's quota of time bounds the cores") {
  const auto cores = [](const std::string& groups, const std::map<std::string, std::string>& files) {
    return cores_of_quota(groups, [&](const std::string& path) {
      const auto it = files.find(path);
      return it == files.end() ? std::nullopt : std::optional(it->second);
    });
  };
  CHECK(cores("", {}) == 0);
  CHECK(cores("0::/\n", {{"/sys/fs/cgroup/cpu.max", "max 100000\n"}}) == 0);
  CHECK(cores("0::/\n", {{"/sys/fs/cgroup/cpu.max", "200000 100000\n"}}) == 2);
  CHECK(cores("0::/a/b\n", {{"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"}}) == 2);
  CHECK(cores("0::/a/b\n", {{"/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"}, {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"}}) == 1);
  CHECK(cores("4:cpu,cpuacct:/docker/x\n2:memory:/y\n", {{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000"}, {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}}) == 3);
  CHECK(cores("4:cpu,cpuacct:/\n", {{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1"}, {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000"}}) == 0);
  CHECK(cores("nonsense\n:::\n0::relative\n", {{"/sys/fs/cgroup/cpu.max", "x y"}}) == 0);
  CHECK(available_cores() >= 1);
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
