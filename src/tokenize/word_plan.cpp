// Ids alone, word by word: which tokenizers allow it, and how it is done.
#include <array>

#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {
constexpr std::string_view kMetaspace = "\xE2\x96\x81";

// The normaliser of Llama 2's tokenizer.json: a ▁ in front, and for each space.
const Json& metaspace_normalizer() {
  static const Json made = {{"type", "Sequence"},
                            {"normalizers", Json::array({{{"type", "Prepend"}, {"prepend", kMetaspace}}, {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kMetaspace}}})}};
  return made;
}
}  // namespace

// Whether white space is left in its place, so that a text cut before it becomes what it becomes as a whole.
bool Tokenizer::Parts::keeps_white_space() const {
  for (const char space : {' ', '\n', '\r', '\t'}) {
    AlignedText text{.text = std::string("a") + space + "b", .origin = {}, .tracked = false};
    normalizer->normalize(text);
    const std::string_view made = text.text;
    if (made.size() != 3 || !is(static_cast<unsigned char>(made[1]), kWhitespace) || (space == ' ' && made[1] != ' ')) return false;
  }
  return true;
}

WordPlan Tokenizer::Parts::plan_words() const {
  if (!normalizer && pre_tokenizer)
    if (const Words own = pre_tokenizer->words(); own.scan && own.bytes && model->reads_bytes()) return {WordWay::pieces, own.scan};
  if (added.look_at_normalized()) return {};
  if (!pre_tokenizer) {
    const bool metaspace = json.contains("normalizer") && json["normalizer"] == metaspace_normalizer() && model->parts_at_metaspace();
    return metaspace ? WordPlan{WordWay::metaspace, words_at_spaces} : WordPlan{};
  }
  if (normalizer && !(normalizer->is_local() && keeps_white_space())) return {};
  switch (pre_tokenizer->safe_cuts()) {
    case SafeCuts::none: return {};
    case SafeCuts::spaces: return {WordWay::apart, words_at_spaces};
    case SafeCuts::white_space: return {WordWay::apart, words_at_white_space};
  }
  return {};
}

// What the post-processor puts around the ids of any text, where it leaves those as they are.
std::optional<Tokenizer::Parts::Around> Tokenizer::Parts::plan_around(bool add_special) const {
  if (!post_processor) return Around{};
  constexpr int32_t kText = INT32_MIN;
  std::vector<Encoding> text(1);
  text[0].ids = {kText};
  Around around;
  size_t texts = 0;
  try {
    for (const Encoding& part : post_processor->process(std::move(text), add_special))
      for (const int32_t id : part.ids) {
        if (id == kText) ++texts;
        else (texts == 0 ? around.before : around.after).push_back(id);
      }
  } catch (const Error&) {
    return std::nullopt;   // encoding will tell it
  }
  return texts == 1 ? std::optional(around) : std::nullopt;
}

// Nothing where the long way has to be gone.
std::optional<std::vector<int32_t>> Tokenizer::Parts::quick_ids(std::string_view text, const EncodeOptions& options) const {
  const std::optional<Around>& around = around_text[options.add_special];
  if (!words.scan || !around || options.pair || options.truncation || text.size() > INT32_MAX || model->sentencepiece() || !is_valid_utf8(text)) return std::nullopt;
  return ids_of_words(text, options, *around);
}

// Text that begins after an added token or at the start is its first word; where words are the pieces' own, that is like any other.
std::vector<int32_t> Tokenizer::Parts::ids_of_words(std::string_view text, const EncodeOptions& options, const Around& around) const {
  const RunPool::Lease run = runs.take(*model);
  IdBuffer& ids = run->ids;
  ids.clear();
  ids.append(around.before);
  std::array<uint32_t, 512> ends;
  std::string spelled;
  const auto find = [&](std::string_view word, std::vector<TokenSpan>& out) {
    if (words.how == WordWay::pieces) return run->model->tokenize_once(word, /*bytes=*/true, out);
    if (words.how == WordWay::apart) return tokenize_apart(word, *run->model, out);
    spelled.clear();
    for (const char c : word)
      if (c == ' ') spelled += kMetaspace;
      else spelled += c;
    run->model->tokenize(spelled, /*bytes=*/false, out);
  };
  const auto append = [&](std::string_view open) {
    size_t at = 0;
    if (words.how == WordWay::metaspace) {
      uint32_t end = 0;
      if (words.scan(open, 0, &end, 1) == 0) return;
      std::vector<TokenSpan> first;
      tokenize_apart(open.substr(0, end), *run->model, first);
      for (const TokenSpan& token : first) ids.push_back(token.id);
      at = end;
    }
    for (; const size_t count = words.scan(open, at, ends.data(), ends.size()); at = ends[count - 1])
      run->words.tokenize(open, at, std::span(ends.data(), count), ids, find);
  };
  if (added.may_be_in(text)) {
    Pieces pieces(text, /*tracked=*/false);
    const bool as_text = options.specials_as_text || specials_as_text;
    added.cut_raw(pieces, as_text);
    if (words.how == WordWay::pieces) added.cut_normalized(pieces, as_text);
    for (const Piece& piece : pieces.all()) {
      if (piece.token == Piece::kOpen) append(pieces.text(piece));
      else ids.push_back(piece.token);
    }
  } else {
    append(text);
  }
  ids.append(around.after);
  return {ids.ids().begin(), ids.ids().end()};
}

// The tokens of a text by itself, without added tokens; their places in it are not told.
void Tokenizer::Parts::tokenize_apart(std::string_view text, ModelRun& run, std::vector<TokenSpan>& out) const {
  Pieces pieces(text, /*tracked=*/false);
  if (normalizer) pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
  if (pre_tokenizer) pre_tokenizer->pre_tokenize(pieces);
  if (!model->reads_bytes()) pieces.spell_bytes();
  for (const Piece& piece : pieces.all()) run.tokenize(pieces.text(piece), pieces.bytes(), out);
}

}  // namespace orrery
