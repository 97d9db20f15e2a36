// Keys and values of past tokens, in blocks of fixed size shared between sequences.
//
//   PagedCache cache(slots, {.block_size = 16, .num_blocks = 64});
//   CacheSequence a = cache.sequence();
//   … a run appends rows to `a` …
//   CacheSequence b = cache.fork(a);      // shares every block; the first write to a shared block copies it
//   cache.truncate(b, 12);                // rolls back to the first 12 tokens
//
// A slot may hold rows of anything else: a recurrence carries its state on from the row of the token before.
//
// One block table serves all slots (layers) of a cache; a block holds `block_size` tokens of every slot's keys and values.
// Blocks are reference-counted. Whole blocks can be published under a key (their tokens and all that came before) and
// taken over by a later sequence with the same beginning. Kwon et al. 2023 (paged attention).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "graph/rows.h"
#include "kernels/kernels.h"
#include "tensor/tensor.h"

namespace orrery {

struct CacheSlot {
  int64_t width = 0;          // kv_heads * head_dim
  DType dtype = DType::f32;   // i8: q8_0, of blocks of elements of a head (kernels/attention.h)
  bool rows_only = false;     // no values beside: what a recurrence carries on after each token, rows of a source
  int64_t heads = 1;          // each head's part of a block lies together, keys turned, so that attention reads on and on

  // Of a token's keys, or values.
  int64_t bytes() const { return dtype == DType::i8 ? width + heads * scales_of_head(width / heads) * 2 : width * size_of(dtype); }
};

struct CacheOptions {
  int64_t block_size = 64;    // tokens; a multiple or divisor of kKeyChunk keeps reads whole
  int64_t num_blocks = 0;     // of the pool
};

class PagedCache;

// A sequence's place in a cache: a value that can move, and gives its blocks back when it goes.
struct CacheSequence {
  CacheSequence() = default;
  explicit CacheSequence(PagedCache* owner) : cache(owner) {}
  CacheSequence(CacheSequence&& other) noexcept { *this = std::move(other); }
  CacheSequence& operator=(CacheSequence&& other) noexcept;
  ~CacheSequence();

  PagedCache* cache = nullptr;
  std::vector<int32_t> blocks;
  int64_t length = 0;         // tokens held
};

class PagedCache {
 public:
  PagedCache(std::vector<CacheSlot> slots, CacheOptions options);

  CacheSequence sequence() { return CacheSequence(this); }
  CacheSequence fork(const CacheSequence& from);
  void truncate(CacheSequence& sequence, int64_t length);      // drops tokens from the end
  // Makes room for `count` more tokens: fresh blocks, and a copy of the last one where it is shared.
  // Throws Error (out_of_range) when the pool has no block left; the sequence is then unchanged.
  void reserve(CacheSequence& sequence, int64_t count);
  void advance(CacheSequence& sequence, int64_t count) { sequence.length += count; }

  // Publishes the sequence's whole blocks under `tokens` (its first tokens) and `salt` (weights' version, adapter, …).
  void publish(const CacheSequence& sequence, std::span<const int32_t> tokens, uint64_t salt = 0);
  // A sequence that shares the longest published beginning of `tokens`, never all of them (one token is left to compute).
  CacheSequence match(std::span<const int32_t> tokens, uint64_t salt = 0);
  void forget();                                                // drops everything published

  // The keys and values of a slot as attention reads them.
  KeyValueView view(int slot, const CacheSequence& sequence) const;
  // Writes rows k, v (of T) at positions [start, start + count) of the sequence; room has been reserved.
  template <class T>
  void write(int slot, const CacheSequence& sequence, int64_t start, int64_t count, const T* k, const T* v, const Kernels<T>& kernels);
  // The same for a slot of rows alone, and back.
  template <class T>
  void write_rows(int slot, const CacheSequence& sequence, int64_t start, int64_t count, const T* rows);
  template <class T>
  void read_rows(int slot, const CacheSequence& sequence, int64_t start, int64_t count, T* rows) const;

  int64_t block_size() const { return options_.block_size; }
  int64_t free_blocks() const { return int64_t(free_.size()); }
  int64_t references(int32_t block) const { return references_[size_t(block)]; }
  int64_t bytes() const;
  int64_t num_slots() const { return int64_t(slots_.size()); }
  const CacheSlot& slot(int index) const { return slots_[size_t(index)]; }

 private:
  friend struct CacheSequence;
  // Where a position's rows (of values) lie in a slot's tensors: element offset of head 0, and between heads.
  int64_t row_of(const CacheSlot& slot, const CacheSequence& sequence, int64_t position) const {
    return int64_t(sequence.blocks[size_t(position / options_.block_size)]) * options_.block_size * slot.width + position % options_.block_size * (slot.width / slot.heads);
  }
  int64_t head_stride(const CacheSlot& slot) const { return options_.block_size * (slot.width / slot.heads); }
  void release(std::vector<int32_t>& blocks);
  void drop(int32_t block);
  int32_t take();

  std::vector<CacheSlot> slots_;
  CacheOptions options_;
  std::vector<Tensor> keys_, values_;            // per slot: [blocks, heads, block_size, width / heads], keys
  // (not rows) with the last two turned; values of width 0 where rows_only. i8: bytes, a head's scales behind its numbers
  std::vector<int32_t> references_, free_;
  struct Published {
    int32_t block;
    std::vector<int32_t> tokens;                 // of this block: equal hashes are compared
    uint64_t parent;
  };
  std::map<uint64_t, Published> published_;      // by the hash of the whole beginning
};

}  // namespace orrery
