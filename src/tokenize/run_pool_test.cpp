#include "tokenize/run_pool.h"

#include <doctest/doctest.h>

#include <set>

using namespace orrery;

namespace {

struct NoTokens : TokenModel {
  struct Own : ModelRun {
    void tokenize(std::string_view, bool, std::vector<TokenSpan>&) override {}
  };
  Vocab none;
  std::unique_ptr<ModelRun> run() const override { return std::make_unique<Own>(); }
  const Vocab& vocab() const override { return none; }
  Json to_json() const override { return {}; }
  Json explain(std::string_view, bool) const override { return {}; }
};

}  // namespace

TEST_CASE("a thread gets the run that it had, and another that of a thread that is gone") {
  const NoTokens model;
  RunPool pool;
  const Run* const first = &*pool.take(model);
  {
    const RunPool::Lease one = pool.take(model), another = pool.take(model);
    CHECK(&*one == first);
    CHECK(&*another != first);
  }
  const Run* of_thread = nullptr;
  std::thread([&] { of_thread = &*pool.take(model); }).join();
  std::set<const Run*> all{of_thread};
  const RunPool::Lease one = pool.take(model), another = pool.take(model);
  all.insert({&*one, &*another});
  CHECK(all.size() == 2);
}

TEST_CASE("no run is two threads', and there are no more of them than of those") {
  constexpr size_t kThreads = 24;   // more than have places
  const NoTokens model;
  RunPool pool;
  std::mutex mutex;
  std::set<const Run*> taken, all;
  bool alone = true;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&] {
      for (int turn = 0; turn < 200; ++turn) {
        const RunPool::Lease run = pool.take(model);
        {
          const std::lock_guard lock(mutex);
          alone = taken.insert(&*run).second && alone;
          all.insert(&*run);
        }
        run->ids.push_back(turn);
        const std::lock_guard lock(mutex);
        taken.erase(&*run);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(alone);
  CHECK(all.size() <= kThreads);
}
