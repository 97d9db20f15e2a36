// What callers have for themselves while they encode, kept warm between calls.
//
//   const RunPool::Lease run = runs.take(model);   // given back at the end of its scope
//   run->words …
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "tokenize/id_buffer.h"
#include "tokenize/model.h"
#include "tokenize/token_rows.h"
#include "tokenize/word_ids.h"
#include "tokenize/word_tokens.h"

namespace orrery {

// A model's scratch space, and the words met before.
struct Run {
  explicit Run(std::unique_ptr<ModelRun> of) : model(std::move(of)) {}

  std::unique_ptr<ModelRun> model;
  std::thread::id thread;   // that had it last
  WordIds words;
  IdBuffer ids;   // of the text at hand
  std::array<WordTokens, 2> parts;   // with places in bytes, and in characters
  TokenRows rows;
};

// Runs that wait for the next caller, at most one for each thread that ever encoded at the same time. A thread gets the one it had
// before where that waits: the words are those it met, and its core's caches hold them. It waits in a place that few other threads look
// at, since short texts come a million a second; where that is taken, with the others.
class RunPool {
 public:
  class Lease {
   public:
    Lease(RunPool& pool, std::unique_ptr<Run> run) : pool_(pool), run_(std::move(run)) {}
    ~Lease() { pool_.give_back(std::move(run_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Run* operator->() const { return run_.get(); }
    Run& operator*() const { return *run_; }

   private:
    RunPool& pool_;
    std::unique_ptr<Run> run_;
  };

  Lease take(const TokenModel& model) {
    const std::thread::id now = std::this_thread::get_id();
    Place& own = place_of(now);
    if (!own.is_locked.test_and_set(std::memory_order_acquire)) {
      std::unique_ptr<Run> run = own.run && own.run->thread == now ? std::move(own.run) : nullptr;
      own.is_locked.clear(std::memory_order_release);
      if (run) return {*this, std::move(run)};
    }
    std::unique_ptr<Run> run = any(now);
    return {*this, run ? std::move(run) : std::make_unique<Run>(model.run())};
  }

 private:
  struct alignas(64) Place {
    std::atomic_flag is_locked;   // for as long as the pointer is looked at
    std::unique_ptr<Run> run;
  };

  Place& place_of(std::thread::id thread) { return places_[std::hash<std::thread::id>()(thread) % places_.size()]; }

  // One that waits: the thread's own, one of those without a place, or another thread's.
  std::unique_ptr<Run> any(std::thread::id now) {
    const std::lock_guard lock(mutex_);
    const auto own = std::find_if(others_.begin(), others_.end(), [now](const auto& run) { return run->thread == now; });
    if (own != others_.end()) std::swap(*own, others_.back());
    std::unique_ptr<Run> run;
    if (!others_.empty()) {
      run = std::move(others_.back());
      others_.pop_back();
    }
    for (size_t i = 0; !run && i < places_.size(); ++i) {
      while (places_[i].is_locked.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
      run = std::move(places_[i].run);
      places_[i].is_locked.clear(std::memory_order_release);
    }
    return run;
  }

  void give_back(std::unique_ptr<Run> run) {
    run->thread = std::this_thread::get_id();
    Place& own = place_of(run->thread);
    if (!own.is_locked.test_and_set(std::memory_order_acquire)) {
      if (!own.run) own.run = std::move(run);
      own.is_locked.clear(std::memory_order_release);
      if (!run) return;
    }
    const std::lock_guard lock(mutex_);
    others_.push_back(std::move(run));
  }

  std::array<Place, 16> places_;   // by threads
  std::mutex mutex_;
  std::vector<std::unique_ptr<Run>> others_;
};

}  // namespace orrery
