// Long texts of BPE models of sentencepiece, which are cut and joined again, against the definition.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "tokenize/protobuf.h"
#include "tokenize/sentencepiece.h"

using namespace orrery;

namespace {

struct Pieces {
  std::map<std::string, std::pair<int32_t, float>> known;   // id and score

  SentencePiece model() const {
    std::vector<std::pair<std::string, float>> by_id(known.size());
    for (const auto& [text, id_score] : known) by_id[static_cast<size_t>(id_score.first) - 1] = {text, id_score.second};
    ProtobufWriter file, trainer, rules;
    const auto add = [&](const std::string& text, float score, uint64_t type) {
      ProtobufWriter piece;
      piece.bytes(1, text);
      piece.real(2, score);
      piece.integer(3, type);
      file.bytes(1, piece.message());
    };
    add("<unk>", 0, 2);
    for (const auto& [text, score] : by_id) add(text, score, 1);
    trainer.integer(3, 2);
    file.bytes(2, trainer.message());
    rules.integer(3, 0);
    rules.integer(4, 0);
    file.bytes(3, rules.message());
    return SentencePiece(file.message());
  }

  // Joins the neighbours of the highest score, the leftmost of equals; unknown neighbours are one.
  std::vector<int32_t> ids(const std::string& text) const {
    std::vector<std::string> parts;
    for (size_t at = 0; at < text.size(); at += decode_utf8(text, at).size) parts.push_back(text.substr(at, decode_utf8(text, at).size));
    for (;;) {
      const std::pair<int32_t, float>* best = nullptr;
      size_t where = 0;
      for (size_t i = 0; i + 1 < parts.size(); ++i)
        if (const auto found = known.find(parts[i] + parts[i + 1]); found != known.end() && (!best || found->second.second > best->second)) best = &found->second, where = i;
      if (!best) break;
      parts[where] += parts[where + 1];
      parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
    }
    std::vector<int32_t> made;
    bool after_unknown = false;
    for (const std::string& part : parts) {
      const auto found = known.find(part);
      if (found != known.end() || !after_unknown) made.push_back(found == known.end() ? 0 : found->second.first);
      after_unknown = found == known.end();
    }
    return made;
  }
};

}  // namespace

TEST_CASE("long texts of a BPE model have the pieces of the definition") {
  const std::vector<std::string> characters = {"a", "b", "\u00E9", "\u0301", "\u6F22", "\u5B57", "\u4E00", "\u2581", "\U0001F642"};
  std::mt19937_64 random(3);
  const auto any = [&]() -> const std::string& { return characters[random() % characters.size()]; };
  for (int round = 0; round < 40; ++round) {
    Pieces pieces;
    const auto add = [&](const std::string& text) { pieces.known.emplace(text, std::pair(int32_t(pieces.known.size()) + 1, -float(random() % (round % 2 == 0 ? 5 : 1000)))); };
    for (const std::string& c : characters)
      if (random() % 5 != 0) add(c);
    add("a");
    for (int i = 0; i < 40; ++i) {
      std::string text = any();
      for (size_t more = 1 + random() % 4; more > 0; --more) {
        text += random() % 2 == 0 ? text.substr(0, decode_utf8(text, 0).size) : any();
        add(text);
      }
    }
    const SentencePiece model = pieces.model();
    for (const size_t length : {size_t(1), size_t(5), 100 + random() % 200, 800 + random() % 600}) {
      std::string text;
      for (size_t done = 0; done < length;) {
        const std::string one = any(), other = any();
        for (size_t run = 1 + random() % (random() % 3 == 0 ? 700 : 9); run > 0 && done < length; --run, ++done) text += random() % 8 == 0 ? any() : done % 2 == 0 ? one : other;
      }
      std::vector<int32_t> ids, told;
      model.encode_ids(text, ids);
      for (const SentencePiece::Token& token : model.encode(text)) told.push_back(token.id);
      CAPTURE(text);
      REQUIRE(ids == pieces.ids(text));
      REQUIRE(told == ids);
    }
  }
}
