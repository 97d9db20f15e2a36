// Data of a training run. The first byte chooses the objective (0 to 3), the second how the rest is given: as a file of records (0), as a file of
// text (1), or as itself, the name of a corpus and its options (2). Refused, or every document has something to learn of, and a label
// for each id where labels are read. The same files as texts for a new tokenizer are read to the end.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "check.h"
#include "folder.h"
#include "tokenize/tokenizer.h"
#include "tokenize/trainers/text_source.h"
#include "train/documents.h"

namespace {

using namespace orrery;

// Of single bytes, with a token before and after each text.
const Tokenizer& tokenizer() {
  static const Tokenizer made = [] {
    Json vocab = Json::object();
    vocab["<s>"] = 0;
    vocab["</s>"] = 1;
    vocab["<unk>"] = 2;
    for (int byte = 0; byte < 256; ++byte) {
      constexpr char kDigits[] = "0123456789ABCDEF";
      vocab[std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">"] = 3 + byte;
    }
    const auto special = [](int id, const char* content) { return Json{{"id", id}, {"content", content}, {"special", true}}; };
    Json json;
    json["added_tokens"] = Json::array({special(0, "<s>"), special(1, "</s>")});
    json["model"] = {{"type", "BPE"}, {"unk_token", "<unk>"}, {"byte_fallback", true}, {"vocab", vocab}, {"merges", Json::array()}};
    return Tokenizer::from_json(json).value();
  }();
  return made;
}

void check_texts(std::string_view bytes) {
  size_t last = 0;
  for (const std::string_view text : texts_of(bytes)) {
    const size_t begin = size_t(text.data() - bytes.data());
    FUZZ_CHECK(!text.empty() && begin >= last && begin + text.size() <= bytes.size());
    FUZZ_CHECK(text.front() != '\n' && text.back() != '\n');
    last = begin + text.size();
  }
}

void check(const Document& document, const std::string& objective, bool held) {
  const auto is_id = [](int32_t id) { return id >= 0 && id < tokenizer().id_limit(); };
  FUZZ_CHECK(!held || !document.ids.empty());
  if (objective == "token") FUZZ_CHECK(document.labels.size() == document.ids.size());
  else if (objective != "seq2seq") FUZZ_CHECK(std::all_of(document.ids.begin(), document.ids.end(), is_id) && document.source.empty());
  if (objective == "causal") FUZZ_CHECK(document.ids.size() >= 2 && document.ids.front() == tokenizer().bos_id() && document.ids.back() == tokenizer().eos_id());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static const Folder folder;
  constexpr const char* kObjectives[] = {"causal", "masked", "token", "seq2seq"};
  const std::string objective = kObjectives[data[0] % 4];
  const int form = data[1] % 3;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string path = (folder.path() / (form == 0 ? "data.jsonl" : "data.txt")).string();
  if (form != 2) {
    folder.write(path, rest);
    uint64_t before = 0;
    const Status status = read_texts(path, [&](std::string_view, uint64_t bytes) {
      FUZZ_CHECK(bytes >= before && bytes <= rest.size() + 1);
      before = bytes;
    });
    FUZZ_CHECK(status.ok() || form == 0);
  }
  if (form == 1) check_texts(rest);

  const auto documents = open_documents({form == 2 ? "{" + std::string(rest) : path}, objective, &tokenizer());
  if (!documents) {
    FUZZ_CHECK(!documents.error().what.empty());
    return 0;
  }
  const uint64_t count = (*documents)->count();
  FUZZ_CHECK(count > 0 && (form == 2 || count <= rest.size()));
  try {
    for (uint64_t i = 0; i < std::min<uint64_t>(count, 64); ++i) check((*documents)->at(i), objective, form != 2);
    check((*documents)->at(count - 1), objective, form != 2);
  } catch (const Error&) {   // a corpus whose records are not of this objective
    FUZZ_CHECK(form == 2);
  }
  return 0;
}
