#include "tokenize/token_texts.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "tokenize/vocab.h"

namespace orrery {

std::span<const TokenTexts::Kept> TokenTexts::kept(size_t begin, size_t end) const {
  const auto first = std::partition_point(kept_.begin(), kept_.end(), [&](const Kept& one) { return one.at < begin; });
  const auto last = std::partition_point(first, kept_.end(), [&](const Kept& one) { return one.at < end; });
  return {first, last};
}

std::string_view TokenTexts::of(size_t at, int32_t id) const {
  if (const std::span<const Kept> found = kept(at, at + 1); !found.empty()) return found[0].text;
  return vocab_ ? vocab_->token(id).value_or("") : std::string_view();
}

void TokenTexts::append(size_t size, const TokenTexts& other, std::span<const int32_t> ids) {
  if (!vocab_) vocab_ = other.vocab_;
  if (other.vocab_ && other.vocab_ != vocab_) {
    for (size_t i = 0; i < ids.size(); ++i) keep(size + i, std::string(other.of(i, ids[i])));
    return;
  }
  for (const Kept& one : other.kept_) keep(size + one.at, one.text);
}

void TokenTexts::append(size_t size, TokenTexts&& other, std::span<const int32_t> ids) {
  if (!vocab_) vocab_ = other.vocab_;
  if (other.vocab_ && other.vocab_ != vocab_) return append(size, std::as_const(other), ids);
  for (Kept& one : other.kept_) one.at += size;
  if (kept_.empty()) kept_.swap(other.kept_);
  else std::move(other.kept_.begin(), other.kept_.end(), std::back_inserter(kept_));
  other.kept_.clear();
}

TokenTexts TokenTexts::part(size_t begin, size_t end) const {
  TokenTexts out(vocab_);
  for (const Kept& one : kept(begin, end)) out.keep(one.at - begin, one.text);
  return out;
}

}  // namespace orrery
