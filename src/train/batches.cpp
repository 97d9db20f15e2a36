#include "train/batches.h"

#include <algorithm>
#include <bit>

#include "base/random.h"

namespace orrery {

namespace {
constexpr uint64_t kWindow = 32;                       // documents made at a time
constexpr uint64_t kMaskStream = 0x6d61736b;           // "mask"
uint32_t low(uint64_t x) { return uint32_t(x); }
uint32_t high(uint64_t x) { return uint32_t(x >> 32); }
}  // namespace

Objective objective_named(const std::string& name) {
  if (name == "causal") return Objective::causal;
  if (name == "masked") return Objective::masked;
  if (name == "token") return Objective::token;
  if (name == "seq2seq") return Objective::seq2seq;
  throw Error{ErrorKind::bad_usage, "'" + name + "' is no objective", "train", "causal, masked, token or seq2seq"};
}

uint64_t shuffled(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch) {
  if (count < 2) return index;
  const int half = std::max(1, (int(std::bit_width(count - 1)) + 1) / 2);
  const uint64_t mask = (uint64_t(1) << half) - 1;
  do {
    uint64_t left = index >> half, right = index & mask;
    for (uint32_t round = 0; round < 4; ++round) {
      const Counter bits = philox(seed, {low(right), high(right), low(epoch), (high(epoch) << 2) | round});
      const uint64_t mixed = left ^ ((uint64_t(bits[1]) << 32 | bits[0]) & mask);
      left = right;
      right = mixed;
    }
    index = left << half | right;
  } while (index >= count);
  return index;
}

Batches::Batches(const Documents& documents, const BatchOptions& options, ThreadPool* pool) : documents_(documents), options_(options), pool_(pool) {
  if (documents.count() == 0) throw Error{ErrorKind::bad_file, "there are no documents", "train"};
}

const Document& Batches::document(uint64_t place) {
  if (place >= window_begin_ && place < window_begin_ + window_.size()) return window_[size_t(place - window_begin_)];
  window_begin_ = place;
  window_.assign(size_t(std::min(kWindow, documents_.count())), {});
  std::vector<std::optional<Error>> errors(window_.size());
  const auto make = [&](int64_t i) {
    const uint64_t at = place + uint64_t(i), epoch = at / documents_.count(), index = at % documents_.count();
    try {
      window_[size_t(i)] = documents_.at(options_.shuffle ? shuffled(index, documents_.count(), options_.seed, epoch) : index);
    } catch (const Error& error) {
      errors[size_t(i)] = error;
    }
  };
  if (pool_) pool_->parallel(int64_t(window_.size()), make);
  else
    for (size_t i = 0; i < window_.size(); ++i) make(int64_t(i));
  for (const auto& error : errors)
    if (error) {
      window_.clear();
      throw *error;
    }
  return window_.front();
}

// Rows that a document's text has: one less than ids in the causal objective, where the last is a label alone.
int64_t Batches::piece_rows(const Document& document, int64_t piece) const {
  if (options_.objective == Objective::seq2seq) return piece > 0 ? 0 : int64_t(document.ids.size()) + int64_t(options_.decoder.end.has_value());
  const bool causal = options_.objective == Objective::causal;
  const int64_t frame = options_.objective == Objective::masked ? int64_t(options_.masking.cls.has_value()) + int64_t(options_.masking.sep.has_value()) : 0;
  const int64_t rows = std::max<int64_t>(0, int64_t(document.ids.size()) - (causal ? 1 : 0)), room = std::max<int64_t>(1, options_.seq - frame);
  return piece > rows / room || piece * room == rows ? 0 : std::min(rows - piece * room, room) + frame;
}

void Batches::append(Batch& batch, const Document& document, uint64_t place, int64_t piece) const {
  const int64_t rows = piece_rows(document, piece);
  batch.counts.push_back(rows);
  batch.documents.push_back(place);
  const size_t first = batch.ids.size();
  if (options_.objective == Objective::masked) {
    const Masking& masking = options_.masking;
    const int64_t frame = int64_t(masking.cls.has_value()) + int64_t(masking.sep.has_value()), begin = piece * std::max<int64_t>(1, options_.seq - frame);
    const auto frame_token = [&](const std::optional<int32_t>& id) {
      if (!id) return;
      batch.ids.push_back(*id);
      batch.labels.push_back(kIgnored);
    };
    frame_token(masking.cls);
    for (int64_t i = 0; i < rows - frame; ++i) {
      const int32_t id = document.ids[size_t(begin + i)];
      const Counter bits = philox(options_.seed ^ kMaskStream, {low(place), high(place), uint32_t(begin + i), 0});
      const bool chosen = double(uniform(bits[0])) < masking.probability;
      const double kind = double(uniform(bits[1]));
      const int32_t any = int32_t((uint64_t(bits[2]) * uint64_t(masking.vocab_size)) >> 32);
      batch.ids.push_back(!chosen || kind >= 0.9 ? id : kind < 0.8 ? masking.mask_id : any);
      batch.labels.push_back(chosen ? id : kIgnored);
    }
    frame_token(masking.sep);
  } else if (options_.objective == Objective::seq2seq) {
    // The decoder reads start t1 … tn and is scored on t1 … tn end.
    batch.ids.push_back(options_.decoder.start);
    batch.ids.insert(batch.ids.end(), document.ids.begin(), document.ids.end());
    batch.labels.insert(batch.labels.end(), document.ids.begin(), document.ids.end());
    if (options_.decoder.end) batch.labels.push_back(*options_.decoder.end);
    else batch.ids.pop_back();
    batch.source.insert(batch.source.end(), document.source.begin(), document.source.end());
    batch.source_counts.push_back(int64_t(document.source.size()));
  } else {
    const auto begin = std::ptrdiff_t(piece * options_.seq), end = begin + std::ptrdiff_t(rows);
    const std::vector<int32_t>& labels = options_.objective == Objective::causal ? document.ids : document.labels;
    const std::ptrdiff_t shift = options_.objective == Objective::causal ? 1 : 0;
    batch.ids.insert(batch.ids.end(), document.ids.begin() + begin, document.ids.begin() + end);
    batch.labels.insert(batch.labels.end(), labels.begin() + begin + shift, labels.begin() + end + shift);
  }
  for (size_t i = first; i < batch.labels.size(); ++i) batch.targets += batch.labels[i] >= 0;
  batch.types.resize(batch.ids.size(), 0);
}

bool Batches::fill(Batch& batch, Cursor& cursor, uint64_t end) {
  batch = {};
  const int64_t capacity = options_.batch * options_.seq;
  uint64_t without_rows = 0;
  while (cursor.document < end) {
    const Document& current = document(cursor.document);
    const bool whole = options_.objective == Objective::token || options_.objective == Objective::seq2seq;   // records are never cut
    const int64_t longest = std::max(piece_rows(current, 0), int64_t(current.source.size()));
    if (whole && longest > options_.seq)
      throw Error{ErrorKind::bad_usage, "a record has " + std::to_string(longest) + " tokens, and seq is " + std::to_string(options_.seq), "train"};
    const int64_t rows = piece_rows(current, cursor.piece);
    if (rows == 0) {
      if (cursor.piece == 0 && ++without_rows > documents_.count()) throw Error{ErrorKind::bad_file, "no document is long enough to learn from", "train"};
      cursor = {cursor.document + 1, 0};
      continue;
    }
    if (batch.rows() + rows > capacity || int64_t(batch.source.size() + current.source.size()) > capacity) return true;
    append(batch, current, cursor.document, cursor.piece);
    ++cursor.piece;
    if (piece_rows(current, cursor.piece) == 0) cursor = {cursor.document + 1, 0};
    if (batch.rows() == capacity) return true;
  }
  return !batch.counts.empty();
}

Batch Batches::next(Cursor& cursor) {
  Batch batch;
  fill(batch, cursor, ~uint64_t(0));
  return batch;
}

bool Batches::next_of_epoch(Cursor& cursor, Batch& batch) { return fill(batch, cursor, (cursor.document / documents_.count() + 1) * documents_.count()); }

}  // namespace orrery
