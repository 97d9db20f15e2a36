// What sentence-transformers writes beside a model: modules.json, 1_Pooling/config.json and sentence_bert_config.json, each ended by a
// zero byte; an empty one is not there. Refused, or settings that a text can be read with.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "check.h"
#include "folder.h"
#include "generate/sentence.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  static const Folder folder;
  folder.clear();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (const char* name : {"modules.json", "1_Pooling/config.json", "sentence_bert_config.json"})
    if (const std::string_view bytes = take_part(rest); !bytes.empty()) folder.write(name, bytes);
  const auto settings = read_sentence_settings(folder.path());
  if (!settings) {
    FUZZ_CHECK(!settings.error().what.empty() && settings.error().where.starts_with(folder.path().string()));
    return 0;
  }
  FUZZ_CHECK(pooling_named(name_of(settings->pooling)) == settings->pooling);
  FUZZ_CHECK(!settings->max_tokens || *settings->max_tokens > 0);
  return 0;
}
