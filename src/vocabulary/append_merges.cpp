#include "vocabulary/append_merges.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/utf8.h"
#include "tokenize/trainers/pair_merges.h"

namespace orrery {

namespace {

// Byte-pair encoding of one token's characters, by merges that grow.
class Merger {
 public:
  explicit Merger(const Json& model) {
    const auto text = [&](const char* name) { return model.contains(name) && model[name].is_string() ? model[name].get<std::string>() : std::string(); };
    prefix_ = text("continuing_subword_prefix");
    suffix_ = text("end_of_word_suffix");
    for (const auto& [token, id] : model["vocab"].items()) {
      ids_.emplace(token, id.get<int32_t>());
      next_id_ = std::max(next_id_, id.get<int32_t>() + 1);
    }
    for (const Json& merge : model["merges"]) append(merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>());
  }

  const std::string& prefix() const { return prefix_; }
  bool has(const std::string& token) const { return ids_.contains(token); }

  // The symbols that a word's token begins as: each character, inside a word with the prefix, at its end with the suffix.
  std::vector<std::string> spell(std::string_view token) const {
    const bool inside = !prefix_.empty() && token.starts_with(prefix_), ends = !suffix_.empty() && token.ends_with(suffix_) && token.size() > suffix_.size();
    if (inside) token.remove_prefix(prefix_.size());
    if (ends) token.remove_suffix(suffix_.size());
    std::vector<std::string> symbols;
    for (size_t at = 0; at < token.size();) {
      const uint32_t size = decode_utf8(token, at).size;
      symbols.push_back((inside || at > 0 ? prefix_ : "") + std::string(token.substr(at, size)));
      at += size;
    }
    if (ends && !symbols.empty()) symbols.back() += suffix_;
    return symbols;
  }

  // A token as the tokens that it takes; none where a character is not one.
  std::vector<std::string> encode(std::string_view token) const {
    std::vector<std::string> symbols = spell(token);
    std::vector<int32_t> row;
    for (const std::string& symbol : symbols) {
      const auto known = ids_.find(symbol);
      if (known == ids_.end()) return {};
      row.push_back(known->second);
    }
    for (;;) {
      const Merge* best = nullptr;
      size_t place = 0;
      for (size_t i = 0; i + 1 < row.size(); i++) {
        const auto merge = merges_.find(pair_of(row[i], row[i + 1]));
        if (merge == merges_.end() || (best && merge->second.rank >= best->rank)) continue;
        best = &merge->second;
        place = i;
      }
      if (!best) return symbols;
      symbols[place] = join(symbols[place], symbols[place + 1]);
      row[place] = best->product;
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(place) + 1);
      row.erase(row.begin() + static_cast<ptrdiff_t>(place) + 1);
    }
  }

  // A merge after all others.
  void append(const std::string& left, const std::string& right) {
    const auto [product, is_new] = ids_.emplace(join(left, right), next_id_);
    next_id_ += is_new;
    merges_[pair_of(ids_.at(left), ids_.at(right))] = {next_rank_++, product->second};
  }

 private:
  struct Merge {
    size_t rank;
    int32_t product;
  };
  static uint64_t pair_of(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }
  std::string join(const std::string& left, const std::string& right) const { return left + right.substr(prefix_.size()); }

  std::string prefix_, suffix_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<uint64_t, Merge> merges_;
  int32_t next_id_ = 0;
  size_t next_rank_ = 0;
};

}  // namespace

std::vector<std::pair<std::string, std::string>> append_merges(const Json& model, const std::map<std::vector<std::string>, int64_t>& words, int64_t tokens, int64_t min_frequency) {
  Merger merger(model);
  const auto enough = 2 * static_cast<int64_t>(model["vocab"].size()) + tokens;
  PairMerges domain({.vocab_size = enough, .min_frequency = min_frequency, .max_token_length = INT64_MAX, .prefix = merger.prefix()});
  std::vector<int32_t> row;
  for (const auto& [word, count] : words) {
    row.clear();
    for (const std::string& token : word)
      for (const std::string& symbol : merger.spell(token)) row.push_back(domain.token(symbol));
    domain.add_word(row, count);
  }
  const size_t characters = domain.tokens().size();
  domain.learn({});

  std::vector<std::pair<std::string, std::string>> appended;
  for (size_t i = characters; i < domain.tokens().size() && static_cast<int64_t>(appended.size()) < tokens; i++) {
    const std::string& token = domain.tokens()[i];
    if (merger.has(token)) continue;
    const std::vector<std::string> parts = merger.encode(token);
    if (parts.size() != 2) continue;
    merger.append(parts[0], parts[1]);
    appended.emplace_back(parts[0], parts[1]);
  }
  return appended;
}

}  // namespace orrery
