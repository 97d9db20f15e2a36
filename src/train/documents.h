// What a model is trained on: documents by index. A document is a pure function of (data, index), made in any order and by
// any thread, so that a run can go on anywhere.
//
//   const auto data = open_documents({"stories.txt"}, "causal", &tokenizer).value();
//   Document first = data->at(0);
//
// Forms of data
//   FILE.txt      documents ended by a line <|endoftext|>; without one, parted by blank lines; without those, the whole file
//   FILE.jsonl    a record a line: {"text": …}, for the token objective {"input": [ids], "target": [labels]}, and for
//                 seq2seq {"input": …, "target": …}, each a text or ids (a target without start and end)
//   {"corpus": NAME, "seed": N, "first": N, "count": N, …}   records of src/corpora, made when asked for
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tokenize/tokenizer.h"

namespace orrery {

constexpr int32_t kIgnored = -100;   // a label that is not scored

struct Document {
  std::vector<int32_t> ids;      // causal: BOS text EOS, as far as the tokenizer has them; masked: the text alone
  std::vector<int32_t> labels;   // of the token objective: one for each id
  std::vector<int32_t> source;   // of seq2seq: what the encoder reads; ids are the target
};

class Documents {
 public:
  virtual ~Documents() = default;
  virtual uint64_t count() const = 0;
  virtual Document at(uint64_t index) const = 0;
};

// `tokenizer` may be null where the records hold ids.
Result<std::unique_ptr<Documents>> open_documents(const std::vector<std::string>& data, const std::string& objective, const Tokenizer* tokenizer);

// Documents from memory: for tests, and for callers with data of their own.
std::unique_ptr<Documents> documents_of(std::vector<Document> documents);

// The texts of the bytes of a .txt file, as above.
std::vector<std::string_view> texts_of(std::string_view bytes);

}  // namespace orrery
