// Encoding a text part by part, as word_plan.cpp allows it: parts met before are known with their tokens, others go the long way.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "tokenize/part_rows.h"

namespace orrery {

namespace {
constexpr std::string_view kMetaspace = "\xE2\x96\x81";

std::string_view word_of(std::string_view text, const WordPart& part) { return text.substr(part.begin, part.end - part.begin); }

// What a token covers of its part.
std::string_view covered(std::string_view part, TokenPlace place, bool in_characters) {
  if (!in_characters) return part.substr(place.begin, size_t(place.end) - place.begin);
  const auto byte_of = [&](uint8_t characters) {
    size_t at = 0;
    for (uint8_t begun = 0; at < part.size(); ++at)
      if ((static_cast<unsigned char>(part[at]) & 0xC0) != 0x80 && begun++ == characters) break;
    return at;
  };
  const size_t begin = byte_of(place.begin);
  return part.substr(begin, byte_of(place.end) - begin);
}
}  // namespace

bool Tokenizer::Parts::goes_on(std::string_view text, const WordPart& part) const {
  return words.goes_on && !part.fresh && !words.cuts.is_space(text[part.begin]);
}

// The steps before the model, on a part: first its normalised text, then the pieces of that.
void Tokenizer::Parts::normalize_part(Pieces& pieces, bool in_word) const {
  if (words.how == WordWay::metaspace && in_word)
    pieces.rewrite([](AlignedText& piece) { piece.replace(" ", kMetaspace); });
  else if (words.how != WordWay::pieces && normalizer)
    pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
}
void Tokenizer::Parts::cut_part(Pieces& pieces) const {
  if (words.how == WordWay::pieces)
    pieces.read_as_bytes();
  else if (pre_tokenizer)
    pre_tokenizer->pre_tokenize(pieces);
  if (!model->reads_bytes()) pieces.spell_bytes();
}

// The ids of a part that was not met before, and places that tell nothing.
void Tokenizer::Parts::find_ids(std::string_view text, const WordPart& part, ModelRun& run, std::vector<TokenSpan>& out) const {
  if (words.how == WordWay::pieces) return run.tokenize_once(word_of(text, part), /*bytes=*/true, out);
  PartTokens tokens;
  find_ids_of_part(text, part, run, tokens, out);
}

void Tokenizer::Parts::find_ids_of_part(std::string_view text, const WordPart& part, ModelRun& run, PartTokens& tokens, std::vector<TokenSpan>& out) const {
  if (!goes_on(text, part)) return find_ids_of_own_part(text, part, run, out);
  tokenize_part(text, part, run, tokens);
  for (const PartTokens::Token& token : tokens.all) out.push_back({token.id, token.span.begin, token.span.end});
}

// Of one that goes on with nothing: no token of it has to be left out, so no place is asked for.
void Tokenizer::Parts::find_ids_of_own_part(std::string_view text, const WordPart& part, ModelRun& run, std::vector<TokenSpan>& out) const {
  Pieces pieces(word_of(text, part), /*tracked=*/pre_tokenizer && pre_tokenizer->needs_origins());
  normalize_part(pieces, words.how == WordWay::metaspace && !part.fresh);
  if (pre_tokenizer && pieces.all().size() == 1) {   // most words of many tokenizers are one piece, which is soon made
    std::string_view word = pieces.text(pieces.all()[0]);
    if (word.size() > 1 && word[0] == ' ' && pre_tokenizer->drops_white_space()) word.remove_prefix(1);
    if (const auto before = pre_tokenizer->before_whole(word)) return run.tokenize_once(std::string(*before).append(word), /*bytes=*/false, out);
  }
  cut_part(pieces);
  for (const Piece& piece : pieces.all()) run.tokenize_once(pieces.text(piece), pieces.bytes(), out);
}

void Tokenizer::Parts::tokenize_part(std::string_view text, const WordPart& part, ModelRun& run, PartTokens& out) const {
  const bool goes_on = this->goes_on(text, part);
  const bool in_word = goes_on || (words.how == WordWay::metaspace && !part.fresh);
  const uint32_t begin = part.begin - goes_on;   // the character before stands for the word so far; its tokens are left out
  Pieces pieces(text.substr(begin, part.end - begin), /*tracked=*/true);
  normalize_part(pieces, in_word);
  cut_part(pieces);

  out.all.clear();
  out.found.ids.clear();
  out.found.places.clear();
  out.found.starts = 0;
  out.plain = part.end - part.begin <= FoundWord::kMostBytes;
  int32_t word = in_word ? -1 : 0;
  for (const Piece& piece : pieces.all()) {
    const std::string_view piece_text = pieces.text(piece);
    out.spans.clear();
    run.tokenize_once(piece_text, pieces.bytes(), out.spans);
    out.plain = out.plain && !out.spans.empty() && out.all.size() + out.spans.size() <= FoundWord::kMostTokens;
    bool first = word >= 0;
    for (const TokenSpan& token : out.spans) {
      const bool inside = token.begin < token.end && token.end <= piece_text.size();
      Span span{token.begin, token.end};
      if (inside) {
        span = pieces.origin(piece.begin + token.begin, piece.begin + token.end);
        if (goes_on && span.begin == 0) continue;
        span = {span.begin + begin, span.end + begin};
      }
      const std::string_view covered = inside ? piece_text.substr(token.begin, token.end - token.begin) : piece_text;
      const bool told_by_text = token.id == model->told_by_text();
      out.all.push_back({token.id, span, word, std::string(told_by_text ? covered : std::string_view())});
      out.plain = out.plain && inside && span.begin >= part.begin && span.end <= part.end && span.begin <= span.end &&
                  !(told_by_text && covered != text.substr(span.begin, span.end - span.begin));
      if (out.plain) {
        if (first) out.found.starts |= uint64_t(1) << out.found.ids.size();
        out.found.ids.push_back(token.id);
        out.found.places.push_back({static_cast<uint8_t>(span.begin - part.begin), static_cast<uint8_t>(span.end - part.begin)});
      }
      first = false;
    }
    word++;
  }
  out.words = out.found.words = static_cast<uint32_t>(word);
  out.plain = out.plain && out.words <= UINT8_MAX;
}

// A plain part's places in characters, those inside one in its own. False where something would be lost: the bytes of a token told
// by the text, or the place of one after the part, which hangs on what follows.
bool Tokenizer::Parts::PartTokens::count_characters(std::string_view part, int32_t told_by_text) {
  const auto begins = [&](size_t i) { return i == part.size() || (static_cast<unsigned char>(part[i]) & 0xC0) != 0x80; };
  std::array<uint8_t, FoundWord::kMostBytes + 1> before;   // characters before that of each byte
  uint8_t begun = 0;
  for (size_t i = 0; i < part.size(); ++i) before[i] = static_cast<uint8_t>((begun = static_cast<uint8_t>(begun + begins(i))) - 1);
  before[part.size()] = begun;
  for (size_t i = 0; i < found.ids.size(); ++i) {
    TokenPlace& place = found.places[i];
    if (place.begin >= part.size() || (found.ids[i] == told_by_text && !(begins(place.begin) && begins(place.end)))) return false;
    place = {before[place.begin], before[place.end]};
  }
  return true;
}

// Nothing where the long way has to be gone.
std::optional<std::vector<int32_t>> Tokenizer::Parts::quick_ids(std::string_view text, const EncodeOptions& options) const {
  const std::optional<Around>& around = around_text[options.add_special];
  if (!around || options.pair || options.truncation || !is_valid_utf8(text) || !goes_by_parts(text)) return std::nullopt;
  return quick_ids(text, options, *around);
}

std::vector<int32_t> Tokenizer::Parts::quick_ids(std::string_view text, const EncodeOptions& options, const Around& around) const {
  const bool is_normal = words.how != WordWay::pieces || is_left(text);   // else it is normalised first
  if (goes_on_threads(text, options)) return ids_on_threads(text, is_normal, options, around);
  const RunPool::Lease run = runs.take(*model);
  run->ids.clear();
  add_ids(text, is_normal, options, around, *run, run->ids);
  return {run->ids.ids().begin(), run->ids.ids().end()};
}

void Tokenizer::Parts::add_ids(std::string_view text, bool is_normal, const EncodeOptions& options, const Around& around, Run& run, IdBuffer& ids) const {
  ids.append(around.before.ids);
  if (!is_normal || added.may_be_in(text)) {
    Pieces pieces(text, /*tracked=*/false);
    is_normal ? cut_added(pieces, options) : normalize(pieces, options);
    for (const Piece& piece : pieces.all()) add_ids(Stretch(pieces, piece), run, ids);
  } else {
    add_ids(Stretch(text), run, ids);
  }
  ids.append(around.after.ids);
}

void Tokenizer::Parts::cut_added(Pieces& pieces, const EncodeOptions& options) const {
  const bool as_text = options.specials_as_text || specials_as_text;
  added.cut_raw(pieces, as_text);
  if (words.how == WordWay::pieces) added.cut_normalized(pieces, as_text);   // nothing is normalised: they stand in the text itself
}

void Tokenizer::Parts::add_ids(const Stretch& stretch, Run& run, IdBuffer& ids) const {
  if (stretch.token != Piece::kOpen) return ids.push_back(stretch.token);
  words.how == WordWay::pieces ? add_ids_of_words(stretch, run, ids) : add_ids_of_parts(stretch, run, ids);
}

// The ends of the words that begin at `at`, those in the stretch, and how many they are.
size_t Tokenizer::Parts::scan_words(const Stretch& stretch, size_t at, std::span<uint32_t> ends) const {
  if (at >= stretch.end) return 0;
  size_t count = words.scan(stretch.open, at, ends.data(), ends.size());
  while (ends[count - 1] > stretch.end) --count;   // where it ends a word does too
  return count;
}

void Tokenizer::Parts::add_ids_of_words(const Stretch& stretch, Run& run, IdBuffer& ids) const {
  const std::string_view open = stretch.open;
  const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) { run.model->tokenize_once(word_of(open, part), /*bytes=*/true, out); };
  std::array<uint32_t, 513> bounds;
  bounds[0] = stretch.begin;
  while (const size_t count = scan_words(stretch, bounds[0], std::span(bounds).subspan(1))) {
    run.words.tokenize(WordsInRow{open, std::span(bounds.data(), count + 1)}, ids, find);
    bounds[0] = bounds[count];
  }
}

void Tokenizer::Parts::add_ids_of_parts(const Stretch& stretch, Run& run, IdBuffer& ids) const {
  const std::string_view open = stretch.open;
  PartTokens tokens;
  const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) { find_ids_of_part(open, part, *run.model, tokens, out); };
  std::array<WordPart, 256> parts;
  PartScanner scanner(cuts_of(open), open, stretch.begin, stretch.end);
  while (const size_t count = scanner.next(parts)) run.words.tokenize(WordsApart{open, std::span(parts.data(), count)}, ids, find);
}

// The rows of a text that is not on threads, after those in run.rows.
void Tokenizer::Parts::add_all_rows(std::string_view text, const EncodeOptions& options, Run& run, TokenTexts& texts) const {
  const OffsetMap offsets_of(text, options.unit);
  if (text.empty()) return;
  PartRows rows(*this, offsets_of, *run.model, run.rows, texts);
  if (!added.may_be_in(text)) return add_rows(Stretch(text), run, rows);
  Pieces pieces(text, /*tracked=*/false);
  cut_added(pieces, options);
  for (const Piece& piece : pieces.all()) add_rows(Stretch(pieces, piece), run, rows);
}

Encoding Tokenizer::Parts::encode_parts(std::string_view text, int32_t sequence, const EncodeOptions& options) const {
  if (goes_on_threads(text, options)) return encode_on_threads(text, sequence, options);
  Encoding out;
  out.texts = TokenTexts({model, &model->vocab()});
  const RunPool::Lease run = runs.take(*model);
  run->rows.clear();
  add_all_rows(text, options, *run, out.texts);
  run->rows.take(out, {sequence, sequence});
  return out;
}

// With what stands around it, at once: most of a short text's time would go into joining encodings. Nothing where the long way has to be gone.
std::optional<Encoding> Tokenizer::Parts::quick_encoding(std::string_view text, const EncodeOptions& options) const {
  const Around* const around = quick_around(options);
  if (!around || !is_quick(text) || goes_on_threads(text, options)) return std::nullopt;
  const RunPool::Lease run = runs.take(*model);
  Encoding out;
  quick_encoding(text, options, *around, *run, out);
  return out;
}

const Tokenizer::Parts::Around* Tokenizer::Parts::quick_around(const EncodeOptions& options) const {
  const std::optional<Around>& around = around_text[options.add_special];
  return around && around->is_all && !options.pair && !options.truncation ? &*around : nullptr;
}

bool Tokenizer::Parts::is_quick(std::string_view text) const { return is_valid_utf8(text) && goes_by_parts(text) && (words.how != WordWay::pieces || is_left(text)); }

void Tokenizer::Parts::quick_encoding(std::string_view text, const EncodeOptions& options, const Around& around, Run& run, Encoding& out) const {
  begin_rows(around, run.rows, out);
  add_all_rows(text, options, run, out.texts);
  finish_rows(around, run.rows, out);
}

void Tokenizer::Parts::begin_rows(const Around& around, TokenRows& rows, Encoding& out) const {
  rows.clear();
  rows.add(around.before);
  out.texts = around.before.texts;
}

void Tokenizer::Parts::finish_rows(const Around& around, TokenRows& rows, Encoding& out) const {
  const size_t after = rows.size();
  rows.add(around.after);
  rows.take(out, {0, around.type_id});
  const auto tell = [&](const Encoding& specials, size_t at) {
    for (size_t i = 0; i < specials.size(); ++i) {
      out.type_ids[at + i] = specials.type_ids[i];
      out.sequences[at + i] = specials.sequences[i];
      out.special[at + i] = specials.special[i];
    }
  };
  tell(around.before, 0);
  tell(around.after, after);
  if (around.after.size() > 0) out.texts.append(after, around.after.texts, around.after.ids);
  out.bare = !post_processor;
}

const FoundWord* Tokenizer::Parts::PartRows::find(const WordPart& part) {
  parts_.tokenize_part(open_, part, model_, tokens_);
  if (tokens_.plain && (!in_characters() || tokens_.count_characters(word_of(open_, part), told_by_text_))) return &tokens_.found;
  for (const PartTokens::Token& token : tokens_.all) {
    if (token.id == told_by_text_) texts_.keep(rows_.size(), token.shown);
    rows_.add(token.id, offsets_of_({token.span.begin + place_, token.span.end + place_}), word_ + token.word);
  }
  word_ += static_cast<int32_t>(tokens_.words);
  return nullptr;
}

void Tokenizer::Parts::PartRows::keep_told_by_text(WordPart part, KnownWord known) {
  for (uint32_t i = 0; i < known.count; ++i)
    if (known.ids[i] == told_by_text_) texts_.keep(rows_.size() + i, std::string(covered(word_of(open_, part), known.places[i], in_characters())));
}

void Tokenizer::Parts::add_rows(const Stretch& stretch, Run& run, PartRows& rows) const {
  rows.begin(stretch);
  if (stretch.token != Piece::kOpen) return rows.add(stretch.token);
  const std::string_view open = stretch.open;
  WordTokens& known_parts = run.parts[rows.in_characters()];
  constexpr size_t kAtOnce = 256;
  std::array<WordPart, kAtOnce> parts;
  if (words.how == WordWay::pieces) {
    std::array<uint32_t, kAtOnce> ends;
    for (uint32_t at = stretch.begin; const size_t count = scan_words(stretch, at, ends);) {
      for (size_t i = 0; i < count; at = ends[i++]) parts[i] = {at, ends[i], false};
      known_parts.look_up(open, std::span(parts.data(), count), rows);
    }
    return;
  }
  if (stretch.begin == 0 && begins_with_nothing(open)) {
    const WordPart all{0, stretch.end, true};
    if (const FoundWord* found = rows.find(all)) rows.emit(all, found->view());
    return;
  }
  PartScanner scanner(cuts_of(open), open, stretch.begin, stretch.end);
  while (const size_t count = scanner.next(parts)) known_parts.look_up(open, std::span(parts.data(), count), rows);
}

}  // namespace orrery
