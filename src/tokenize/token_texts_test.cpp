#include "tokenize/token_texts.h"

#include <doctest/doctest.h>

#include "tokenize/encoding.h"
#include "tokenize/vocab.h"

using namespace orrery;

namespace {

using Strings = std::vector<std::string>;

std::shared_ptr<const Vocab> vocab_of(const Strings& tokens) {
  TokenList entries;
  for (const std::string& token : tokens) entries.emplace_back(token, static_cast<int32_t>(entries.size()));
  return std::make_shared<const Vocab>(std::move(entries));
}

Encoding of_ids(const std::shared_ptr<const Vocab>& vocab, std::vector<int32_t> ids) {
  Encoding made;
  made.texts = TokenTexts(vocab);
  for (const int32_t id : ids) made.add(id, {}, 0, false, 0, 0);
  return made;
}

}  // namespace

TEST_CASE("tokens read as the vocabulary says, but those whose text is kept") {
  const auto vocab = vocab_of({"a", "b", "<unk>"});
  Encoding e = of_ids(vocab, {0, 1});
  e.add(2, "@", {}, 0, false, 0, 0);
  e.add(1, {}, 0, false, 0, 0);
  e.add(7, {}, 0, false, 0, 0);
  CHECK(e.tokens() == Strings{"a", "b", "@", "b", ""});
  CHECK(e.part(1, 4).tokens() == Strings{"b", "@", "b"});
  CHECK(e.part(3, 4).tokens() == Strings{"b"});
}

TEST_CASE("texts stay with their tokens when encodings are joined, whichever keeps its place") {
  const auto vocab = vocab_of({"a", "b", "<unk>"});
  Encoding special;
  special.add(0, "[CLS]", {}, 0, true, 0, 0);
  for (const size_t longer : {0, 1}) {
    Encoding first = longer == 0 ? of_ids(vocab, {0, 1}) : special, second = longer == 0 ? special : of_ids(vocab, {0, 1});
    second.add(2, "@", {}, 0, false, 0, 0);
    Encoding copied = first;
    copied.append(second);
    first.append(std::move(second));
    const Strings expected = longer == 0 ? Strings{"a", "b", "[CLS]", "@"} : Strings{"[CLS]", "a", "b", "@"};
    CHECK(first.tokens() == expected);
    CHECK(copied.tokens() == expected);
  }
}

TEST_CASE("encodings of two vocabularies may be joined, and outlive both") {
  Encoding e = of_ids(vocab_of({"a", "b"}), {1, 0});
  e.append(of_ids(vocab_of({"x", "y"}), {1, 0}));
  CHECK(e.tokens() == Strings{"b", "a", "y", "x"});
}
