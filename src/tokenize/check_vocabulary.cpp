#include "tokenize/check_vocabulary.h"

namespace orrery {

void check_vocabulary(const Tokenizer& tokenizer, int64_t vocab_size, const std::string& where) {
  const int64_t ids = tokenizer.own_id_limit();
  if (ids > vocab_size)
    throw Error{ErrorKind::bad_file, "the tokenizer has ids up to " + std::to_string(ids - 1) + ", but vocab_size is " + std::to_string(vocab_size), where, "is the tokenizer of another model?"};
}

}  // namespace orrery
