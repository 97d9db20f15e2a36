#include "tokenize/sentencepiece_json.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

#include "base/base64.h"
#include "base/random.h"
#include "base/utf8.h"
#include "tokenize/model.h"
#include "tokenize/sentencepiece.h"

namespace orrery {

namespace {

using Piece = SentencePiece::Piece;
using Type = SentencePiece::Type;

constexpr std::string_view kSpace = "\xE2\x96\x81";   // ▁

[[noreturn]] void refuse(const std::string& why) { throw Error{ErrorKind::unsupported, why, "", "keep the .model"}; }

Json replace(const Json& pattern, std::string_view content) { return {{"type", "Replace"}, {"pattern", pattern}, {"content", content}}; }

Json normalizer_of(const SentencePiece::Rules& rules) {
  Json steps = Json::array();
  if (!rules.charsmap.empty()) steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", encode_base64(rules.charsmap)}});
  if (rules.remove_extra_whitespaces) {
    steps.push_back(replace({{"Regex", "\\A +| +\\z"}}, ""));
    steps.push_back(replace({{"Regex", " {2,}"}}, " "));
  }
  if (rules.add_dummy_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  steps.push_back(replace({{"String", " "}}, kSpace));
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

Json decoder_of(const SentencePiece::Rules& rules) {
  Json steps = Json::array({replace({{"String", kSpace}}, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}});
  if (rules.add_dummy_prefix) steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

// Whether a ▁ stands only where pieces begin: then words can be cut before it.
bool cuts_at_spaces(const std::vector<Piece>& pieces) {
  return std::none_of(pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.type != Type::control && piece.text.find(kSpace, 1) != std::string::npos; });
}

Json unigram_of(const SentencePiece& spm) {
  Json vocab = Json::array();
  for (const Piece& piece : spm.pieces()) vocab.push_back(Json::array({piece.text, double(piece.score)}));
  return {{"type", "Unigram"}, {"unk_id", spm.unknown_id()}, {"vocab", std::move(vocab)}, {"byte_fallback", spm.byte_fallback()}};
}

// The pair of highest score is joined first: every way to cut a piece into two pieces is a merge of that piece's score.
Json bpe_of(const SentencePiece& spm) {
  const std::vector<Piece>& pieces = spm.pieces();
  TokenList vocab;
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t i = 0; i < pieces.size(); i++) {
    vocab.emplace_back(pieces[i].text, int32_t(i));
    if (pieces[i].type == Type::normal) ids.emplace(pieces[i].text, int32_t(i));
  }
  std::vector<std::tuple<float, int32_t, int32_t>> merges;   // minus the score, and the parts
  for (const Piece& piece : pieces) {
    if (piece.type != Type::normal) continue;
    const std::string_view text = piece.text;
    for (size_t at = decode_utf8(text, 0).size; at < text.size(); at += decode_utf8(text, at).size) {
      const auto left = ids.find(text.substr(0, at)), right = ids.find(text.substr(at));
      if (left != ids.end() && right != ids.end()) merges.emplace_back(-piece.score, left->second, right->second);
    }
  }
  std::sort(merges.begin(), merges.end());
  Json list = Json::array();
  for (const auto& [score, left, right] : merges) list.push_back(Json::array({pieces[size_t(left)].text, pieces[size_t(right)].text}));
  return {{"type", "BPE"}, {"unk_token", pieces.at(size_t(spm.unknown_id())).text}, {"fuse_unk", true}, {"byte_fallback", spm.byte_fallback()}, {"vocab", vocab_json(Vocab(std::move(vocab)))}, {"merges", std::move(list)}};
}

// Words of the vocabulary, white space and odd characters, one after the other.
std::string some_text(const std::vector<Piece>& pieces, uint64_t number) {
  static constexpr std::array<std::string_view, 16> kOdd = {" ", "  ", "\n", "\t", " \n ", "é", "é", "ﬁ", "Ａ", "…", "中", "한", "🙂", "\xC2\xA0", "<0x41>", "1234"};
  Random random(0, number);
  std::string text;
  const uint64_t parts = 1 + random.below(8);
  for (uint64_t i = 0; i < parts; i++) {
    if (random.below(5) == 0) text += kOdd[random.below(kOdd.size())];
    const Piece& piece = pieces[random.below(pieces.size())];
    if (piece.type != Type::normal) continue;
    for (size_t at = 0; at < piece.text.size();) {
      const bool space = piece.text.compare(at, kSpace.size(), kSpace) == 0;
      const size_t size = space ? kSpace.size() : decode_utf8(piece.text, at).size;
      text += space ? std::string_view(" ") : std::string_view(piece.text).substr(at, size);
      at += size;
    }
  }
  return text;
}

}  // namespace

Json sentencepiece_as_json(const Tokenizer& tokenizer) {
  Json json = tokenizer.to_json();
  const SentencePiece& spm = *tokenizer.sentencepiece();
  const SentencePiece::Rules& rules = spm.rules();
  if (spm.model() != SentencePiece::Model::unigram && spm.model() != SentencePiece::Model::bpe) refuse("a tokenizer.json has no model of sentencepiece's words or characters");
  if (!rules.escape_whitespaces || spm.whitespace_suffix()) refuse("the model does not write a space as a \xE2\x96\x81 before its word, as a tokenizer.json does");
  for (const Piece& piece : spm.pieces())
    if (piece.type == Type::unused) refuse("the model has pieces that are not to be used ('" + piece.text + "'), and a tokenizer.json has none");
  const bool is_unigram = spm.model() == SentencePiece::Model::unigram;
  json["normalizer"] = normalizer_of(rules);
  json["pre_tokenizer"] = is_unigram && cuts_at_spaces(spm.pieces()) ? Json{{"type", "Metaspace"}, {"replacement", kSpace}, {"prepend_scheme", "never"}, {"split", true}} : Json();
  json["decoder"] = decoder_of(rules);
  json["model"] = is_unigram ? unigram_of(spm) : bpe_of(spm);
  Json& added = json["added_tokens"];
  for (size_t i = 0; i < spm.pieces().size(); i++) {
    const Piece& piece = spm.pieces()[i];
    const bool is_special = piece.type == Type::control || piece.type == Type::unknown;
    if (is_special || piece.type == Type::user_defined)
      added.push_back({{"id", i}, {"content", piece.text}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", is_special}});
  }
  std::stable_sort(added.begin(), added.end(), [](const Json& a, const Json& b) { return a["id"] < b["id"]; });
  return json;
}

void expect_same_ids(const Tokenizer& model, const Tokenizer& json) {
  const SentencePiece& spm = *model.sentencepiece();
  for (uint64_t number = 0; number < 20000; number++) {
    const std::string text = some_text(spm.pieces(), number);
    const std::vector<int32_t> ids = model.encode_ids(text), others = json.encode_ids(text);
    if (ids != others) refuse("a tokenizer.json would give the text " + to_line(Json(text)) + " other ids: " + to_line(Json(others)) + " instead of " + to_line(Json(ids)));
    if (std::find(ids.begin(), ids.end(), spm.unknown_id()) == ids.end() && model.decode(ids, true) != json.decode(ids, true))
      refuse("a tokenizer.json would decode " + to_line(Json(ids)) + " to " + to_line(Json(json.decode(ids, true))) + " instead of " + to_line(Json(model.decode(ids, true))));
  }
}

}  // namespace orrery
