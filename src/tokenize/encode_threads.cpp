// One long text on several threads. What lies between its added tokens is cut where a part of it surely begins, and each thread reads
// the parts from there to the next cut where they stand in the whole: whatever looks around a part sees what one thread would see,
// so tokens, places and numbers of words are the same. Cuts are made
//
//   of parts    before any of them: where they begin hangs on the bytes around that place alone (word_parts.h)
//   of words    after a letter or number, before what is neither, no mark and no apostrophe. No expression that is scanned by hand
//               has a match across such a place, so one begins there; and a match that begins in a place known is found from it
//
// A text without such places, and one that is not read part by part at all (word_plan.cpp), is read by one thread.
#include <algorithm>
#include <exception>
#include <utility>

#include "base/threads.h"
#include "base/unicode.h"
#include "tokenize/offset_map.h"
#include "tokenize/scanners.h"
#include "tokenize/part_rows.h"

namespace orrery {

namespace {

constexpr size_t kSharesPerThread = 4;   // one that takes long is made up for

bool parts_words(char32_t last, char32_t next) {
  return (scan::kind(last) & (kLetter | kNumber)) != 0 && (unicode_classes(next) & (kLetter | kNumber | kMark)) == 0 && next != U'\'';
}

// The first word that begins at `from` or later, not at the beginning of the text, where that is sure; npos for none.
size_t sure_word(std::string_view text, size_t from) {
  while (from < text.size() && (static_cast<unsigned char>(text[from]) & 0xC0) == 0x80) ++from;
  char32_t last = decode_valid_utf8(text, previous_utf8(text, from)).value;
  while (from < text.size()) {
    const CodePoint next = decode_valid_utf8(text, from);
    if (parts_words(last, next.value)) return from;
    last = next.value;
    from += next.size;
  }
  return std::string_view::npos;
}

// Runs f(i) for each of so many tasks; throws what the first of those that failed threw.
template <class F>
void run_all(ThreadPool& pool, size_t tasks, F f) {
  std::vector<std::exception_ptr> failed(tasks);
  pool.parallel(static_cast<int64_t>(tasks), [&](int64_t task) {
    const auto i = static_cast<size_t>(task);
    try {
      f(i);
    } catch (...) {
      failed[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& one : failed)
    if (one) std::rethrow_exception(one);
}

}  // namespace

bool Tokenizer::Parts::goes_on_threads(std::string_view text, const EncodeOptions& options) const {
  return options.pool && options.pool->num_threads() > 1 && text.size() >= 2 * std::max<size_t>(options.least_share, 1);
}

// The first place after byte `from` where words may be cut; npos for none.
size_t Tokenizer::Parts::word_after(std::string_view open, size_t from) const {
  return words.how == WordWay::pieces ? sure_word(open, from + 1) : PartScanner::first_after(cuts_of(open), open, from);
}

// The text in shares of about the same size.
std::vector<Tokenizer::Parts::Share> Tokenizer::Parts::shares_of(const Pieces& pieces, const EncodeOptions& options) const {
  size_t bytes = 0;
  for (const Piece& piece : pieces.all()) bytes += piece.end - piece.begin;
  const size_t most = std::max<size_t>({options.least_share, bytes / (kSharesPerThread * static_cast<size_t>(options.pool->num_threads())), 1});
  std::vector<Share> shares(1);
  size_t room = most;   // in the last share
  const auto next_share = [&] {
    shares.emplace_back();
    room = most;
  };
  for (const Piece& piece : pieces.all()) {
    Stretch left(pieces, piece);
    const bool may_be_cut = left.token == Piece::kOpen && !begins_with_nothing(left.open);
    while (may_be_cut && left.end - left.begin > room) {
      const size_t cut = word_after(left.open, left.begin + room - 1);
      if (cut >= left.end) break;
      Stretch first = left;
      left.begin = first.end = static_cast<uint32_t>(cut);
      shares.back().push_back(first);
      next_share();
    }
    shares.back().push_back(left);
    const size_t size = left.end - left.begin;
    if (size < room) room -= size;
    else next_share();
  }
  return shares;
}

std::vector<int32_t> Tokenizer::Parts::ids_on_threads(std::string_view text, bool is_normal, const EncodeOptions& options, const Around& around) const {
  Pieces pieces(text, /*tracked=*/false);
  is_normal ? cut_added(pieces, options) : normalize(pieces, options);
  const std::vector<Share> shares = shares_of(pieces, options);
  std::vector<IdBuffer> made(shares.size());
  run_all(*options.pool, shares.size(), [&](size_t i) {
    const RunPool::Lease run = runs.take(*model);
    for (const Stretch& stretch : shares[i]) add_ids(stretch, *run, made[i]);
  });
  std::vector<int32_t> ids = around.before.ids;
  size_t size = ids.size() + around.after.size();
  for (const IdBuffer& one : made) size += one.ids().size();
  ids.reserve(size);
  for (const IdBuffer& one : made) ids.insert(ids.end(), one.ids().begin(), one.ids().end());
  ids.insert(ids.end(), around.after.ids.begin(), around.after.ids.end());
  return ids;
}

Encoding Tokenizer::Parts::encode_on_threads(std::string_view text, int32_t sequence, const EncodeOptions& options) const {
  Pieces pieces(text, /*tracked=*/false);
  cut_added(pieces, options);
  const std::vector<Share> shares = shares_of(pieces, options);
  const OffsetMap offsets_of(text, options.unit);
  struct Made {
    TokenRows rows;
    TokenTexts texts;
    int32_t words = 0;
  };
  std::vector<Made> made(shares.size());
  run_all(*options.pool, shares.size(), [&](size_t i) {
    const RunPool::Lease run = runs.take(*model);
    PartRows rows(*this, offsets_of, *run->model, made[i].rows, made[i].texts);
    for (const Stretch& stretch : shares[i]) add_rows(stretch, *run, rows);
    made[i].words = rows.next_word();
  });

  Encoding out;
  out.texts = TokenTexts({model, &model->vocab()});
  std::vector<TokenRows::Part> parts;
  size_t size = 0;
  int32_t word = 0;
  for (Made& one : made) {
    parts.push_back({&one.rows, word});
    out.texts.append(size, std::move(one.texts), {});
    size += one.rows.size();
    word += one.words;
  }
  TokenRows::take(parts, out, {sequence, sequence}, [&](int64_t tasks, auto f) { options.pool->parallel(tasks, f); });
  return out;
}

}  // namespace orrery
