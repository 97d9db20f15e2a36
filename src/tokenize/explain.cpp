// Tokenizer::explain: the way of a text through every step. A `Sequence` is shown member by member.
#include <algorithm>
#include <functional>

#include "base/utf8.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {

// The steps of a normalizer or pre-tokenizer, as tokenizer.json has them.
void each_step(const Json& json, const char* role, const char* members, const std::function<void(const Json&)>& f) {
  const auto found = json.find(role);
  if (found == json.end() || found->is_null()) return;
  if ((*found)["type"] == "Sequence")
    for (const Json& step : (*found)[members]) f(step);
  else
    f(*found);
}

Json texts_of(const Pieces& pieces) {
  Json list = Json::array();
  for (const Piece& piece : pieces.all()) list.push_back(pieces.text(piece));
  return list;
}

}  // namespace

Json Tokenizer::explain(std::string_view text, const EncodeOptions& options) const {
  if (!is_valid_utf8(text)) return explain(repair_utf8(text).text, options);
  const Parts& parts = *parts_;
  Json steps = Json::array(), shown = Json::array();
  const auto tokens_json = [&](const std::vector<TokenSpan>& tokens, std::string_view piece) {
    Json list = Json::array();
    for (const TokenSpan& t : tokens) list.push_back(parts.model->shown(t.id, piece.substr(std::min<size_t>(t.begin, piece.size()), t.end - t.begin)));
    return list;
  };
  const auto ids_json = [](const std::vector<TokenSpan>& tokens) {
    Json list = Json::array();
    for (const TokenSpan& t : tokens) list.push_back(t.id);
    return list;
  };
  Pieces pieces(text, /*tracked=*/true);
  const auto tell = [&](std::string step) { steps.push_back({{"step", std::move(step)}, {"pieces", texts_of(pieces)}}); };
  tell("text");
  parts.added.cut_raw(pieces, options.specials_as_text);
  if (pieces.all().size() > 1) tell("added tokens");
  each_step(parts.json, "normalizer", "normalizers", [&](const Json& step) {
    const auto normalizer = make_normalizer(step);
    pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
    tell(step["type"].get<std::string>());
  });
  const size_t before = pieces.all().size();
  parts.added.cut_normalized(pieces, options.specials_as_text);
  if (pieces.all().size() != before) tell("added tokens of normalized text");
  each_step(parts.json, "pre_tokenizer", "pretokenizers", [&](const Json& step) {
    make_pre_tokenizer(step)->pre_tokenize(pieces);
    tell(step["type"].get<std::string>());
  });
  if (!parts.model->reads_bytes()) pieces.spell_bytes();
  std::vector<TokenSpan> tokens;
  const RunPool::Lease run = parts.runs.take(*parts.model);
  run->model->begin_text(options.seed, 0);
  for (const Piece& piece : pieces.all()) {
    const std::string_view piece_text = pieces.text(piece);
    tokens.clear();
    Json why;
    if (piece.token == Piece::kOpen) {
      run->model->tokenize(piece_text, pieces.bytes(), tokens);
      why = parts.model->explain(piece_text, pieces.bytes());
    } else {
      tokens.push_back({piece.token, 0, static_cast<uint32_t>(piece_text.size())});
      why = {{"model", "added token"}};
    }
    shown.push_back({{"text", piece_text}, {"tokens", tokens_json(tokens, piece_text)}, {"ids", ids_json(tokens)}, {"why", std::move(why)}});
  }
  return {{"steps", std::move(steps)}, {"pieces", std::move(shown)}};
}

}  // namespace orrery
