// Text to ids and back, with the shipped storyteller's own vocabulary.
#include <cstdio>

#include "tokenize/tokenizer.h"

using namespace orrery;

int main() {
  const Tokenizer tokenizer = Tokenizer::load("checkpoints/storyteller").value();
  const std::string text = "One day, a fox found a café.";
  const Encoding encoding = tokenizer.encode(text);
  for (size_t i = 0; i < encoding.ids.size(); ++i)
    std::printf("%5d  %-10s characters %lld to %lld\n", encoding.ids[i], std::string(encoding.token(i)).c_str(), static_cast<long long>(encoding.offsets[i].begin), static_cast<long long>(encoding.offsets[i].end));

  // Ids become text again one at a time: a character made of two tokens appears when its second one does.
  DecodeStream stream(tokenizer, /*skip_special=*/true);
  std::string shown;
  for (int32_t id : encoding.ids) shown += stream.push(id);
  shown += stream.finish();
  std::printf("%s\n", shown.c_str());
  return shown == text && tokenizer.decode(encoding.ids, true) == text ? 0 : 1;
}
