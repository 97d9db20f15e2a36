// Any JSON as the trainer.json of a checkpoint: refused, or it goes out as it came in; and where its cursor holds, batches of a few
// small documents go on from there, with ids and labels of the vocabulary, as often as asked the same.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "check.h"
#include "train/batches.h"
#include "train/documents.h"
#include "train/trainer_state.h"

namespace {

using namespace orrery;

constexpr int32_t kWords = 40, kMask = 40, kCls = 41, kSep = 42, kStart = 43, kEnd = 44, kVocabulary = 45;

// Shorter than a sequence, of several, and with nothing to predict in the causal objective.
std::unique_ptr<Documents> make_documents(Objective objective) {
  std::vector<Document> list;
  for (const int32_t length : {5, 30, 1, 12}) {
    Document document;
    for (int32_t i = 0; i < length; ++i) {
      document.ids.push_back((7 * length + i) % kWords);
      if (objective == Objective::token) document.labels.push_back(i % 3 == 0 ? kIgnored : i % kWords);
      if (objective == Objective::seq2seq) document.source.push_back((3 * i) % kWords);
    }
    list.push_back(std::move(document));
  }
  return documents_of(std::move(list));
}

bool in_vocabulary(int32_t id) { return id >= 0 && id < kVocabulary; }

void check(const Batch& batch, const BatchOptions& options) {
  FUZZ_CHECK(!batch.ids.empty() && batch.rows() <= options.batch * options.seq);
  FUZZ_CHECK(batch.labels.size() == batch.ids.size() && batch.types.size() == batch.ids.size());
  FUZZ_CHECK(std::all_of(batch.ids.begin(), batch.ids.end(), in_vocabulary) && std::all_of(batch.source.begin(), batch.source.end(), in_vocabulary));
  FUZZ_CHECK(std::all_of(batch.labels.begin(), batch.labels.end(), [](int32_t label) { return label == kIgnored || in_vocabulary(label); }));
  FUZZ_CHECK(batch.targets == std::count_if(batch.labels.begin(), batch.labels.end(), in_vocabulary));
  int64_t rows = 0, source = 0;
  for (const int64_t count : batch.counts) rows += count;
  for (const int64_t count : batch.source_counts) source += count;
  FUZZ_CHECK(rows == batch.rows() && source == int64_t(batch.source.size()) && batch.documents.size() == batch.counts.size());
}

void go_on(const BatchOptions& options, const Cursor& begin) {
  const std::unique_ptr<Documents> documents = make_documents(options.objective);
  Batches batches(*documents, options), others(*documents, options);
  if (!batches.holds(begin)) return;
  Cursor cursor = begin, other = begin;
  for (int i = 0; i < 3; ++i) {
    const Batch batch = batches.next(cursor), same = others.next(other);
    check(batch, options);
    FUZZ_CHECK(cursor == other && batch.ids == same.ids && batch.labels == same.labels && batch.source == same.source);
    FUZZ_CHECK(batches.holds(cursor) && cursor != begin);
    Cursor last = begin;
    others.next(last);   // looks at other documents in between
  }
  Batch batch;
  if (batches.next_of_epoch(cursor, batch)) check(batch, options);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = parse_json({reinterpret_cast<const char*>(data), size}, "input");
  if (!json) return 0;
  const auto state = TrainerState::from_json(*json, "input");
  if (!state) {
    FUZZ_CHECK(!state.error().what.empty());
    return 0;
  }
  FUZZ_CHECK(state->step >= 0 && state->cursor.piece >= 0 && state->recipe.is_object());
  const auto again = TrainerState::from_json(state->to_json(), "again");
  FUZZ_CHECK(again && again->step == state->step && again->cursor == state->cursor && again->recipe == state->recipe && again->kernels == state->kernels);

  const Masking masking{.probability = 0.5, .mask_id = kMask, .vocab_size = kVocabulary, .cls = kCls, .sep = kSep};
  for (const bool shuffle : {false, true}) {
    const uint64_t seed = uint64_t(state->step);
    go_on({.objective = Objective::causal, .batch = 2, .seq = 8, .seed = seed, .shuffle = shuffle}, state->cursor);
    go_on({.objective = Objective::masked, .batch = 2, .seq = 8, .seed = seed, .shuffle = shuffle, .masking = masking}, state->cursor);
    go_on({.objective = Objective::token, .batch = 2, .seq = 32, .seed = seed, .shuffle = shuffle}, state->cursor);   // never cut: the longest must fit
    go_on({.objective = Objective::seq2seq, .batch = 2, .seq = 32, .seed = seed, .shuffle = shuffle, .decoder = {kStart, kEnd}}, state->cursor);
  }
  return 0;
}
