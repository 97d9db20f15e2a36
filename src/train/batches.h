// Documents packed into batches: sequences end to end, each with positions from 0, nothing padded.
//
//   Batches batches(documents, {.objective = Objective::causal, .batch = 8, .seq = 256, .seed = 1}, &pool);
//   Cursor cursor;                        // where the reading stands: two integers, all the state there is
//   Batch batch = batches.next(cursor);   // a pure function of (documents, options, cursor)
//
// A document longer than `seq` is cut into sequences of `seq` rows; none is lost. A sequence that does not fit into what
// remains of a batch opens the next one, so a batch has at most batch * seq rows (and as many of sources). Each epoch reads the documents in an
// order of its own.
#pragma once

#include <optional>
#include <vector>

#include "base/threads.h"
#include "train/documents.h"

namespace orrery {

enum class Objective : uint8_t { causal, masked, token, seq2seq };
Objective objective_named(const std::string& name);

struct Cursor {
  uint64_t document = 0;   // read before: epochs * count + place in the epoch
  int64_t piece = 0;       // sequences of that document that were read
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct Batch {
  std::vector<int32_t> ids, labels, types;   // labels: kIgnored where nothing is scored; types: all 0
  std::vector<int64_t> counts;               // rows of each sequence
  std::vector<uint64_t> documents;           // and the document that it is from
  std::vector<int32_t> source;               // of seq2seq: what the encoder reads, sequence after sequence
  std::vector<int64_t> source_counts;
  int64_t targets = 0;                       // labels that are scored
  int64_t rows() const { return int64_t(ids.size()); }
};

// What the masked objective must know of the vocabulary (Devlin et al. 2018, 3.1): of the chosen tokens 80 % become the
// mask, 10 % any token, and 10 % stay. Tokens of the tokenizer's own (cls, sep) are never chosen.
struct Masking {
  double probability = 0.15;
  int32_t mask_id = 0, vocab_size = 0;
  std::optional<int32_t> cls, sep;
};

// What the decoder of an encoder-decoder begins with, and what ends its text.
struct DecoderFrame {
  int32_t start = 0;
  std::optional<int32_t> end = {};
};

struct BatchOptions {
  Objective objective = Objective::causal;
  int64_t batch = 8, seq = 256;
  uint64_t seed = 0;
  bool shuffle = true;
  Masking masking = {};
  DecoderFrame decoder = {};
};

class Batches {
 public:
  Batches(const Documents& documents, const BatchOptions& options, ThreadPool* pool = nullptr);
  // Goes on without end, epoch after epoch.
  Batch next(Cursor& cursor);
  // The same, but an epoch's end ends the batch: false when there is nothing more.
  bool next_of_epoch(Cursor& cursor, Batch& batch);
  // Whether reading can stand there: at a document's beginning, or between two sequences of it.
  bool holds(const Cursor& cursor) { return cursor.piece == 0 || (cursor.piece > 0 && piece_rows(document(cursor.document), cursor.piece) > 0); }

 private:
  bool fill(Batch& batch, Cursor& cursor, uint64_t end);
  const Document& document(uint64_t place);
  int64_t pieces(const Document& document) const;
  void append(Batch& batch, const Document& document, uint64_t place, int64_t piece) const;
  int64_t piece_rows(const Document& document, int64_t piece) const;

  const Documents& documents_;
  BatchOptions options_;
  ThreadPool* pool_;
  std::vector<Document> window_;   // documents made ahead, in reading order
  uint64_t window_begin_ = 0;
};

// The index-th of `count` in the order of an epoch: a permutation by a Feistel network over Philox, walked until it
// lands inside. Needs no memory.
uint64_t shuffled(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch);

}  // namespace orrery
