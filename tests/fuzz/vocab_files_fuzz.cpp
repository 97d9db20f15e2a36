// The files of a tokenizer's folder, each ended by a zero byte, and a text behind them. The first byte tells which they are: vocab.txt
// (0), vocab.json and merges.txt (1) or tokenizer.json (2); 3 to 5 are the same, and saved too, which takes far longer. Then follow
// tokenizer_config.json and special_tokens_map.json; files that are empty are left out. Whatever loads must keep a tokenizer's promises
// with the roles and lengths of its config, and what it saves must load to the same ids.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "folder.h"
#include "tokenize/tokenizer.h"
#include "use_tokenizer.h"

namespace {

void check_config(const orrery::Tokenizer& tokenizer) {
  const orrery::SpecialRoles& roles = tokenizer.roles();
  for (const auto& id : {roles.bos, roles.eos, roles.unk, roles.pad, roles.cls, roles.sep, roles.mask})
    FUZZ_CHECK(!id || (*id >= 0 && *id < tokenizer.id_limit() && tokenizer.token_of(*id)));
  FUZZ_CHECK(tokenizer.own_id_limit() <= tokenizer.id_limit());
  FUZZ_CHECK(tokenizer.usual_padding().id >= -1);
  tokenizer.usual_truncation();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace orrery;
  if (size == 0) return 0;
  static const Folder folder;
  folder.clear();
  const int form = data[0] % 6;
  std::vector<const char*> names = form % 3 == 0 ? std::vector{"vocab.txt"} : form % 3 == 1 ? std::vector{"vocab.json", "merges.txt"} : std::vector{"tokenizer.json"};
  names.insert(names.end(), {"tokenizer_config.json", "special_tokens_map.json"});
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const char* name : names)
    if (const std::string_view bytes = take_part(rest); !bytes.empty()) folder.write(name, bytes);
  const std::string text = "Hello <s> w\xC3\xB6rld 123 [CLS]\n" + std::string(rest.substr(0, 512));

  const auto tokenizer = Tokenizer::load(folder.path());
  if (!tokenizer) {
    FUZZ_CHECK(!tokenizer.error().what.empty());
    return 0;
  }
  check_config(*tokenizer);
  try {
    use_tokenizer(*tokenizer, text);
    if (form < 3) return 0;
    FUZZ_CHECK(tokenizer->save(folder.path() / "saved").ok());
    const auto saved = Tokenizer::load(folder.path() / "saved");
    FUZZ_CHECK(saved.ok() && saved->encode_ids(text) == tokenizer->encode_ids(text));
  } catch (const Error&) {   // an unknown token that the vocabulary lacks, or a text that grows without end
  }
  return 0;
}
