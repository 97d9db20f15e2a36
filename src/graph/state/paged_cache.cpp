#include "graph/state/paged_cache.h"

#include <algorithm>
#include <cstring>

#include "tensor/slabs.h"

namespace orrery {

CacheSequence& CacheSequence::operator=(CacheSequence&& other) noexcept {
  std::swap(cache, other.cache);
  std::swap(blocks, other.blocks);
  std::swap(length, other.length);
  return *this;
}
CacheSequence::~CacheSequence() {
  if (cache) cache->release(blocks);
}

PagedCache::PagedCache(std::vector<CacheSlot> slots, CacheOptions options) : slots_(std::move(slots)), options_(options) {
  if (options_.block_size <= 0 || options_.num_blocks < 0)
    throw Error{ErrorKind::bad_usage, "a cache needs blocks of at least one token", "PagedCache"};
  Slabs slabs;
  for (const CacheSlot& slot : slots_) {
    const int64_t columns = slot.bytes() / slot.heads / size_of(slot.dtype);
    keys_.push_back(slabs.zeros(slot.dtype, {options_.num_blocks, slot.heads, options_.block_size, columns}));
    values_.push_back(slabs.zeros(slot.dtype, {options_.num_blocks, slot.heads, options_.block_size, slot.rows_only ? 0 : columns}));
  }
  slabs.trim();
  references_.assign(size_t(options_.num_blocks), 0);
  for (int64_t block = options_.num_blocks; block-- > 0;) free_.push_back(int32_t(block));
}

int64_t PagedCache::bytes() const {
  int64_t total = 0;
  for (const auto* side : {&keys_, &values_})
    for (const Tensor& tensor : *side) total += int64_t(tensor.bytes());
  return total;
}

int32_t PagedCache::take() {
  if (free_.empty()) forget();   // what is published goes first: blocks that no sequence uses are free then
  if (free_.empty())
    throw Error{ErrorKind::out_of_range, "the cache has no free block left of " + std::to_string(options_.num_blocks), "key/value cache", "fewer or shorter sequences at a time, or a larger cache"};
  const int32_t block = free_.back();
  free_.pop_back();
  references_[size_t(block)] = 1;
  return block;
}

void PagedCache::drop(int32_t block) {
  if (--references_[size_t(block)] == 0) free_.push_back(block);
}
void PagedCache::release(std::vector<int32_t>& blocks) {
  for (int32_t block : blocks) drop(block);
  blocks.clear();
}

CacheSequence PagedCache::fork(const CacheSequence& from) {
  CacheSequence copy(this);
  const int64_t held = (from.length + options_.block_size - 1) / options_.block_size;   // blocks reserved ahead stay `from`'s
  copy.blocks.assign(from.blocks.begin(), from.blocks.begin() + held);
  copy.length = from.length;
  for (int32_t block : copy.blocks) references_[size_t(block)]++;
  return copy;
}

void PagedCache::truncate(CacheSequence& sequence, int64_t length) {
  if (length < 0 || length > sequence.length) throw Error{ErrorKind::bad_usage, "cannot roll back to " + std::to_string(length) + " of " + std::to_string(sequence.length) + " tokens", "key/value cache"};
  const size_t keep = size_t((length + options_.block_size - 1) / options_.block_size);
  while (sequence.blocks.size() > keep) {
    drop(sequence.blocks.back());
    sequence.blocks.pop_back();
  }
  sequence.length = length;
}

void PagedCache::reserve(CacheSequence& sequence, int64_t count) {
  const size_t before = sequence.blocks.size();
  const size_t needed = size_t((sequence.length + count + options_.block_size - 1) / options_.block_size);
  try {
    while (sequence.blocks.size() < needed) sequence.blocks.push_back(take());
    // The block that the next token falls into is written: it must be ours alone.
    const size_t partial = size_t(sequence.length / options_.block_size);
    const auto shared = [&] { return count > 0 && partial < before && references_[size_t(sequence.blocks[partial])] > 1; };
    if (shared() && free_.empty()) forget();   // who shares it may be nobody but the published
    if (shared()) {
      const int32_t old = sequence.blocks[partial], fresh = take();
      for (size_t slot = 0; slot < slots_.size(); ++slot)
        for (Tensor* side : {&keys_[slot], &values_[slot]}) {
          const size_t bytes = side->bytes() / size_t(options_.num_blocks);
          if (bytes > 0) std::memcpy(side->mutable_raw() + size_t(fresh) * bytes, side->raw() + size_t(old) * bytes, bytes);
        }
      sequence.blocks[partial] = fresh;
      drop(old);
    }
  } catch (...) {
    while (sequence.blocks.size() > before) {
      drop(sequence.blocks.back());
      sequence.blocks.pop_back();
    }
    throw;
  }
}

namespace {
uint64_t mix(uint64_t hash, uint64_t word) {
  hash ^= word + 0x9E3779B97F4A7C15u + (hash << 6) + (hash >> 2);
  hash *= 0xFF51AFD7ED558CCDu;
  return hash ^ (hash >> 32);
}
uint64_t chain(uint64_t parent, std::span<const int32_t> tokens) {
  for (int32_t token : tokens) parent = mix(parent, uint64_t(uint32_t(token)));
  return parent;
}
}  // namespace

void PagedCache::publish(const CacheSequence& sequence, std::span<const int32_t> tokens, uint64_t salt) {
  const int64_t size = options_.block_size;
  const int64_t whole = std::min<int64_t>(sequence.length, int64_t(tokens.size())) / size;
  uint64_t parent = mix(0, salt);
  for (int64_t block = 0; block < whole; ++block) {
    const auto part = tokens.subspan(size_t(block * size), size_t(size));
    const uint64_t key = chain(parent, part);
    if (!published_.contains(key)) {
      published_[key] = {sequence.blocks[size_t(block)], {part.begin(), part.end()}, parent};
      references_[size_t(sequence.blocks[size_t(block)])]++;
    }
    parent = key;
  }
}

CacheSequence PagedCache::match(std::span<const int32_t> tokens, uint64_t salt) {
  CacheSequence sequence(this);
  const int64_t size = options_.block_size;
  uint64_t parent = mix(0, salt);
  for (int64_t block = 0; (block + 1) * size < int64_t(tokens.size()); ++block) {
    const auto part = tokens.subspan(size_t(block * size), size_t(size));
    const uint64_t key = chain(parent, part);
    const auto found = published_.find(key);
    if (found == published_.end() || found->second.parent != parent || !std::equal(part.begin(), part.end(), found->second.tokens.begin(), found->second.tokens.end())) break;
    sequence.blocks.push_back(found->second.block);
    references_[size_t(found->second.block)]++;
    sequence.length += size;
    parent = key;
  }
  return sequence;
}

void PagedCache::forget() {
  for (const auto& [key, entry] : published_) drop(entry.block);
  published_.clear();
}

KeyValueView PagedCache::view(int slot, const CacheSequence& sequence) const {
  const CacheSlot& s = slots_[size_t(slot)];
  KeyValueView view;
  view.k = keys_[size_t(slot)].raw();
  view.v = values_[size_t(slot)].raw();
  view.dtype = s.dtype;
  view.token_stride = s.width / s.heads;
  view.head_stride = options_.block_size * (s.bytes() / s.heads / size_of(s.dtype));
  view.scales = head_stride(s);
  view.keys_turned = !s.rows_only;
  view.blocks = sequence.blocks.data();
  view.block_size = options_.block_size;
  view.block_stride = s.heads * view.head_stride;
  return view;
}

template <class T>
void PagedCache::write(int slot, const CacheSequence& sequence, int64_t start, int64_t count, const T* k, const T* v, const Kernels<T>& kernels) {
  const CacheSlot& s = slots_[size_t(slot)];
  const int64_t size = options_.block_size, block_bytes = size * s.bytes();
  for (int64_t i = 0; i < count;) {
    const int64_t inside = (start + i) % size, run = std::min(count - i, size - inside), at = int64_t(sequence.blocks[size_t((start + i) / size)]) * block_bytes;
    kernels.fill_block({.k = k + i * s.width, .v = v + i * s.width, .count = run, .heads = s.heads, .head_dim = s.width / s.heads,
                        .keys = keys_[size_t(slot)].mutable_raw() + at, .values = values_[size_t(slot)].mutable_raw() + at, .dtype = s.dtype, .block_size = size, .first = inside});
    i += run;
  }
}
template void PagedCache::write(int, const CacheSequence&, int64_t, int64_t, const float*, const float*, const Kernels<float>&);
template void PagedCache::write(int, const CacheSequence&, int64_t, int64_t, const double*, const double*, const Kernels<double>&);

template <class T>
void PagedCache::write_rows(int slot, const CacheSequence& sequence, int64_t start, int64_t count, const T* rows) {
  const CacheSlot& s = slots_[size_t(slot)];
  for (int64_t i = 0; i < count; ++i)
    convert(rows + i * s.width, sizeof(T) == 8 ? DType::f64 : DType::f32, keys_[size_t(slot)].mutable_raw() + row_of(s, sequence, start + i) * size_of(s.dtype), s.dtype, s.width);
}
template void PagedCache::write_rows(int, const CacheSequence&, int64_t, int64_t, const float*);
template void PagedCache::write_rows(int, const CacheSequence&, int64_t, int64_t, const double*);

template <class T>
void PagedCache::read_rows(int slot, const CacheSequence& sequence, int64_t start, int64_t count, T* rows) const {
  const CacheSlot& s = slots_[size_t(slot)];
  for (int64_t i = 0; i < count; ++i)
    convert(keys_[size_t(slot)].raw() + row_of(s, sequence, start + i) * size_of(s.dtype), s.dtype, rows + i * s.width, sizeof(T) == 8 ? DType::f64 : DType::f32, s.width);
}
template void PagedCache::read_rows(int, const CacheSequence&, int64_t, int64_t, float*) const;
template void PagedCache::read_rows(int, const CacheSequence&, int64_t, int64_t, double*) const;

}  // namespace orrery
