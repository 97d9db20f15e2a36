#include "tokenize/rank_file.h"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/base64.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/scanners.h"

namespace orrery {

namespace {

constexpr size_t kLongestToken = 8192;   // bytes; the way to a token takes time with the square of its length

struct Known {
  std::string_view name;
  std::string_view pattern;
  std::vector<std::string> special;   // with the ids that follow the ranks
  std::vector<std::pair<std::string, int32_t>> placed = {};   // or with these
};

std::vector<Known> all_known() {
  return {{"cl100k_base", kCl100kPattern, {}, {{"<|endoftext|>", 100257}, {"<|fim_prefix|>", 100258}, {"<|fim_middle|>", 100259}, {"<|fim_suffix|>", 100260}, {"<|endofprompt|>", 100276}}},
          {"o200k_base", kO200kPattern, {}, {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
          {"p50k_base", kGpt2Pattern, {}, {{"<|endoftext|>", 50256}}},
          {"r50k_base", kGpt2Pattern, {}, {{"<|endoftext|>", 50256}}},
          {"qwen", kQwen2Pattern, {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}}};
}

[[noreturn]] void bad(size_t line, const std::string& what) {
  throw Error{ErrorKind::bad_file, "line " + std::to_string(line) + " of the rank file " + what, ""};
}

struct Ranked {
  std::string bytes;
  int32_t rank;
};

Ranked read_line(std::string_view line, size_t number) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos) bad(number, "is no token in base64, a space and a rank");
  const auto bytes = decode_base64(line.substr(0, line.starts_with("= ") ? 0 : space));   // Whisper's has an empty token, "="
  if (!bytes || (bytes->empty() && line[0] != '=')) bad(number, "has no token in base64");
  if (bytes->size() > kLongestToken) bad(number, "has a token of more than " + std::to_string(kLongestToken) + " bytes");
  int32_t rank = -1;
  const char* end = line.data() + line.size();
  const auto [after, failed] = std::from_chars(line.data() + space + 1, end, rank);
  if (failed != std::errc() || after != end || rank < 0) bad(number, "has no rank from 0 to 2147483647");
  return {*bytes, rank};
}

using Ranks = std::unordered_map<std::string_view, int32_t>;

// The two parts whose joining makes the token, if the library's way from its bytes ends there. A part may have a larger rank
// than the token: then it was joined when no lower pair was left.
std::optional<std::pair<std::string_view, std::string_view>> last_step(std::string_view token, const Ranks& ranks, std::vector<size_t>& cuts,
                                                                       std::vector<int32_t>& joined) {
  const auto rank_of = [&](size_t begin, size_t end) {
    const auto found = ranks.find(token.substr(begin, end - begin));
    return found == ranks.end() ? INT32_MAX : found->second;
  };
  cuts.resize(token.size() + 1);
  for (size_t i = 0; i <= token.size(); i++) cuts[i] = i;
  joined.resize(token.size() - 1);   // the rank of what parts i and i + 1 make
  for (size_t i = 0; i < joined.size(); i++) joined[i] = rank_of(i, i + 2);
  while (cuts.size() > 3) {
    const auto best = std::min_element(joined.begin(), joined.end());
    if (*best == INT32_MAX) return std::nullopt;
    const auto i = static_cast<size_t>(best - joined.begin());
    cuts.erase(cuts.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    joined.erase(best);
    if (i < joined.size()) joined[i] = rank_of(cuts[i], cuts[i + 2]);
    if (i > 0) joined[i - 1] = rank_of(cuts[i - 1], cuts[i + 1]);
  }
  return std::pair(token.substr(0, cuts[1]), token.substr(cuts[1]));
}

std::string spelled(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) append_utf8(out, byte_to_char(static_cast<unsigned char>(c)));
  return out;
}

// The end of the atom of an expression that begins at `at`: a class, a group, an escape or a character.
size_t atom_end(std::string_view e, size_t at) {
  if (e[at] == '\\') {
    const bool braces = at + 2 < e.size() && (e[at + 1] == 'p' || e[at + 1] == 'P' || e[at + 1] == 'x') && e[at + 2] == '{';
    return braces ? std::min(e.find('}', at), e.size() - 1) + 1 : std::min(at + 2, e.size());
  }
  if (e[at] == '[') {
    size_t end = at + 1, depth = 1;
    for (; end < e.size() && depth > 0; end++) {
      if (e[end] == '\\') end++;
      else if (e[end] == '[') depth++;
      else if (e[end] == ']') depth--;
    }
    return std::min(end, e.size());
  }
  return std::min(at + decode_utf8(e, at).size, e.size());
}

// The special tokens in the order of their ids.
std::vector<std::pair<int32_t, std::string>> placed(const RankOptions& options, const std::vector<Ranked>& tokens, const Ranks& ranks) {
  std::vector<std::pair<int32_t, std::string>> list;
  int32_t next = tokens.back().rank + 1;
  for (const auto& [content, id] : options.special) {
    if (id != RankOptions::kNext) next = id;
    const auto same_rank = std::lower_bound(tokens.begin(), tokens.end(), next, [](const Ranked& t, int32_t rank) { return t.rank < rank; });
    if (content.empty() || ranks.contains(content) || (same_rank != tokens.end() && same_rank->rank == next))
      throw Error{ErrorKind::bad_usage, "the special token '" + content + "' of id " + std::to_string(next) + " is an ordinary token of the rank file", ""};
    list.emplace_back(next++, content);
  }
  std::sort(list.begin(), list.end());
  return list;
}

// tokenizer.json gives added tokens the ids that follow the number of entries in the vocabulary. So a token in a hole of the
// ranks stands in the vocabulary, and tokens in reserve fill the holes that are left, as in transformers.
void add_special_tokens(const std::vector<std::pair<int32_t, std::string>>& special, const std::vector<Ranked>& tokens, TokenizerFile& file) {
  constexpr int32_t kMostReserved = 65536;
  const int32_t last_rank = tokens.back().rank;
  const auto reserved = [](int32_t id) { return "<|reserved_token_" + std::to_string(id) + "|>"; };
  if (last_rank - static_cast<int32_t>(tokens.size()) >= kMostReserved)
    throw Error{ErrorKind::bad_file, "the rank file leaves out more than " + std::to_string(kMostReserved) + " ranks", ""};
  size_t place = 0;
  for (int32_t id = 0; id < last_rank; id++) {
    if (tokens[place].rank == id)
      place++;
    else if (std::none_of(special.begin(), special.end(), [&](const auto& token) { return token.first == id; }))
      file.model.vocab.emplace_back(reserved(id), id);
  }
  Json added = Json::array();
  const auto add = [&](int32_t id, const std::string& content) {
    added.push_back({{"id", id}, {"content", content}, {"special", true}, {"normalized", false}});
  };
  int32_t next = last_rank + 1;
  for (const auto& [id, content] : special) {
    if (id <= last_rank)
      file.model.vocab.emplace_back(content, id);
    else if (id < next || id - last_rank > kMostReserved)
      throw Error{ErrorKind::bad_usage, "the special token '" + content + "' has the id " + std::to_string(id) + ", which another has or which is too large", ""};
    for (; next < id; next++) add(next, reserved(next));
    add(id, content);
    next = std::max(next, id + 1);
  }
  file.json["added_tokens"] = std::move(added);
}

}  // namespace

bool is_rank_file(std::string_view text) {
  const size_t newline = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, newline);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 == line.size()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return std::all_of(line.begin() + static_cast<std::ptrdiff_t>(space) + 1, line.end(), is_digit) && decode_base64(line.substr(0, space)).has_value();
}

std::optional<RankOptions> known_ranks(std::string_view name) {
  const std::string_view stem = name.substr(0, name.find('.'));
  for (Known& known : all_known())
    if (known.name == stem) {
      RankOptions options{.pattern = std::string(known.pattern), .special = known.placed};
      for (std::string& token : known.special) options.special.emplace_back(std::move(token), RankOptions::kNext);
      return options;
    }
  return std::nullopt;
}

void describe_ranks(std::string_view text, const RankOptions& options, TokenizerFile& file) {
  std::vector<Ranked> tokens;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t newline = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, newline - at);
    at = newline + 1;
    number++;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) tokens.push_back(read_line(line, number));
  }
  std::sort(tokens.begin(), tokens.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
  Ranks ranks;
  ranks.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); i++) {
    if (i > 0 && tokens[i].rank == tokens[i - 1].rank)
      throw Error{ErrorKind::bad_file, "the rank file has two tokens of rank " + std::to_string(tokens[i].rank), ""};
    if (!ranks.emplace(tokens[i].bytes, tokens[i].rank).second)
      throw Error{ErrorKind::bad_file, "the rank file has the token of rank " + std::to_string(tokens[i].rank) + " twice", ""};
  }
  for (unsigned b = 0; b < 256; b++) {
    const char byte = static_cast<char>(b);
    if (!ranks.contains(std::string_view(&byte, 1)))
      throw Error{ErrorKind::bad_file, "the rank file has no token for the byte " + std::to_string(b), ""};
  }

  std::vector<size_t> cuts;
  std::vector<int32_t> joined;
  for (const Ranked& token : tokens) {
    file.model.vocab.emplace_back(spelled(token.bytes), token.rank);
    if (token.bytes.size() < 2) continue;
    if (const auto parts = last_step(token.bytes, ranks, cuts, joined))
      file.model.merges.emplace_back(spelled(parts->first), spelled(parts->second));
  }
  file.model.fields = {{"type", "BPE"}, {"ignore_merges", true}};   // a word that is a token is found without a way to it
  // What the expression does not match is lost; the usual ones match everything, and are quicker when that is said.
  const bool matches_all = matches_everything(options.pattern);
  file.json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       Json::array({{{"type", "Split"}, {"pattern", {{"Regex", oniguruma_expression(options.pattern)}}}, {"behavior", matches_all ? "Isolated" : "Removed"}, {"invert", !matches_all}},
                    {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}}})}};
  file.json["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  add_special_tokens(placed(options, tokens, ranks), tokens, file);
  file.config["invalid_utf8"] = "tiktoken";
}

std::string oniguruma_expression(std::string_view e) {
  std::string out;
  size_t atom = std::string::npos;       // where the last atom begins in `out`
  std::vector<size_t> groups;            // where the open groups begin in `out`
  for (size_t at = 0; at < e.size();) {
    const char c = e[at];
    if (c == '$' || c == '^') {
      out += c == '$' ? "\\z" : "\\A";
      at++;
    } else if (c == '(') {
      groups.push_back(out.size());
      out += e[at++];
      if (at < e.size() && e[at] == '?') {   // what kind of group it is, up to the ':' or the sign
        const size_t end = e.find_first_of(":=!>)", at);
        const size_t stop = std::min(end == std::string_view::npos ? e.size() : end + (e[end] == ')' ? 0 : 1), e.size());
        out += e.substr(at, stop - at);
        at = stop;
      }
      atom = std::string::npos;
    } else if (c == ')') {
      out += e[at++];
      atom = groups.empty() ? std::string::npos : groups.back();
      if (!groups.empty()) groups.pop_back();
    } else if (c == '{' && atom != std::string::npos) {
      const size_t close = e.find('}', at);
      if (close == std::string_view::npos) {
        out += e.substr(at);
        break;
      }
      out += e.substr(at, close + 1 - at);
      at = close + 1;
      if (at < e.size() && e[at] == '+') {   // there it would repeat what it repeats
        out.insert(atom, "(?>");
        out += ')';
        at++;
      }
    } else if (c == '*' || c == '+' || c == '?' || c == '|') {
      if (c == '|') atom = std::string::npos;
      out += e[at++];
    } else {
      atom = out.size();
      const size_t end = atom_end(e, at);
      out += e.substr(at, end - at);
      at = end;
    }
  }
  return out;
}

bool matches_everything(std::string_view expression) {
  for (const std::string_view known : {kGpt2Pattern, kLlama3Pattern, kQwen2Pattern, kCl100kPattern, kO200kPattern})
    if (expression == known || expression == oniguruma_expression(known)) return true;
  const auto has = [&](std::string_view part) { return expression.find(part) != std::string_view::npos; };
  return (expression.ends_with("|\\s+") || expression.ends_with("|\\s")) && has("|[^\\s\\p{L}\\p{N}]+|") && has("\\p{L}+|") && has("\\p{N}");
}

std::vector<std::pair<std::string, int32_t>> special_tokens_of(const Json& json) {
  std::vector<std::pair<std::string, int32_t>> list;
  const auto refuse = [] {
    throw Error{ErrorKind::bad_usage, "special tokens are given as {\"<|name|>\": id, …} or [\"<|name|>\", …]", "--special-tokens"};
  };
  if (json.is_array()) {
    for (const Json& token : json) {
      if (!token.is_string()) refuse();
      list.emplace_back(token.get<std::string>(), RankOptions::kNext);
    }
    return list;
  }
  if (!json.is_object()) refuse();
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX - 1) refuse();
    list.emplace_back(token, id.get<int32_t>());
  }
  return list;
}

}  // namespace orrery
