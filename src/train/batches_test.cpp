#include "train/batches.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace orrery;

namespace {

std::unique_ptr<Documents> counted(std::vector<int> lengths) {
  std::vector<Document> documents;
  int32_t next = 100;
  for (const int length : lengths) {
    Document document;
    for (int i = 0; i < length; ++i) document.ids.push_back(next++);
    documents.push_back(std::move(document));
  }
  return documents_of(std::move(documents));
}

}  // namespace

TEST_CASE("an order of an epoch is a permutation, and each epoch has its own") {
  for (const uint64_t count : {1u, 2u, 3u, 7u, 64u, 1000u, 1025u}) {
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < count; ++i) seen.insert(shuffled(i, count, 5, 0));
    CHECK(seen.size() == count);
    CHECK(*seen.rbegin() == count - 1);
  }
  int same = 0;
  for (uint64_t i = 0; i < 1000; ++i) same += shuffled(i, 1000, 5, 0) == shuffled(i, 1000, 5, 1);
  CHECK(same < 20);
}

TEST_CASE("documents are packed end to end, cut at seq, and every next token is a label once") {
  const auto documents = counted({5, 30, 2, 9, 1, 17});
  BatchOptions options{Objective::causal, 3, 8, 1, false, {}};
  Batches batches(*documents, options);
  Cursor cursor;
  std::map<int32_t, int> labels;
  for (Batch batch; cursor.document < documents->count() && batches.next_of_epoch(cursor, batch);) {
    CHECK(batch.rows() <= 24);
    int64_t rows = 0;
    for (const int64_t count : batch.counts) {
      CHECK((count >= 1 && count <= 8));
      rows += count;
    }
    CHECK(rows == batch.rows());
    CHECK(batch.targets == batch.rows());
    for (int64_t i = 0; i < batch.rows(); ++i) {
      CHECK(batch.labels[size_t(i)] == batch.ids[size_t(i)] + 1);
      ++labels[batch.labels[size_t(i)]];
    }
  }
  CHECK(labels.size() == 4 + 29 + 1 + 8 + 0 + 16);
  for (const auto& [label, times] : labels) CHECK(times == 1);
}

TEST_CASE("a batch is a function of the cursor alone") {
  const auto documents = counted({5, 30, 12, 9, 3, 17, 22, 4});
  ThreadPool pool(2);
  BatchOptions options{Objective::causal, 2, 8, 3, true, {}};
  Batches whole(*documents, options, &pool);
  Cursor cursor;
  for (int i = 0; i < 40; ++i) {
    const Cursor before = cursor;
    const Batch batch = whole.next(cursor);
    Batches fresh(*documents, options);
    Cursor again = before;
    const Batch same = fresh.next(again);
    CHECK(same.ids == batch.ids);
    CHECK(same.labels == batch.labels);
    CHECK(same.counts == batch.counts);
    CHECK(again == cursor);
  }
}

TEST_CASE("reading stands at documents' beginnings and between their sequences, and nowhere else") {
  const auto documents = counted({5, 30, 12});
  Batches batches(*documents, {Objective::causal, 2, 8, 3, false, {}});
  for (const Cursor& good : {Cursor{}, Cursor{1, 3}, Cursor{4, 1}, Cursor{~uint64_t(0), 0}}) CHECK(batches.holds(good));
  for (const Cursor& bad : {Cursor{0, 1}, Cursor{1, 4}, Cursor{1, 2305842871774740480}, Cursor{1, INT64_MAX}, Cursor{1, -1}}) CHECK_FALSE(batches.holds(bad));
}

TEST_CASE("masked tokens are 15 %, of which 80 % are the mask, 10 % any token and 10 % as they were") {
  std::vector<Document> texts(1);
  texts[0].ids.assign(200000, 7);
  const auto documents = documents_of(std::move(texts));
  BatchOptions options{Objective::masked, 64, 128, 1, false, {0.15, 4, 1000, 2, 3}};
  Batches batches(*documents, options);
  Cursor cursor;
  double tokens = 0, chosen = 0, masked = 0, kept = 0;
  for (Batch batch; cursor.document < 1 && batches.next_of_epoch(cursor, batch);)
    for (size_t i = 0; i < batch.ids.size(); ++i) {
      if (batch.ids[i] == 2 || batch.ids[i] == 3) {
        if (batch.labels[i] == kIgnored) continue;   // the frame, or a random token that is such an id
      }
      ++tokens;
      if (batch.labels[i] == kIgnored) {
        CHECK(batch.ids[i] == 7);
        continue;
      }
      CHECK(batch.labels[i] == 7);
      ++chosen;
      masked += batch.ids[i] == 4;
      kept += batch.ids[i] == 7;
    }
  CHECK(tokens == 200000);
  CHECK(chosen / tokens == doctest::Approx(0.15).epsilon(0.03));
  CHECK(masked / chosen == doctest::Approx(0.8).epsilon(0.02));
  CHECK(kept / chosen == doctest::Approx(0.1).epsilon(0.06));
}

TEST_CASE("data without anything to learn is an error, not an endless search") {
  const auto documents = counted({1, 1, 1});
  Batches batches(*documents, {Objective::causal, 1, 4, 0, true, {}});
  Cursor cursor;
  CHECK_THROWS_AS(batches.next(cursor), Error);
}
