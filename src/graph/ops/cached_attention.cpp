// Attention over a cache (graph/state/paged_cache.h), as passes/state.h puts it in the place of attention:
//
//   append_keys          writes keys and values behind the sequences' earlier ones: state → state'
//   cached_attention     reads them there
//   source_keys          the state that an encode run wrote: the keys and values of the sequences' sources
#include "graph/ops/attention_rows.h"

namespace orrery {

namespace {

void append_keys_shape(ShapeContext& c) {
  c.expect(c.has_sequences(0) && c.input(0) == c.input(1), "k and v are not the same rows of sequences");
  c.output({Dim{0, -1}}, Element::state);
}
template <class T>
void run_append_keys(Call<T>& c) {
  PagedCache& cache = cache_of(c.workspace());
  const int slot = int(c.attributes().integer("slot"));
  const int64_t width = c.cols(0);
  const Rows& rows = c.sequences(0);
  if (slot >= cache.num_slots() || cache.slot(slot).width != width)
    throw Error{ErrorKind::bad_usage, "the cache was not made for this plan: its slot " + std::to_string(slot) + " does not hold " + std::to_string(width) + " columns", "key/value cache"};
  for (const SequenceRows& sequence : rows.sequences)
    if (!sequence.cache || sequence.cache->cache != &cache)
      throw Error{ErrorKind::bad_usage, "sequence " + std::to_string(sequence.id) + " has no place in the run's cache", "key/value cache"};
  const auto write = [&](int64_t s) {
    const SequenceRows& sequence = rows.sequences[size_t(s)];
    cache.write(slot, *sequence.cache, sequence.position, sequence.count, c.in(0) + sequence.begin * width, c.in(1) + sequence.begin * width);
  };
  if (rows.count * width < 32768)
    for (int64_t s = 0; s < int64_t(rows.sequences.size()); ++s) write(s);
  else
    c.pool().parallel(int64_t(rows.sequences.size()), write);
}
Cost append_cost(const CostContext& c) { return {0, 4.0 * c.operand_bytes()}; }

template <class T>
void nothing(Call<T>&) {}

void cached_attention_shape(ShapeContext& c) {
  check_heads(c);
  check_bias(c, 3);
  attention_outputs(c);
}
// One token of each sequence: a task per sequence and head of keys.
template <class T>
void run_attention_steps(Call<T>& c) {
  const Rows& queries = c.sequences(0);
  const Attention<T> common = attention_arguments(c);
  c.pool().parallel(int64_t(queries.sequences.size()) * common.num_kv_heads, [&](int64_t task, int thread) {
    const size_t s = size_t(task / common.num_kv_heads);
    Attention<T> a = common;
    bind_cached(c, a, s);
    const int64_t row = queries.sequences[s].begin;
    a.out = c.out(0) + row * a.out_stride;
    a.lse = c.out(1) + row * a.num_heads;
    c.k().attention_step(a, task % common.num_kv_heads, c.thread_scratch(thread));
  });
}

template <class T>
void run_cached_attention(Call<T>& c) {
  const auto& sequences = c.sequences(0).sequences;
  if (std::all_of(sequences.begin(), sequences.end(), [](const SequenceRows& s) { return s.count == 1; })) return run_attention_steps(c);
  run_attention_tiles(c, [&](Attention<T>& a, size_t s) { bind_cached(c, a, s); });
}

}  // namespace

const Op& append_keys_op() {
  static const Op op = {.name = "append_keys", .shape = append_keys_shape, .cost = append_cost, ORRERY_RUN(run_append_keys), .effect = true};
  return op;
}
const Op& cached_attention_op() {
  static const Op op = {.name = "cached_attention", .shape = cached_attention_shape, .cost = attention_cost, ORRERY_RUN(run_cached_attention)};
  return op;
}
const Op& source_keys_op() {
  static const Op op = {.name = "source_keys", .shape = [](ShapeContext& c) { c.output({Dim{0, -1}}, Element::state); }, .cost = [](const CostContext&) { return Cost{}; }, ORRERY_RUN(nothing)};
  return op;
}

}  // namespace orrery
