#include <algorithm>
#include <chrono>
#include <cstring>

#include "graph/plan/plan.h"
#include "graph/plan/step_times.h"

namespace orrery {

PagedCache& cache_of(Workspace& workspace) {
  if (!workspace.cache()) throw Error{ErrorKind::bad_usage, "this plan reads a cache and the run has none", "Workspace"};
  return *workspace.cache();
}

template <class T>
DType Call<T>::products() const {
  return workspace_.plan().products();
}
template <class T>
void* Call<T>::thread_scratch(int thread) const {
  return workspace_.thread_scratch(thread);
}
template class Call<float>;
template class Call<double>;

Workspace::Workspace(std::shared_ptr<const Plan> plan, ThreadPool& pool, std::byte* thread_scratch) : plan_(std::move(plan)), pool_(&pool), thread_scratch_(thread_scratch) {
  const Graph& graph = plan_->graph();
  arena_ = allocate_storage(uint64_t(std::max<int64_t>(plan_->layout_.arena_bytes, 64)));
  if (!thread_scratch_) {
    scratch_ = allocate_storage(uint64_t(pool.num_threads()) * uint64_t(kThreadScratchBytes));
    thread_scratch_ = const_cast<std::byte*>(scratch_->data());
  }
  pointers_.assign(graph.values.size(), nullptr);
  std::byte* base = const_cast<std::byte*>(arena_->data());
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (const int64_t offset = plan_->layout_.value_offset[v]; offset >= 0) pointers_[v] = base + offset;
  for (const auto& [value, tensor] : plan_->weights_) pointers_[size_t(value)] = const_cast<std::byte*>(tensor.raw());
  rows_.resize(graph.symbols.size());
  is_space_.assign(graph.symbols.size(), 0);
  for (const std::string& symbol : graph.symbols) sequences_of_.push_back(graph.find_symbol(symbol + ".sequences"));
  keys_ = graph.find_symbol("keys");
  sizes_.symbols.assign(graph.symbols.size(), 0);
  for (const Step& step : plan_->steps_)
    if (step.prepared.child) children_[step.node] = std::make_unique<Workspace>(step.prepared.child, pool, thread_scratch_);
}

Workspace::~Workspace() = default;

void Workspace::poison() {
  for (const auto& storage : {arena_, scratch_})
    if (storage) std::memset(const_cast<std::byte*>(storage->data()), 0xFF, size_t(storage->size()));
  for (const auto& [node, workspace] : children_) workspace->poison();
}

Rows& Workspace::rows(const std::string& space) {
  const int symbol = plan_->graph().find_symbol(space);
  if (symbol < 0) throw Error{ErrorKind::bad_usage, "the plan has no row space '" + space + "'", "Workspace"};
  is_space_[size_t(symbol)] = 1;
  return rows_[size_t(symbol)];
}

void Workspace::size(const std::string& name, int64_t count) {
  const int symbol = plan_->graph().find_symbol(name);
  if (symbol < 0) return;     // nothing in this plan has that size
  is_space_[size_t(symbol)] = 0;
  sizes_.symbols[size_t(symbol)] = count;
}

int Workspace::value_named(const std::string& name) const {
  const auto& values = plan_->graph().values;
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].kind == ValueKind::input && values[i].name == name) return int(i);
  return -1;
}

void Workspace::input(const std::string& name, const void* data) {
  if (const int value = value_named(name); value >= 0) pointers_[size_t(value)] = const_cast<void*>(data);
}

void Workspace::external(const std::string& output, void* data) {
  const Graph& graph = plan_->graph();
  const auto it = graph.outputs.find(output);
  if (it == graph.outputs.end()) return;
  // Every value that shares the output's memory is there too.
  const int storage = plan_->layout_.storage[size_t(it->second)];
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (storage >= 0 && plan_->layout_.storage[v] == storage) pointers_[v] = data;
}

Workspace* Workspace::child(int node) const {
  const auto it = children_.find(node);
  return it == children_.end() ? nullptr : it->second.get();
}

void Workspace::bind_sizes() {
  const Graph& graph = plan_->graph();
  int64_t keys = 0;
  for (size_t s = 0; s < graph.symbols.size(); ++s) {
    if (!is_space_[s]) continue;
    sizes_.symbols[s] = rows_[s].count;
    for (const SequenceRows& sequence : rows_[s].sequences) keys = std::max({keys, sequence.position + sequence.count, sequence.source ? sequence.source->length : 0});
    if (sequences_of_[s] >= 0) sizes_.symbols[size_t(sequences_of_[s])] = int64_t(rows_[s].sequences.size());
  }
  if (keys_ >= 0) sizes_.symbols[size_t(keys_)] = keys;
  for (size_t s = 0; s < graph.symbols.size(); ++s)
    if (sizes_.symbols[s] > plan_->capacity().symbols[s])
      throw Error{ErrorKind::out_of_range, std::to_string(sizes_.symbols[s]) + " " + graph.symbols[s] + " in a plan made for " + std::to_string(plan_->capacity().symbols[s]), "Workspace"};
}

template <class T>
void Workspace::run_steps(const RunSettings& settings) {
  const Graph& graph = plan_->graph();
  std::byte* base = const_cast<std::byte*>(arena_->data());
  using Clock = std::chrono::steady_clock;
  const auto seconds_from = [](Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  const Clock::time_point whole = times_ ? Clock::now() : Clock::time_point();
  if (times_) times_->steps.resize(plan_->steps_.size());
  for (const Step& step : plan_->steps_) {
    if (stop_ && stop_->load(std::memory_order_relaxed)) throw Error{ErrorKind::cancelled, "the run was stopped", ""};
    const Node& node = graph.nodes[size_t(step.node)];
    const int64_t scratch = plan_->layout_.scratch_offset[size_t(step.node)];
    Call<T> call(graph, node, pointers_.data(), plan_->dtypes_.data(), sizes_, rows_, step.prepared.data.get(),
                 scratch >= 0 ? base + scratch : nullptr, *this, *pool_, settings);
    const Clock::time_point begin = times_ ? Clock::now() : Clock::time_point();
    if constexpr (sizeof(T) == 8) node.op->run_f64(call);
    else node.op->run_f32(call);
    if (!times_) continue;
    const size_t index = size_t(&step - plan_->steps_.data());
    StepTime& time = times_->steps[index];
    time.seconds += seconds_from(begin);
    time.runs++;
    const Cost cost = step_cost(*this, index);
    time.cost.flops += cost.flops;
    time.cost.bytes += cost.bytes;
  }
  if (!times_) return;
  times_->seconds += seconds_from(whole);
  times_->runs++;
}

void Workspace::run(const RunSettings& settings, const std::atomic<bool>* stop) {
  stop_ = stop;
  bind_sizes();
  for (const ValueInfo& value : plan_->graph().values)
    if (value.kind == ValueKind::input && !pointers_[size_t(&value - plan_->graph().values.data())] && sizes_.count(value.dims) > 0) {
      for (const Node& node : plan_->graph().nodes)
        for (int input : node.inputs)
          if (input == int(&value - plan_->graph().values.data())) throw Error{ErrorKind::bad_usage, "input '" + value.name + "' is not bound", "Workspace"};
    }
  for (const std::string& name : plan_->options().external)
    if (const auto it = plan_->graph().outputs.find(name); it != plan_->graph().outputs.end() && !pointers_[size_t(it->second)] && sizes_.count(plan_->graph().values[size_t(it->second)].dims) > 0)
      throw Error{ErrorKind::bad_usage, "output '" + name + "' has no memory: the plan leaves it to the caller", "Workspace"};
  if (cache_)
    for (const Rows& rows : rows_)
      for (const SequenceRows& sequence : rows.sequences)
        if (sequence.cache) {
          if (sequence.cache->length != sequence.position) throw Error{ErrorKind::bad_usage, "rows begin at position " + std::to_string(sequence.position) + " of a sequence that holds " + std::to_string(sequence.cache->length), "Workspace"};
        }
  try {
    for (const Rows& rows : rows_)
      for (const SequenceRows& sequence : rows.sequences)
        if (cache_ && sequence.cache) cache_->reserve(*sequence.cache, sequence.count);
    if (plan_->options().compute == DType::f64) run_steps<double>(settings);
    else run_steps<float>(settings);
  } catch (...) {
    for (const Rows& rows : rows_)
      for (const SequenceRows& sequence : rows.sequences)
        if (cache_ && sequence.cache) cache_->truncate(*sequence.cache, sequence.cache->length);
    throw;
  }
  if (cache_)
    for (const Rows& rows : rows_)
      for (const SequenceRows& sequence : rows.sequences)
        if (sequence.cache) cache_->advance(*sequence.cache, sequence.count);
}

const void* Workspace::output_data(const std::string& name) const {
  const auto it = plan_->graph().outputs.find(name);
  if (it == plan_->graph().outputs.end()) throw Error{ErrorKind::bad_usage, "the plan has no output '" + name + "'", "Workspace"};
  return pointers_[size_t(it->second)];
}

std::vector<int64_t> Workspace::output_shape(const std::string& name) const {
  const auto it = plan_->graph().outputs.find(name);
  if (it == plan_->graph().outputs.end()) throw Error{ErrorKind::bad_usage, "the plan has no output '" + name + "'", "Workspace"};
  std::vector<int64_t> shape;
  for (Dim dim : plan_->graph().values[size_t(it->second)].dims) shape.push_back(sizes_.of(dim));
  return shape;
}

}  // namespace orrery
