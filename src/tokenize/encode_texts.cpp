// Many texts. A short text's words are too few to be answered one by one while the memory of words is asked for others: it would be waited
// for once a text. So the words of the next few texts are asked for before those of one are answered.
#include "base/utf8.h"
#include "tokenize/part_rows.h"

namespace orrery {

namespace {
constexpr size_t kMostBytes = 256;   // of a short text
constexpr size_t kRoom = 1024, kMostRoom = size_t(1) << 20;   // ids that memory is asked for before there are any
constexpr size_t kBounds = 2 * 64 + 1;   // where more than 64 may be written the scanner tells many at once

// A text whose words `Memory` was asked for; or one that has none, or too many, or something to be seen to first.
template <class Memory>
struct ShortText {
  std::string_view text;
  std::array<uint32_t, kBounds> bounds;   // of words that lie end to end
  std::array<WordPart, Memory::kBatch + 1> parts;
  size_t count = 0;
  typename Memory::Batch batch;

  std::span<const WordPart> words() const { return std::span(parts).first(count); }
};

// Calls ask(text) of each, and answer(text, i) of text i when those of the next few were asked for.
template <class Memory, class Ask, class Answer>
void each_in_turn(std::span<const std::string_view> texts, Ask ask, Answer answer) {
  constexpr size_t kAhead = 2;
  std::array<ShortText<Memory>, kAhead + 1> asked;
  for (size_t i = 0; i < texts.size() + kAhead; ++i) {
    if (i < texts.size()) {
      asked[i % asked.size()].text = texts[i];
      ask(asked[i % asked.size()]);
    }
    if (i >= kAhead) answer(asked[(i - kAhead) % asked.size()], i - kAhead);
  }
}
}  // namespace

// Is a text short, and read as it stands?
bool Tokenizer::Parts::is_short(std::string_view text) const { return text.size() <= kMostBytes && is_quick(text) && !added.may_be_in(text); }

// The words of one, all of them and end to end: their number, or none where there are too many or others.
size_t Tokenizer::Parts::short_words(std::string_view text, std::span<uint32_t> bounds, size_t most) const {
  if (!is_short(text)) return 0;
  bounds[0] = 0;
  const size_t count = words.scan(text, 0, bounds.data() + 1, bounds.size() - 1);
  return count <= most ? count : 0;
}
// The parts of one, likewise.
size_t Tokenizer::Parts::short_parts(std::string_view text, std::span<WordPart> parts) const {
  if (!is_short(text)) return 0;
  PartScanner scanner(cuts_of(text), text);
  const size_t count = scanner.next(parts);
  return count < parts.size() ? count : 0;
}

IdLists Tokenizer::Parts::ids_of_each(std::span<const std::string_view> texts, const EncodeOptions& options, const Around& around) const {
  const RunPool::Lease run = runs.take(*model);
  IdLists all;
  all.ends.reserve(texts.size());
  IdBuffer& ids = all.ids;
  size_t bytes = 0;
  for (const std::string_view text : texts) bytes += text.size();
  ids.reserve(std::min(bytes / 3 + kRoom, kMostRoom));
  const bool end_to_end = words.how == WordWay::pieces;
  const auto with_words = [&](ShortText<WordIds>& one, auto use) { end_to_end ? use(WordsInRow{one.text, std::span(one.bounds).first(one.count + 1)}) : use(WordsApart{one.text, one.words()}); };
  const auto ask = [&](ShortText<WordIds>& one) {
    one.count = end_to_end ? short_words(one.text, one.bounds, WordIds::kBatch) : short_parts(one.text, one.parts);
    if (one.count > 0) with_words(one, [&](const auto& asked) { run->words.ask(asked, one.batch); });
  };
  const auto answer = [&](ShortText<WordIds>& one, size_t i) {
    if (one.count > 0) {
      ids.append(around.before.ids);
      const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) { find_ids(one.text, part, *run->model, out); };
      with_words(one, [&](const auto& asked) { run->words.answer(asked, one.batch, ids, find); });
      ids.append(around.after.ids);
    } else if (is_valid_utf8(one.text) && goes_by_parts(one.text)) {
      add_ids(one.text, !end_to_end || is_left(one.text), options, around, *run, ids);
    } else {
      EncodeOptions own = options;
      own.seed += i;
      ids.append(encode(one.text, own, /*ids_only=*/true).ids);
    }
    all.ends.push_back(ids.size());
  };
  each_in_turn<WordIds>(texts, ask, answer);
  ids.shrink_to_fit();
  return all;
}

void Tokenizer::Parts::encode_each(std::span<const std::string_view> texts, const EncodeOptions& options, const Around& around, const EachEncoding& each) const {
  const RunPool::Lease run = runs.take(*model);
  WordTokens& known_parts = run->parts[options.unit == OffsetUnit::chars];
  OffsetMap offsets_of(options.unit);
  Encoding made;
  const auto ask = [&](ShortText<WordTokens>& one) {
    if (words.how == WordWay::pieces) {
      one.count = short_words(one.text, one.bounds, WordTokens::kBatch);
      for (size_t w = 0; w < one.count; ++w) one.parts[w] = {one.bounds[w], one.bounds[w + 1], false};
    } else {
      one.count = short_parts(one.text, one.parts);
      if (one.count > 0 && begins_with_nothing(one.text)) one.count = 0;   // then it is one part
    }
    if (one.count > 0) known_parts.ask(one.text, one.words(), one.batch);
  };
  const auto answer = [&](ShortText<WordTokens>& one, size_t i) {
    if (one.count > 0) {
      offsets_of.read(one.text);
      begin_rows(around, run->rows, made);
      PartRows rows(*this, offsets_of, *run->model, run->rows, made.texts);
      rows.begin(Stretch(one.text));
      known_parts.answer(one.text, one.words(), one.batch, rows);
      finish_rows(around, run->rows, made);
    } else if (is_quick(one.text)) {
      quick_encoding(one.text, options, around, *run, made);
    } else {
      EncodeOptions own = options;
      own.seed += i;
      made = encode(one.text, own, /*ids_only=*/false);
    }
    each(i, made);
  };
  each_in_turn<WordTokens>(texts, ask, answer);
}

}  // namespace orrery
