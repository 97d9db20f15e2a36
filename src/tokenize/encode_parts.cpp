// Encoding a text part by part, as word_plan.cpp allows it: parts met before are known with their tokens, others go the long way.
#include <algorithm>
#include <array>
#include <cstring>

#include "tokenize/offset_map.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {
constexpr std::string_view kMetaspace = "\xE2\x96\x81";
}

// A part's tokens, found the long way.
struct Tokenizer::Parts::PartTokens {
  struct Token {
    int32_t id;
    Span span;          // of the text; as the model told it where it runs past its piece
    int32_t word;       // 0 is the first that begins in the part, -1 the one before it
    std::string shown;  // only of a token told by the text it covers
  };
  std::vector<Token> all;
  uint32_t words = 0;   // that begin in the part
  bool plain = false;   // fits a FoundWord
  FoundWord found;
  std::vector<TokenSpan> spans;
};

bool Tokenizer::Parts::goes_on(std::string_view text, const WordPart& part) const {
  return words.goes_on && !part.fresh && !words.cuts.is_space(text[part.begin]);
}

// All steps before the model.
void Tokenizer::Parts::prepare_part(Pieces& pieces, bool in_word) const {
  if (words.how == WordWay::metaspace && in_word)
    pieces.rewrite([](AlignedText& piece) { piece.replace(" ", kMetaspace); });
  else if (words.how != WordWay::pieces && normalizer)
    pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
  if (words.how == WordWay::pieces)
    pieces.read_as_bytes();
  else if (pre_tokenizer)
    pre_tokenizer->pre_tokenize(pieces);
  if (!model->reads_bytes()) pieces.spell_bytes();
}

// Of a long part that goes on with nothing: its ids, and places that tell nothing.
void Tokenizer::Parts::find_ids_of_part(std::string_view text, const WordPart& part, ModelRun& run, std::vector<TokenSpan>& out) const {
  Pieces pieces(text.substr(part.begin, part.end - part.begin), /*tracked=*/pre_tokenizer && pre_tokenizer->needs_origins());
  prepare_part(pieces, words.how == WordWay::metaspace && !part.fresh);
  for (const Piece& piece : pieces.all()) run.tokenize_once(pieces.text(piece), pieces.bytes(), out);
}

void Tokenizer::Parts::tokenize_part(std::string_view text, const WordPart& part, ModelRun& run, PartTokens& out) const {
  const bool goes_on = this->goes_on(text, part);
  const bool in_word = goes_on || (words.how == WordWay::metaspace && !part.fresh);
  const uint32_t begin = part.begin - goes_on;   // the character before stands for the word so far; its tokens are left out
  Pieces pieces(text.substr(begin, part.end - begin), /*tracked=*/true);
  prepare_part(pieces, in_word);

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

// Nothing where the long way has to be gone.
std::optional<std::vector<int32_t>> Tokenizer::Parts::quick_ids(std::string_view text, const EncodeOptions& options) const {
  const std::optional<Around>& around = around_text[options.add_special];
  if (!around || options.pair || options.truncation || !is_valid_utf8(text) || !goes_by_parts(text)) return std::nullopt;
  return quick_ids(text, options, *around);
}

std::vector<int32_t> Tokenizer::Parts::quick_ids(std::string_view text, const EncodeOptions& options, const Around& around) const {
  return words.how == WordWay::pieces ? ids_of_words(text, options, around) : ids_of_parts(text, options, around);
}

// The ids of what lies between added tokens, by append(text), among theirs. `is_normal`: as the text has it; else normalised first.
template <class Append>
std::vector<int32_t> Tokenizer::Parts::ids_around_added(std::string_view text, bool is_normal, const EncodeOptions& options, const Around& around, IdBuffer& ids, Append append) const {
  ids.clear();
  ids.append(around.before);
  if (!is_normal || added.may_be_in(text)) {
    Pieces pieces(text, /*tracked=*/false);
    is_normal ? cut_added(pieces, options) : normalize(pieces, options);
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

void Tokenizer::Parts::cut_added(Pieces& pieces, const EncodeOptions& options) const {
  const bool as_text = options.specials_as_text || specials_as_text;
  added.cut_raw(pieces, as_text);
  if (words.how == WordWay::pieces) added.cut_normalized(pieces, as_text);   // nothing is normalised: they stand in the text itself
}

std::vector<int32_t> Tokenizer::Parts::ids_of_words(std::string_view text, const EncodeOptions& options, const Around& around) const {
  const RunPool::Lease run = runs.take(*model);
  std::array<uint32_t, 513> bounds;
  return ids_around_added(text, is_left(text), options, around, run->ids, [&](std::string_view open) {
    const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) { run->model->tokenize_once(open.substr(part.begin, part.end - part.begin), /*bytes=*/true, out); };
    bounds[0] = 0;
    while (const size_t count = words.scan(open, bounds[0], &bounds[1], bounds.size() - 1)) {
      run->words.tokenize(WordsInRow{open, std::span(bounds.data(), count + 1)}, run->ids, find);
      bounds[0] = bounds[count];
    }
  });
}

std::vector<int32_t> Tokenizer::Parts::ids_of_parts(std::string_view text, const EncodeOptions& options, const Around& around) const {
  const RunPool::Lease run = runs.take(*model);
  PartTokens tokens;
  std::array<WordPart, 256> parts;
  return ids_around_added(text, /*is_normal=*/true, options, around, run->ids, [&](std::string_view open) {
    const auto find = [&](const WordPart& part, std::vector<TokenSpan>& out) {
      if (part.end - part.begin > FoundWord::kMostBytes && !goes_on(open, part)) return find_ids_of_part(open, part, *run->model, out);
      tokenize_part(open, part, *run->model, tokens);
      for (const PartTokens::Token& token : tokens.all) out.push_back({token.id, token.span.begin, token.span.end});
    };
    PartScanner scanner(open.size() <= words.longest ? words.cuts : words.wide_cuts, open);
    while (const size_t count = scanner.next(parts)) run->words.tokenize(WordsApart{open, std::span(parts.data(), count)}, run->ids, find);
  });
}

Encoding Tokenizer::Parts::encode_parts(std::string_view text, int32_t sequence, const EncodeOptions& options) const {
  Pieces pieces(text, /*tracked=*/false);
  cut_added(pieces, options);
  Encoding out;
  out.texts = TokenTexts({model, &model->vocab()});
  const OffsetMap offsets_of(text, options.unit);
  const int32_t told_by_text = model->told_by_text();
  const RunPool::Lease run = runs.take(*model);
  TokenRows& rows = run->rows;
  rows.clear();
  PartTokens tokens;
  std::array<WordPart, 64> parts;
  std::array<uint32_t, 64> ends;
  int32_t word = 0;   // of the next to begin
  for (const Piece& piece : pieces.all()) {
    const std::string_view open = pieces.text(piece);
    if (piece.token != Piece::kOpen) {
      out.texts.keep(rows.size(), std::string(open));
      rows.add(piece.token, offsets_of({piece.begin, piece.end}), word++);
      continue;
    }
    const auto find = [&](const WordPart& part) -> const FoundWord* {
      tokenize_part(open, part, *run->model, tokens);
      if (tokens.plain) return &tokens.found;
      for (const PartTokens::Token& token : tokens.all) {
        if (token.id == told_by_text) out.texts.keep(rows.size(), token.shown);
        rows.add(token.id, offsets_of({token.span.begin + piece.begin, token.span.end + piece.begin}), word + token.word);
      }
      word += static_cast<int32_t>(tokens.words);
      return nullptr;
    };
    const auto emit = [&](const WordPart& part, const KnownWord& known) {
      const uint32_t begin = piece.begin + part.begin;
      if (told_by_text != Vocab::kAbsent)
        for (uint32_t i = 0; i < known.count; ++i)
          if (known.ids[i] == told_by_text) out.texts.keep(rows.size() + i, std::string(text.substr(begin + known.places[i].begin, size_t(known.places[i].end) - known.places[i].begin)));
      rows.add(known, begin, piece.begin + part.end, word, offsets_of);
      word += static_cast<int32_t>(known.words);
    };
    if (words.how == WordWay::pieces) {
      for (size_t at = 0; const size_t count = words.scan(open, at, ends.data(), ends.size());) {
        for (size_t i = 0; i < count; at = ends[i++]) parts[i] = {static_cast<uint32_t>(at), ends[i], true};
        run->parts.look_up(open, std::span(parts.data(), count), find, emit);
      }
      continue;
    }
    if (begins_with_nothing(open)) {
      const WordPart all{0, static_cast<uint32_t>(open.size()), true};
      if (const FoundWord* found = find(all)) emit(all, found->view());
      continue;
    }
    PartScanner scanner(open.size() <= words.longest ? words.cuts : words.wide_cuts, open);
    while (const size_t count = scanner.next(parts)) run->parts.look_up(open, std::span(parts.data(), count), find, emit);
  }
  rows.take(out, sequence);
  return out;
}

}  // namespace orrery
