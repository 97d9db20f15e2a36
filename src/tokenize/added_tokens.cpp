#include "tokenize/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"

namespace orrery {

void StringSet::add(std::string_view text, int32_t value) {
  if (text.empty()) return;
  if (nodes_.empty()) nodes_.emplace_back();
  if (begins_.find(text[0]) == std::string::npos) begins_ += text[0];
  if (text.size() == 1) second_.set();
  else second_.set(static_cast<unsigned char>(text[1]));
  uint32_t node = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      if (node == 0)
        first_[byte] = next;
      else
        edges_[uint64_t(node) << 8 | byte] = next;
    }
    node = next;
  }
  if (nodes_[node].value < 0) nodes_[node].value = value;
}

uint32_t StringSet::child(uint32_t node, unsigned char byte) const {
  if (node == 0) return first_[byte];
  const auto edge = edges_.find(uint64_t(node) << 8 | byte);
  return edge == edges_.end() ? 0 : edge->second;
}

size_t StringSet::candidate(std::string_view text, size_t from) const {
  const auto goes_on = [&](size_t at) { return at + 1 == text.size() || second_[static_cast<unsigned char>(text[at + 1])]; };
  if (begins_.empty()) return std::string_view::npos;
  if (begins_.size() == 1) {
    while ((from = text.find(begins_[0], from)) < text.size() && !goes_on(from)) ++from;
    return from;
  }
  while (from < text.size() && (first_[static_cast<unsigned char>(text[from])] == 0 || !goes_on(from))) ++from;
  return from;
}

std::optional<StringSet::Match> StringSet::find(std::string_view text, size_t from) const {
  for (size_t begin = candidate(text, from); begin < text.size(); begin = candidate(text, begin + 1)) {
    uint32_t node = first_[static_cast<unsigned char>(text[begin])];
    std::optional<Match> longest;
    for (size_t at = begin + 1;; at++) {
      if (nodes_[node].value >= 0) longest = Match{begin, at, nodes_[node].value};
      if (at == text.size()) break;
      node = child(node, static_cast<unsigned char>(text[at]));
      if (node == 0) break;
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

AddedTokens::AddedTokens(const Json& list, const Vocab& vocab, const Normalizer* normalizer) {
  if (!list.is_array()) throw Error{ErrorKind::bad_file, "\"added_tokens\" is no list", ""};
  int32_t next_id = static_cast<int32_t>(vocab.size());
  for (const Json& entry : list) {
    if (!entry.is_object()) throw Error{ErrorKind::bad_file, "\"added_tokens\" has an entry that is no object", ""};
    AddedToken token;
    token.content = text_field(entry, "content");
    token.single_word = flag_field(entry, "single_word", false);
    token.lstrip = flag_field(entry, "lstrip", false);
    token.rstrip = flag_field(entry, "rstrip", false);
    token.special = flag_field(entry, "special", false);
    token.normalized = flag_field(entry, "normalized", !token.special);
    if (token.content.empty()) continue;

    const auto known = ids_.find(token.content);
    token.id = known != ids_.end() ? known->second : vocab.find(token.content);
    if (token.id == Vocab::kAbsent) token.id = next_id++;
    ids_[token.content] = token.id;
    if (token.special) special_texts_.insert(token.content);
    const auto [place, is_new] = places_.emplace(token.id, tokens_.size());
    if (is_new)
      tokens_.push_back(std::move(token));
    else
      tokens_[place->second] = std::move(token);   // given twice: the later flags count
  }

  std::stable_sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  for (size_t i = 0; i < tokens_.size(); i++) {
    const AddedToken& token = tokens_[i];
    places_[token.id] = i;
    if (!token.normalized) {
      raw_.add(token.content, static_cast<int32_t>(i));
      continue;
    }
    AlignedText text{.text = token.content, .origin = {}, .tracked = false};
    if (normalizer) normalizer->normalize(text);
    normalized_.add(text.text, static_cast<int32_t>(i));
    if (text.text != token.content) normalized_texts_[token.id] = text.text;
  }
}

namespace {

bool word_before(std::string_view text, size_t at) {
  return at > 0 && is(decode_utf8(text, previous_utf8(text, at)).value, kWord);
}
bool word_after(std::string_view text, size_t at) { return at < text.size() && is(decode_utf8(text, at).value, kWord); }

size_t space_before(std::string_view text, size_t at) {
  while (at > 0) {
    const size_t last = previous_utf8(text, at);
    if (!is(decode_utf8(text, last).value, kWhitespace)) break;
    at = last;
  }
  return at;
}
size_t space_after(std::string_view text, size_t at) {
  while (at < text.size()) {
    const CodePoint c = decode_utf8(text, at);
    if (!is(c.value, kWhitespace)) break;
    at += c.size;
  }
  return at;
}

}  // namespace

void AddedTokens::cut(Pieces& pieces, const StringSet& set, bool specials_as_text) const {
  if (set.empty()) return;
  pieces.split([&](std::string_view text, auto emit) {
    size_t done = 0;
    for (auto match = set.find(text, 0); match; match = set.find(text, match->end)) {
      const AddedToken& token = tokens_[static_cast<size_t>(match->value)];
      if (specials_as_text && special_texts_.contains(token.content)) continue;
      size_t begin = match->begin, end = match->end;
      if (token.single_word && (word_before(text, begin) || word_after(text, end))) continue;
      if (token.lstrip) begin = std::max(space_before(text, begin), done);
      if (token.rstrip) end = space_after(text, end);
      if (done < begin) emit(done, begin);
      emit(begin, end, token.id);
      done = end;
    }
    emit(done, text.size());
  });
}

std::vector<std::string> AddedTokens::normalized_texts() const {
  std::vector<std::string> texts;
  for (const AddedToken& token : tokens_)
    if (token.normalized) texts.push_back(text(token));
  return texts;
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = ids_.find(std::string(content));
  return found == ids_.end() ? nullptr : find(found->second);
}

const AddedToken* AddedTokens::find(int32_t id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &tokens_[found->second];
}

const std::string& AddedTokens::text(const AddedToken& token) const {
  const auto normalized = normalized_texts_.find(token.id);
  return normalized == normalized_texts_.end() ? token.content : normalized->second;
}

Json AddedTokens::to_json() const {
  Json list = Json::array();
  for (const AddedToken& token : tokens_)
    list.push_back({{"id", token.id},
                    {"content", token.content},
                    {"single_word", token.single_word},
                    {"lstrip", token.lstrip},
                    {"rstrip", token.rstrip},
                    {"normalized", token.normalized},
                    {"special", token.special}});
  return list;
}

}  // namespace orrery
