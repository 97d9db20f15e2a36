// compile: a graph becomes an immutable Plan: a flat list of steps over one arena whose size is known before it runs.
// A Workspace is what one run needs for itself (arena, bound inputs, state); several may use one plan at the same time.
//
//   auto plan = compile(graph, weights, {.capacity = {{"tokens", 512}, {"logit_rows", 1}}}, &pool);
//   Workspace run(plan, pool);
//   run.rows("tokens").append(ids.size());
//   run.input("ids", ids.data());
//   run.run();
//   const float* logits = run.output<float>("logits");          // [logit_rows, vocab]
//
// Same bits: what a run computes for a sequence does not depend on what else the batch holds, on the capacities, on the
// number of threads, or on whether earlier tokens came from a cache.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>

#include "graph/call.h"
#include "graph/op.h"
#include "graph/plan/memory.h"
#include "graph/rows.h"
#include "graph/state/paged_cache.h"
#include "graph/weights.h"

namespace orrery {

struct CompileOptions {
  DType compute = DType::f32;                 // f64: the references in double, for gradient checks
  std::map<std::string, int64_t> capacity;    // the most rows, sequences, … a run may bring; 1 where not named
  bool pack_weights = true;                   // false where weights change between runs
  int64_t max_positions = 0;                  // the longest sequence, where that is less than the model allows
  std::set<std::string> external;             // outputs whose memory the caller brings
};

struct StepTimes;

struct MemoryReport {
  // The process's own memory:
  int64_t weights = 0;    // canonical tensors
  int64_t derived = 0;    // packed panels and tables
  int64_t arena = 0;      // intermediates
  int64_t scratch = 0;    // of the threads
  int64_t mapped = 0;     // weights that are read in mapped files, packed or not: memory that processes share and the system takes back
  int64_t total() const { return weights + derived + arena + scratch; }
};

struct Step {
  int node = 0;
  Prepared prepared;
};

class Plan {
 public:
  const Graph& graph() const { return graph_; }
  const Sizes& capacity() const { return capacity_; }
  const CompileOptions& options() const { return options_; }
  const std::vector<Step>& steps() const { return steps_; }
  DType products() const { return products_; }   // WeightStore::products when this was compiled
  // What a workspace with so many threads, and the weights, occupy at most.
  MemoryReport memory(int threads) const;
  // Operations and bytes of one run with these sizes; `keys`: how many keys a query looks at on average.
  Cost cost(const std::map<std::string, int64_t>& sizes, int64_t keys) const;

 private:
  friend class Workspace;
  friend std::shared_ptr<const Plan> compile(Graph, WeightStore&, const CompileOptions&, ThreadPool*);
  Graph graph_;
  CompileOptions options_;
  DType products_ = DType::f32;
  Sizes capacity_;
  MemoryLayout layout_;
  std::vector<Step> steps_;
  std::map<int, Tensor> weights_;             // value id → its tensor
  std::vector<DType> dtypes_;                 // per value
  int64_t weight_bytes_ = 0, mapped_bytes_ = 0;
};

std::shared_ptr<const Plan> compile(Graph graph, WeightStore& weights, const CompileOptions& options, ThreadPool* pool = nullptr);

// Operations and bytes of a graph for given sizes, without compiling it.
Cost cost_of(const Graph& graph, const std::map<std::string, int64_t>& sizes, int64_t keys);

class Workspace {
 public:
  // thread_scratch: of a workspace that waits for this one, whose threads have none of their own then.
  Workspace(std::shared_ptr<const Plan> plan, ThreadPool& pool, std::byte* thread_scratch = nullptr);
  ~Workspace();

  const Plan& plan() const { return *plan_; }
  ThreadPool& pool() const { return *pool_; }

  // The sequences of a row space; clear() and append() before each run.
  Rows& rows(const std::string& space);
  Rows& rows(int symbol) { return rows_[size_t(symbol)]; }
  void size(const std::string& symbol, int64_t count);               // of a symbol that is no row space
  void input(const std::string& name, const void* data);             // i32, or the plan's compute dtype
  void external(const std::string& output, void* data);
  void cache(PagedCache* cache) { cache_ = cache; }
  PagedCache* cache() const { return cache_; }
  const std::atomic<bool>* stop() const { return stop_; }            // of this run
  const Sizes& sizes() const { return sizes_; }                      // of the last run
  const Rows& rows_of(int symbol) const { return rows_[size_t(symbol)]; }
  // Adds to `times` what each step of the runs from here on takes; null: no more. step_times.h.
  void time_steps(StepTimes* times) { times_ = times; }

  // Runs all steps. Rows of cached sequences are reserved before and counted after. Throws Error; the sequences' lengths
  // and blocks are then unchanged. `stop` may be raised by another thread: the run ends between two steps with a `cancelled` Error.
  void run(const RunSettings& settings = {}, const std::atomic<bool>* stop = nullptr);

  template <class T>
  const T* output(const std::string& name) const {
    return static_cast<const T*>(output_data(name));
  }
  std::vector<int64_t> output_shape(const std::string& name) const;  // of the last run
  Workspace* child(int node) const;                                  // of a scan's body
  void* thread_scratch(int thread) const { return thread_scratch_ + int64_t(thread) * kThreadScratchBytes; }
  // Overwrites all memory of its own (every float becomes NaN): nothing may hang on what an earlier run left. For tests.
  void poison();

 private:
  const void* output_data(const std::string& name) const;
  int value_named(const std::string& name) const;
  void bind_sizes();
  template <class T>
  void run_steps(const RunSettings& settings);

  std::shared_ptr<const Plan> plan_;
  ThreadPool* pool_;
  std::shared_ptr<Storage> arena_, scratch_;  // scratch_: null where it is another's
  std::byte* thread_scratch_ = nullptr;
  std::vector<void*> pointers_;               // per value
  std::vector<Rows> rows_;                    // per symbol
  std::vector<char> is_space_;                // per symbol: sized by its rows
  std::vector<int> sequences_of_;             //             the symbol that counts the sequences of these, or -1
  int keys_ = -1;                             // the symbol of the most keys that a sequence has
  Sizes sizes_;
  PagedCache* cache_ = nullptr;
  const std::atomic<bool>* stop_ = nullptr;
  StepTimes* times_ = nullptr;
  std::map<int, std::unique_ptr<Workspace>> children_;
};

}  // namespace orrery
