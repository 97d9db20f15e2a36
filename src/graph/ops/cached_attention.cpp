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
  const auto write = [&](const SequenceRows& sequence, int64_t first, int64_t count) {
    const int64_t at = (sequence.begin + first) * width;
    cache.write(slot, *sequence.cache, sequence.position + first, count, c.in(0) + at, c.in(1) + at, c.k());
  };
  if (rows.count * width < 2048) {
    for (const SequenceRows& sequence : rows.sequences) write(sequence, 0, sequence.count);
    return;
  }
  // A task writes tokens of one block, which nobody else does.
  const int64_t size = cache.block_size();
  const auto blocks_of = [&](const SequenceRows& sequence) { return sequence.count > 0 ? (sequence.position + sequence.count - 1) / size - sequence.position / size + 1 : 0; };
  int64_t blocks = 0;
  for (const SequenceRows& sequence : rows.sequences) blocks += blocks_of(sequence);
  c.pool().parallel(blocks, [&](int64_t block) {
    size_t s = 0;
    while (block >= blocks_of(rows.sequences[s])) block -= blocks_of(rows.sequences[s++]);
    const SequenceRows& sequence = rows.sequences[s];
    const int64_t begin = std::max(sequence.position, (sequence.position / size + block) * size);
    const int64_t end = std::min(sequence.position + sequence.count, (sequence.position / size + block + 1) * size);
    write(sequence, begin - sequence.position, end - begin);
  });
}
Cost append_cost(const CostContext& c) { return {0, 1.5 * c.operand_bytes()}; }   // read as floats, written in 16 bits

template <class T>
void nothing(Call<T>&) {}

void cached_attention_shape(ShapeContext& c) {
  check_heads(c);
  check_bias(c, 3);
  check_sinks(c, 4);
  attention_outputs(c);
}
// The parts of the keys that the query of a step sees.
struct Parts {
  int64_t first, count;
  template <class T>
  explicit Parts(const Attention<T>& a) : first(first_key_seen(a) / kKeyPart), count(std::max<int64_t>((last_key_seen(a) + kKeyPart - 1) / kKeyPart - first, 0)) {}
};

// One token of each sequence: a task per sequence and some heads of keys; where those are few for the threads and texts are long, a task
// per part of the keys too.
template <class T>
void run_attention_steps(Call<T>& c) {
  const Rows& queries = c.sequences(0);
  const Attention<T> common = attention_arguments(c);
  const int64_t sequences = int64_t(queries.sequences.size()), kv_heads = common.num_kv_heads;
  const auto of_sequence = [&](int64_t s) {
    Attention<T> a = common;
    bind_cached(c, a, size_t(s));
    bind_outputs(c, a, queries.sequences[size_t(s)].begin);
    return a;
  };
  int64_t parts = 0;
  for (int64_t s = 0; s < sequences; ++s) parts += Parts(of_sequence(s)).count;
  const int64_t part_size = common.num_heads / kv_heads * state_width(common.head_dim);
  const bool few = c.pool().num_threads() > 1 && sequences * kv_heads < 4 * c.pool().num_threads();
  if (!few || parts <= sequences || parts * kv_heads * part_size * int64_t(sizeof(T)) > kAttentionScratchBytes / 2) {
    // Neighbouring heads are one task where there are enough of them: the next head's keys are asked for while one ends.
    constexpr int64_t kTasksOfThread = 8;
    const int64_t heads = std::clamp<int64_t>(sequences * kv_heads / (kTasksOfThread * c.pool().num_threads()), 1, kv_heads), groups = (kv_heads + heads - 1) / heads;
    return c.pool().parallel(sequences * groups, [&](int64_t task, int thread) {
      const Attention<T> a = of_sequence(task / groups);
      for (int64_t head = task % groups * heads; head < std::min(kv_heads, (task % groups + 1) * heads); ++head) c.k().attention_step(a, head, c.thread_scratch(thread));
    });
  }

  // States lie in the half of a scratch that the kernels leave: sequence by sequence, in it head by head, part by part.
  T* states = reinterpret_cast<T*>(static_cast<std::byte*>(c.thread_scratch(0)) + kAttentionScratchBytes / 2);
  c.pool().parallel(parts * kv_heads, [&](int64_t task, int thread) {
    const int64_t kv_head = task % kv_heads;
    int64_t part = task / kv_heads, s = 0, before = 0;
    Attention<T> a = of_sequence(s);
    while (part >= Parts(a).count) {
      part -= Parts(a).count, before += Parts(a).count;
      a = of_sequence(++s);
    }
    c.k().attention_part(a, kv_head, Parts(a).first + part, states + (before * kv_heads + kv_head * Parts(a).count + part) * part_size, c.thread_scratch(thread));
  });
  for (int64_t s = 0, before = 0; s < sequences; ++s) {
    const Attention<T> a = of_sequence(s);
    const int64_t count = Parts(a).count;
    for (int64_t kv_head = 0; kv_head < kv_heads; ++kv_head)
      c.k().attention_merge(a, kv_head, count, states + (before * kv_heads + kv_head * count) * part_size, c.thread_scratch(0));
    before += count;
  }
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
  static const Op op = {.name = "cached_attention", .shape = cached_attention_shape, .cost = attention_cost, .scratch = slopes_scratch, ORRERY_RUN(run_cached_attention)};
  return op;
}
const Op& source_keys_op() {
  static const Op op = {.name = "source_keys", .shape = [](ShapeContext& c) { c.output({Dim{0, -1}}, Element::state); }, .cost = [](const CostContext&) { return Cost{}; }, ORRERY_RUN(nothing)};
  return op;
}

}  // namespace orrery
