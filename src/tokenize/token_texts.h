// How the tokens of an encoding read. The vocabulary tells it by their ids, when it is asked; kept are only the texts that it does not tell:
// of unknown parts, of added tokens as they stood in the text, of what a post-processor adds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

class Vocab;

class TokenTexts {
 public:
  TokenTexts() = default;
  explicit TokenTexts(std::shared_ptr<const Vocab> vocab) : vocab_(std::move(vocab)) {}

  // Of token `at`, which has this id. Empty where nobody knows it.
  std::string_view of(size_t at, int32_t id) const;
  // Of a token after all that are kept so far.
  void keep(size_t at, std::string text) { kept_.push_back({at, std::move(text)}); }
  // Puts those of other tokens, which have these ids, after the `size` tokens here.
  void append(size_t size, const TokenTexts& other, std::span<const int32_t> ids);
  void append(size_t size, TokenTexts&& other, std::span<const int32_t> ids);
  TokenTexts part(size_t begin, size_t end) const;   // of tokens [begin, end)

 private:
  struct Kept {
    size_t at;
    std::string text;
  };
  std::span<const Kept> kept(size_t begin, size_t end) const;

  std::shared_ptr<const Vocab> vocab_;
  std::vector<Kept> kept_;   // in the order of tokens
};

}  // namespace orrery
