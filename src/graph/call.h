// What a step sees when it runs: pointers, sizes, kernels, threads.
#pragma once

#include "graph/op.h"
#include "graph/rows.h"

namespace orrery {

class Workspace;
struct Intervention;

// Randomness and other settings of one run.
struct RunSettings {
  uint64_t seed = 0;                    // dropout: of the run and the step
  bool training = false;                // dropout is off unless set
  const std::vector<Intervention>* interventions = nullptr;
};

template <class T>
class Call {
 public:
  Call(const Graph& graph, const Node& node, void* const* pointers, const DType* dtypes, const Sizes& sizes,
       const std::vector<Rows>& rows, const void* prepared, void* scratch, Workspace& workspace, ThreadPool& pool,
       const RunSettings& settings)
      : graph_(graph), node_(node), pointers_(pointers), dtypes_(dtypes), sizes_(sizes), rows_(rows), prepared_(prepared),
        scratch_(scratch), workspace_(workspace), pool_(pool), settings_(settings) {}

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  bool has(int i) const { return i < int(node_.inputs.size()) && node_.inputs[size_t(i)] >= 0; }
  const T* in(int i) const { return has(i) ? static_cast<const T*>(pointers_[node_.inputs[size_t(i)]]) : nullptr; }
  const int32_t* indices(int i) const { return static_cast<const int32_t*>(pointers_[node_.inputs[size_t(i)]]); }
  const void* held(int i) const { return pointers_[node_.inputs[size_t(i)]]; }         // see Op::held_input
  DType held_dtype(int i) const { return dtypes_[node_.inputs[size_t(i)]]; }
  T* out(int i = 0) const { return static_cast<T*>(pointers_[node_.outputs[size_t(i)]]); }
  int32_t* out_indices(int i = 0) const { return static_cast<int32_t*>(pointers_[node_.outputs[size_t(i)]]); }
  // The input as products of bf16 take it, where the plan has it so; else null.
  const void* rounded(int i) const { return graph_.values[size_t(node_.inputs[size_t(i)])].element == Element::rounded ? pointers_[node_.inputs[size_t(i)]] : nullptr; }
  uint16_t* out_rounded(int i = 0) const { return graph_.values[size_t(node_.outputs[size_t(i)])].element == Element::rounded ? static_cast<uint16_t*>(pointers_[node_.outputs[size_t(i)]]) : nullptr; }
  bool is_weight(int i) const { return graph_.values[size_t(node_.inputs[size_t(i)])].kind == ValueKind::weight; }

  const Dims& dims(int i) const { return graph_.values[size_t(node_.inputs[size_t(i)])].dims; }
  const Dims& out_dims(int i = 0) const { return graph_.values[size_t(node_.outputs[size_t(i)])].dims; }
  int64_t size(int i, int axis) const { return of(dims(i), axis); }
  int64_t out_size(int i, int axis) const { return of(out_dims(i), axis); }
  int64_t count(int i) const { return sizes_.count(dims(i)); }
  int64_t out_count(int i = 0) const { return sizes_.count(out_dims(i)); }
  int64_t cols(int i = 0) const { return size(i, -1); }
  int64_t rows(int i = 0) const { return cols(i) == 0 ? 0 : count(i) / cols(i); }

  // The sequences of the row space that counts the rows of input i (or of a symbol).
  const Rows& sequences(int i) const { return rows_[size_t(dims(i)[0].symbol)]; }
  const Rows& space(int symbol) const { return rows_[size_t(symbol)]; }
  const Sizes& sizes() const { return sizes_; }

  template <class P>
  const P* prepared() const { return static_cast<const P*>(prepared_); }
  void* scratch() const { return scratch_; }              // of the size that Op::scratch asked for
  void* thread_scratch(int thread) const;                 // kThreadScratchBytes for each thread
  const Kernels<T>& k() const { return kernels_for<T>(); }
  ThreadPool& pool() const { return pool_; }
  const RunSettings& settings() const { return settings_; }
  DType products() const;                                 // what products are computed in: WeightStore::products
  Workspace& workspace() const { return workspace_; }
  const Graph& graph() const { return graph_; }

  // Splits [0, count) in ranges of at least `grain` and runs f(begin, end) on the pool.
  template <class F>
  void ranges(int64_t count, int64_t grain, F&& f) const {
    if (count <= 0) return;
    const int64_t tasks = std::min<int64_t>((count + grain - 1) / grain, int64_t(pool_.num_threads()) * 4);
    if (tasks <= 1) {
      f(int64_t(0), count);
      return;
    }
    pool_.parallel(tasks, [&](int64_t task) {
      const int64_t begin = count * task / tasks, end = count * (task + 1) / tasks;
      if (begin < end) f(begin, end);
    });
  }
  // Rows of `width` elements, split so that a task has at least 16k elements.
  template <class F>
  void row_ranges(int64_t row_count, int64_t width, F&& f) const {
    ranges(row_count, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)), std::forward<F>(f));
  }

 private:
  int64_t of(const Dims& d, int axis) const { return sizes_.of(d[size_t(axis < 0 ? int(d.size()) + axis : axis)]); }

  const Graph& graph_;
  const Node& node_;
  void* const* pointers_;
  const DType* dtypes_;
  const Sizes& sizes_;
  const std::vector<Rows>& rows_;
  const void* prepared_;
  void* scratch_;
  Workspace& workspace_;
  ThreadPool& pool_;
  const RunSettings& settings_;
};

constexpr int64_t kThreadScratchBytes = std::max(kMatmulScratchBytes, kAttentionScratchBytes);

}  // namespace orrery
