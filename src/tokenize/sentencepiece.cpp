#include "tokenize/sentencepiece.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>

#include "base/error.h"
#include "base/utf8.h"
#include "tokenize/best_paths.h"
#include "tokenize/models/char_tokens.h"
#include "tokenize/models/long_word.h"
#include "tokenize/protobuf.h"

namespace orrery {

namespace {

constexpr std::string_view kSpace = "\xE2\x96\x81";   // ▁

[[noreturn]] void bad(const std::string& what) { throw Error{ErrorKind::bad_file, "a sentencepiece model " + what, ""}; }

std::string byte_piece(unsigned byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">";
}

SentencePiece::Piece read_piece(std::string_view message) {
  SentencePiece::Piece piece;
  for (ProtobufReader field(message); field.next();) {
    if (field.number() == 1) piece.text = field.bytes();
    if (field.number() == 2) piece.score = field.real();
    if (field.number() == 3) {
      if (field.integer() < 1 || field.integer() > 6) bad("has a piece of type " + std::to_string(field.integer()));
      piece.type = static_cast<SentencePiece::Type>(field.integer());
    }
  }
  return piece;
}

SentencePiece::Rules read_rules(std::string_view message) {
  SentencePiece::Rules rules;
  for (ProtobufReader field(message); field.next();) switch (field.number()) {
      case 1: rules.name = field.bytes(); break;
      case 2: rules.charsmap = field.bytes(); break;
      case 3: rules.add_dummy_prefix = field.integer() != 0; break;
      case 4: rules.remove_extra_whitespaces = field.integer() != 0; break;
      case 5: rules.escape_whitespaces = field.integer() != 0; break;
      default: break;
    }
  return rules;
}

std::string replace_spaces(std::string_view piece) {
  std::string out;
  for (size_t at = 0; at < piece.size();) {
    if (piece.substr(at).starts_with(kSpace)) {
      out += ' ';
      at += kSpace.size();
    } else {
      out += piece[at++];
    }
  }
  return out;
}

}  // namespace

SentencePiece::SentencePiece(std::string_view file) {
  int32_t bos = 1, eos = 2, pad = -1;
  for (ProtobufReader field(file); field.next();) {
    if (field.number() == 1) pieces_.push_back(read_piece(field.bytes()));
    if (field.number() == 3) rules_ = read_rules(field.bytes());
    if (field.number() == 5) {
      denormal_rules_ = read_rules(field.bytes());
      denormalizes_ = !denormal_rules_.charsmap.empty();
    }
    if (field.number() != 2) continue;
    for (ProtobufReader trainer(field.bytes()); trainer.next();) switch (trainer.number()) {
        case 3:
          if (trainer.integer() < 1 || trainer.integer() > 4) bad("is of the unknown kind " + std::to_string(trainer.integer()));
          model_ = static_cast<Model>(trainer.integer());
          break;
        case 24: whitespace_suffix_ = trainer.integer() != 0; break;
        case 35: byte_fallback_ = trainer.integer() != 0; break;
        case 41: bos = static_cast<int32_t>(trainer.integer()); break;
        case 42: eos = static_cast<int32_t>(trainer.integer()); break;
        case 43: pad = static_cast<int32_t>(trainer.integer()); break;
        case 44: unknown_surface_ = trainer.bytes(); break;
        default: break;
      }
  }
  if (pieces_.empty()) bad("has no pieces: it is none, or empty");
  if (pieces_.size() > static_cast<size_t>(INT32_MAX)) bad("has too many pieces");

  min_score_ = std::numeric_limits<float>::max();
  max_score_ = std::numeric_limits<float>::min();   // as the library has it: the least positive number
  byte_ids_.fill(-1);
  std::vector<std::pair<std::string_view, int32_t>> members, users;
  for (size_t i = 0; i < pieces_.size(); i++) {
    const Piece& piece = pieces_[i];
    const auto id = static_cast<int32_t>(i);
    if (piece.text.empty()) bad("has an empty piece, number " + std::to_string(i));
    if (!is_valid_utf8(piece.text)) bad("has a piece that is not valid UTF-8, number " + std::to_string(i));
    const bool is_text = piece.type == Type::normal || piece.type == Type::user_defined || piece.type == Type::unused;
    if (!(is_text ? ids_ : reserved_).emplace(piece.text, id).second) bad("has the piece '" + piece.text + "' twice");
    if (is_text) members.emplace_back(piece.text, id);
    if (piece.type == Type::user_defined) users.emplace_back(piece.text, id);
    if (piece.type == Type::unknown) {
      if (unknown_ >= 0) bad("has two unknown pieces");
      unknown_ = id;
    }
    if (piece.type == Type::normal) {
      min_score_ = std::min(min_score_, piece.score);
      max_score_ = std::max(max_score_, piece.score);
    }
    if (piece.type == Type::byte)
      for (unsigned b = 0; b < 256; b++)
        if (byte_piece(b) == piece.text) byte_ids_[b] = id;
  }
  if (unknown_ < 0) bad("has no unknown piece");
  if (byte_fallback_ && std::find(byte_ids_.begin(), byte_ids_.end(), -1) != byte_ids_.end())
    bad("falls back to bytes, and has not all 256 of them");
  trie_ = ByteTrie(std::move(members));
  users_ = ByteTrie(users);
  if (!rules_.charsmap.empty()) map_ = Charsmap(rules_.charsmap);
  if (denormalizes_) denormal_map_ = Charsmap(denormal_rules_.charsmap);
  for (char c = '!'; c <= '~'; c++) stays_[static_cast<unsigned char>(c)] = users.empty() && !map_.maps_ascii(c);
  if (model_ == Model::bpe && std::none_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.type == Type::user_defined || piece.type == Type::unused; })) {
    auto cuts = std::make_unique<CharCuts>();
    char_ids_ = ZeroArray<int32_t>(CharTokens::kPlaces);
    for (const Piece& piece : pieces_) {
      cuts->add(piece.text);
      if (const size_t place = CharTokens::place(piece.text); place != CharTokens::kNowhere) char_ids_[place] = id_of(piece.text) + 1;
    }
    cuts_ = std::move(cuts);
  }
  const auto valid = [&](int32_t id) { return id >= 0 && static_cast<size_t>(id) < pieces_.size() ? id : -1; };
  const auto control = [&](int32_t id) { return valid(id) >= 0 && pieces_[static_cast<size_t>(id)].type == Type::control ? id : -1; };
  bos_ = control(bos);
  eos_ = control(eos);
  pad_ = valid(pad);
}

size_t SentencePiece::unit_end(std::string_view text, size_t at, bool& is_users) const {
  size_t end = 0;
  users_.each_prefix(text, at, [&](size_t e, int32_t) { end = e; });
  is_users = end > 0;
  return is_users ? end : at + decode_utf8(text, at).size;
}

int32_t SentencePiece::id_of(std::string_view piece) const {
  if (const auto found = reserved_.find(piece); found != reserved_.end()) return found->second;
  const auto found = ids_.find(piece);
  return found == ids_.end() ? unknown_ : found->second;
}

SentencePiece::Normalized SentencePiece::normalize(std::string_view text, const Rules& rules, const Charsmap& map, bool with_origin) const {
  Normalized out;
  // What the text from `at` begins with becomes, and how many bytes it was.
  const auto prefix = [&](size_t at) -> std::pair<std::string_view, size_t> {
    bool is_users = false;
    size_t end = 0;
    users_.each_prefix(text, at, [&](size_t e, int32_t) { end = e; });
    is_users = end > 0;
    if (is_users) return {text.substr(at, end - at), end - at};
    if (const auto match = map.longest(text.substr(at))) return {match->replacement, match->size};
    const CodePoint c = decode_utf8(text, at);
    return c.valid ? std::pair(text.substr(at, c.size), size_t(c.size)) : std::pair(kReplacementText, size_t(1));
  };

  size_t at = 0;
  if (rules.remove_extra_whitespaces)
    while (at < text.size()) {
      const auto [replacement, size] = prefix(at);
      if (replacement != " ") break;
      at += size;
    }
  if (at == text.size()) {
    out.origin.push_back(0);
    return out;
  }
  out.text.reserve(text.size() + text.size() / 8);
  const auto put = [&](std::string_view added, size_t from) {
    out.text += added;
    if (with_origin) out.origin.insert(out.origin.end(), added.size(), static_cast<uint32_t>(from));
  };
  const auto is_ascii_at = [&](size_t i) { return static_cast<signed char>(text[i]) >= 0; };
  const bool is_own = &map == &map_;
  const std::string_view space = rules.escape_whitespaces ? kSpace : " ";
  if (!whitespace_suffix_ && rules.add_dummy_prefix) put(space, at);
  bool after_space = rules.remove_extra_whitespaces;
  while (at < text.size()) {
    if (is_own && is_ascii_at(at) && stays_[static_cast<unsigned char>(text[at])] && (at + 1 == text.size() || is_ascii_at(at + 1))) {
      out.text += text[at];
      if (with_origin) out.origin.push_back(static_cast<uint32_t>(at));
      after_space = false;
      at++;
      continue;
    }
    auto [replacement, size] = prefix(at);
    while (after_space && replacement.starts_with(' ')) replacement.remove_prefix(1);
    if (replacement.find(' ') == std::string_view::npos) put(replacement, at);
    else for (const char& c : replacement) put(c == ' ' ? space : std::string_view(&c, 1), at);
    if (!replacement.empty()) after_space = replacement.ends_with(' ');
    at += size;
    if (!rules.remove_extra_whitespaces) after_space = false;
  }
  if (rules.remove_extra_whitespaces)
    while (out.text.ends_with(space)) {
      const size_t left = out.text.size() - space.size();
      out.text.erase(left);
      if (!with_origin) continue;
      at = out.origin[left];
      out.origin.resize(left);
    }
  if (whitespace_suffix_ && rules.add_dummy_prefix) put(space, at);
  if (with_origin) out.origin.push_back(static_cast<uint32_t>(at));
  return out;
}

// Viterbi as in models/unigram.cpp, but scores are floats, pieces out of use do not count, and pieces defined by the user
// always win.
void SentencePiece::split_unigram(std::string_view text, std::vector<Part>& out) const {
  struct Best {
    float score = 0;
    int32_t id = -1;
    uint32_t begin = 0;
  };
  std::vector<Best> best(text.size() + 1);
  for (size_t begin = 0; begin < text.size();) {
    const float here = best[begin].score;
    each_token(text, begin, [&](size_t end, float score, int32_t id) {
      Best& now = best[end];
      const float candidate = score + here;
      if (now.id >= 0 && !(candidate > now.score)) return;
      now = {candidate, id, static_cast<uint32_t>(begin)};
    });
    begin += decode_utf8(text, begin).size;
  }
  const size_t first = out.size();
  for (auto end = static_cast<uint32_t>(text.size()); end > 0; end = best[end].begin) out.push_back({best[end].begin, end, best[end].id});
  std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

// Joins the neighbours whose piece has the highest score, the leftmost of equals. Pieces out of use are joined too, and
// taken apart again at the end.
class SentencePiece::Bpe {
 public:
  using Tell = std::function<void(std::string_view left, std::string_view right, float score)>;

  Bpe(const SentencePiece& of, std::string_view text, Tell tell = {}, std::function<bool()> skips = {}) : of_(of), text_(text), tell_(std::move(tell)), skips_(std::move(skips)) {
    for (size_t at = 0; at < text.size();) {
      bool frozen = false;
      const size_t end = of.unit_end(text, at, frozen);
      const auto index = static_cast<int32_t>(symbols_.size());
      symbols_.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end), index - 1, end == text.size() ? -1 : index + 1, frozen});
      at = end;
    }
    for (int32_t i = 0; i + 1 < static_cast<int32_t>(symbols_.size()); i++) propose(i, i + 1);
    merge();
  }

  void parts(std::vector<Part>& out) const {
    for (int32_t i = symbols_.empty() ? -1 : 0; i >= 0; i = at(i).next) take_apart(at(i).begin, at(i).end, out);
  }

 private:
  struct Symbol {
    uint32_t begin, end;   // empty once it was joined to the one before it
    int32_t previous, next;
    bool frozen;
  };
  struct Candidate {
    float score;
    int32_t left, right;
    uint32_t size;
    bool operator<(const Candidate& o) const { return score < o.score || (score == o.score && left > o.left); }
  };

  Symbol& at(int32_t i) { return symbols_[static_cast<size_t>(i)]; }
  const Symbol& at(int32_t i) const { return symbols_[static_cast<size_t>(i)]; }

  void propose(int32_t left, int32_t right) {
    if (left < 0 || right < 0 || at(left).frozen || at(right).frozen) return;
    const std::string_view piece = text_.substr(at(left).begin, at(right).end - at(left).begin);
    const auto found = of_.ids_.find(piece);
    if (found == of_.ids_.end()) return;
    const Piece& known = of_.pieces_[static_cast<size_t>(found->second)];
    agenda_.push({known.score, left, right, static_cast<uint32_t>(piece.size())});
    if (known.type == Type::unused) halves_[piece] = at(left).end - at(left).begin;
  }

  void merge() {
    while (!agenda_.empty()) {
      const Candidate top = agenda_.top();
      agenda_.pop();
      Symbol &left = at(top.left), &right = at(top.right);
      const bool gone = left.begin == left.end || right.begin == right.end;
      if (gone || (left.end - left.begin) + (right.end - right.begin) != top.size) continue;
      if (skips_ && skips_()) continue;
      if (tell_) tell_(text_.substr(left.begin, left.end - left.begin), text_.substr(right.begin, right.end - right.begin), top.score);
      left.end = right.end;
      left.next = right.next;
      if (right.next >= 0) at(right.next).previous = top.left;
      right.begin = right.end;
      propose(left.previous, top.left);
      propose(top.left, left.next);
    }
  }

  // Each half is shorter, and there are at most as many as the piece has bytes.
  void take_apart(uint32_t begin, uint32_t end, std::vector<Part>& out) const {
    std::vector<std::pair<uint32_t, uint32_t>> open{{begin, end}};
    while (!open.empty()) {
      const auto [from, to] = open.back();
      open.pop_back();
      const std::string_view piece = text_.substr(from, to - from);
      const int32_t id = of_.id_of(piece);
      const auto half = of_.pieces_[static_cast<size_t>(id)].type == Type::unused ? halves_.find(piece) : halves_.end();
      if (half == halves_.end()) {
        out.push_back({from, to, id});
      } else {
        open.emplace_back(from + half->second, to);
        open.emplace_back(from, from + half->second);
      }
    }
  }

  const SentencePiece& of_;
  std::string_view text_;
  Tell tell_;                     // of each joining
  std::function<bool()> skips_;   // whether it is left out
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> agenda_;
  std::unordered_map<std::string_view, uint32_t> halves_;   // of joined pieces out of use: the bytes of the left half
};

Json SentencePiece::explain(std::string_view raw) const {
  const std::string text = normalize(raw);
  constexpr const char* kNames[] = {"Unigram", "BPE", "words", "characters"};
  Json out = {{"model", std::string("sentencepiece ") + kNames[static_cast<int>(model_) - 1]}, {"normalized", text}};
  if (model_ == Model::bpe) {
    Json joined = Json::array();
    Bpe(*this, text, [&](std::string_view left, std::string_view right, float score) {
      joined.push_back({{"score", score}, {"left", left}, {"right", right}, {"token", std::string(left) + std::string(right)}});
    });
    out["merges"] = std::move(joined);
  }
  if (model_ == Model::unigram)
    out.update(paths_json(text, best_paths(text, 2, [&](size_t begin, auto offer) {
      each_token(text, begin, [&](size_t end, float score, int32_t id) { offer(end, double(score), id); });
    })));
  return out;
}

void SentencePiece::split_bpe(std::string_view text, std::vector<Part>& out, const std::function<bool()>& skips) const {
  if (skips || !cuts_ || !split_bpe_by_parts(text, out)) Bpe(*this, text, {}, skips).parts(out);
}

// Where no piece joins the characters on both sides of a cut, and by windows where the text goes on for long. False, with nothing
// appended, where windows do not join.
bool SentencePiece::split_bpe_by_parts(std::string_view text, std::vector<Part>& out) const {
  const size_t before = out.size();
  LongWord long_word;
  std::vector<TokenSpan> tokens;
  std::vector<Part> parts;
  const auto merge = [&](size_t from, size_t to, std::vector<TokenSpan>& made) {
    parts.clear();
    Bpe(*this, text.substr(from, to - from)).parts(parts);
    for (const Part& part : parts) made.push_back({part.id, part.begin + static_cast<uint32_t>(from), part.end + static_cast<uint32_t>(from)});
    return true;
  };
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    end = cuts_->next(text, begin);
    if (const size_t place = CharTokens::place(text.substr(begin, end - begin)); place != CharTokens::kNowhere) {
      out.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), char_ids_[place] == 0 ? unknown_ : char_ids_[place] - 1});
      continue;
    }
    tokens.clear();
    if (end - begin <= LongWord::kWindow) {
      merge(begin, end, tokens);
    } else if (!long_word.tokenize(text, begin, end, tokens, merge)) {
      out.resize(before);
      return false;
    }
    for (const TokenSpan& token : tokens) out.push_back({token.begin, token.end, token.id});
  }
  return true;
}

void SentencePiece::split_words(std::string_view text, std::vector<Part>& out) const {
  const auto add = [&](size_t begin, size_t end) {
    if (begin < end) out.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end), id_of(text.substr(begin, end - begin))});
  };
  size_t begin = 0;
  for (size_t at = text.find(kSpace); at != std::string_view::npos; at = text.find(kSpace, at + kSpace.size())) {
    const size_t cut = whitespace_suffix_ ? at + kSpace.size() : at;
    add(begin, cut);
    begin = cut;
  }
  add(begin, text.size());
}

void SentencePiece::split_characters(std::string_view text, std::vector<Part>& out) const {
  for (size_t at = 0; at < text.size();) {
    bool is_users = false;
    const size_t end = unit_end(text, at, is_users);
    out.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(end), id_of(text.substr(at, end - at))});
    at = end;
  }
}

std::vector<SentencePiece::Part> SentencePiece::split(std::string_view text) const {
  std::vector<Part> parts;
  switch (model_) {
    case Model::unigram: split_unigram(text, parts); break;
    case Model::bpe: split_bpe(text, parts); break;
    case Model::word: split_words(text, parts); break;
    case Model::character: split_characters(text, parts); break;
  }
  return parts;
}

namespace {
void check_size(std::string_view text) {
  if (text.size() > INT32_MAX) throw Error{ErrorKind::out_of_range, "a text of more than 2 GiB is too long to tokenise at once", ""};
}
}  // namespace

std::vector<SentencePiece::Token> SentencePiece::encode(std::string_view text) const {
  check_size(text);
  const Normalized normalized = normalize(text, rules_, map_);
  return tokens_of(normalized, split(normalized.text));
}

void SentencePiece::encode_ids(std::string_view text, std::vector<int32_t>& ids) const {
  check_size(text);
  const std::string normalized = normalize(text);
  bool after_unknown = false;
  for (const Part& part : split(normalized)) {
    const bool is_unknown = part.id == unknown_;
    if (is_unknown && byte_fallback_)
      for (uint32_t i = part.begin; i < part.end; i++) ids.push_back(byte_ids_[static_cast<unsigned char>(normalized[i])]);
    else if (!is_unknown || !after_unknown)
      ids.push_back(part.id);
    after_unknown = is_unknown;
  }
}

std::vector<SentencePiece::Token> SentencePiece::tokens_of(const Normalized& normalized, std::span<const Part> parts) const {
  std::vector<Token> out;
  bool after_unknown = false;
  for (const Part& part : parts) {
    const std::string_view piece = std::string_view(normalized.text).substr(part.begin, part.end - part.begin);
    const uint32_t begin = normalized.origin[part.begin], end = normalized.origin[part.end];
    const bool is_unknown = part.id == unknown_;
    if (is_unknown && byte_fallback_) {
      for (size_t i = 0; i < piece.size(); i++) {
        const int32_t id = byte_ids_[static_cast<unsigned char>(piece[i])];
        out.push_back({id, pieces_[static_cast<size_t>(id)].text, begin, i + 1 == piece.size() ? end : begin});
      }
    } else if (is_unknown && after_unknown) {
      out.back().piece += piece;
      out.back().end = end;
    } else {
      out.push_back({part.id, std::string(piece), begin, end});
    }
    after_unknown = is_unknown;
  }
  return out;
}

std::string SentencePiece::decode(std::span<const int32_t> ids) const {
  std::string text, bytes;
  const auto flush = [&] {
    for (size_t at = 0; at < bytes.size();) {
      const CodePoint c = decode_utf8(bytes, at);
      text += c.valid ? std::string_view(bytes).substr(at, c.size) : kReplacementText;
      at += c.valid ? c.size : 1;
    }
    bytes.clear();
  };
  bool at_begin = true, saw_space = false;
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<size_t>(id) >= pieces_.size()) continue;
    const Piece& piece = pieces_[static_cast<size_t>(id)];
    if (piece.type == Type::byte) {
      const auto byte = std::find(byte_ids_.begin(), byte_ids_.end(), id);
      if (byte != byte_ids_.end()) bytes.push_back(static_cast<char>(byte - byte_ids_.begin()));
      continue;
    }
    flush();
    if (saw_space || !text.empty()) at_begin = false;
    saw_space = false;
    if (piece.type == Type::control) continue;
    if (piece.type == Type::unknown) {
      text += unknown_surface_;
      continue;
    }
    std::string_view shown = piece.text;
    if (at_begin && (rules_.add_dummy_prefix || rules_.remove_extra_whitespaces) && shown.starts_with(kSpace)) {
      shown.remove_prefix(kSpace.size());
      saw_space = !rules_.remove_extra_whitespaces;
    }
    text += replace_spaces(shown);
  }
  flush();
  return denormalizes_ ? normalize(text, denormal_rules_, denormal_map_).text : text;
}

std::string SentencePiece::token_bytes(int32_t id) const {
  if (id < 0 || static_cast<size_t>(id) >= pieces_.size()) return {};
  const Piece& piece = pieces_[static_cast<size_t>(id)];
  const auto byte = std::find(byte_ids_.begin(), byte_ids_.end(), id);
  if (byte != byte_ids_.end()) return std::string(1, static_cast<char>(byte - byte_ids_.begin()));
  if (piece.type == Type::unknown) return unknown_surface_;
  return piece.type == Type::control ? std::string() : replace_spaces(piece.text);
}

}  // namespace orrery
