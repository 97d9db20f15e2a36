// The ids of many texts. A short text's words are too few to be answered one by one while the memory of words is asked for others:
// it would be waited for once a text. So the words of the next few texts are asked for before those of one are answered.
#include "base/utf8.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

// A text whose words were asked for; or one that has none, or too many, or something to be seen to first.
struct Tokenizer::Parts::ShortText {
  static constexpr size_t kMostBytes = 256;

  std::string_view text;
  std::array<WordPart, WordIds::kBatch + 1> parts;
  size_t count = 0;
  WordIds::Batch batch;

  WordsApart words() const { return {text, std::span(parts).first(count)}; }
};

// The parts of a text that is read as it stands, all of them; else none.
size_t Tokenizer::Parts::short_parts(std::string_view text, std::span<WordPart> parts) const {
  if (text.size() > ShortText::kMostBytes || !is_valid_utf8(text) || !goes_by_parts(text) || added.may_be_in(text)) return 0;
  if (words.how != WordWay::pieces) {
    PartScanner scanner(cuts_of(text), text);
    const size_t count = scanner.next(parts);
    return count < parts.size() ? count : 0;
  }
  if (!is_left(text)) return 0;
  std::array<uint32_t, 2 * 64> ends;   // of more than 64 the scanner writes many at once
  const size_t count = words.scan(text, 0, ends.data(), ends.size());
  if (count >= parts.size()) return 0;
  uint32_t begin = 0;
  for (size_t i = 0; i < count; begin = ends[i++]) parts[i] = {begin, ends[i], false};
  return count;
}

IdLists Tokenizer::Parts::ids_of_each(std::span<const std::string_view> texts, const EncodeOptions& options, const Around& around) const {
  constexpr size_t kAhead = 2;
  const RunPool::Lease run = runs.take(*model);
  IdBuffer& ids = run->ids;
  ids.clear();
  std::array<ShortText, kAhead + 1> asked;
  const auto ask = [&](size_t i) {
    ShortText& one = asked[i % asked.size()];
    one.text = texts[i];
    one.count = short_parts(one.text, one.parts);
    if (one.count > 0) run->words.ask(one.words(), one.batch);
  };
  const auto answer = [&](size_t i) {
    ShortText& one = asked[i % asked.size()];
    if (one.count > 0) {
      ids.append(around.before.ids);
      run->words.answer(one.words(), one.batch, ids, [&](const WordPart& part, std::vector<TokenSpan>& out) { find_ids(one.text, part, *run->model, out); });
      ids.append(around.after.ids);
    } else if (is_valid_utf8(one.text) && goes_by_parts(one.text)) {
      add_ids(one.text, words.how != WordWay::pieces || is_left(one.text), options, around, *run);
    } else {
      EncodeOptions own = options;
      own.seed += i;
      ids.append(encode(one.text, own, /*ids_only=*/true).ids);
    }
  };
  IdLists all;
  all.ends.reserve(texts.size());
  for (size_t i = 0; i < texts.size() + kAhead; ++i) {
    if (i < texts.size()) ask(i);
    if (i < kAhead) continue;
    answer(i - kAhead);
    all.ends.push_back(ids.ids().size());
  }
  all.ids.assign(ids.ids().begin(), ids.ids().end());
  return all;
}

}  // namespace orrery
