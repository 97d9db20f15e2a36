#include "cli/tokenize_lengths.h"

namespace orrery::cli {
namespace {

[[noreturn]] void wrong(std::string what, std::string where, std::string hint) { throw Error{ErrorKind::bad_usage, std::move(what), std::move(where), std::move(hint)}; }

Truncation truncation_of(const LengthOptions& options, const Tokenizer& tokenizer) {
  Truncation made = tokenizer.usual_truncation();
  if (options.truncation == "file") {
    if (!tokenizer.truncation()) wrong("the tokenizer's file does not say how texts are cut", "--truncation file", "give --max-length N");
    made = *tokenizer.truncation();
  } else if (options.truncation == "only_first") {
    made.strategy = Truncation::Strategy::only_first;
  } else if (options.truncation == "only_second") {
    made.strategy = Truncation::Strategy::only_second;
  }
  if (options.max_length) made.max_length = static_cast<size_t>(*options.max_length);
  if (options.stride) made.stride = static_cast<size_t>(*options.stride);
  if (!options.truncation_side.empty()) made.left = options.truncation_side == "left";
  if (made.max_length == 0) wrong("nothing says to which length texts are cut", "--truncation " + options.truncation, "give --max-length N");
  return made;
}

Padding padding_of(const LengthOptions& options, const Tokenizer& tokenizer, const std::optional<Truncation>& truncation) {
  Padding made = tokenizer.usual_padding();
  const std::string where = "--padding " + options.padding;
  if (options.padding == "file") {
    if (!tokenizer.padding()) wrong("the tokenizer's file does not say how encodings are filled up", where, "give --padding longest");
    made = *tokenizer.padding();
  } else {
    made.multiple_of.reset();
    made.length.reset();
  }
  if (options.padding == "max_length") {
    const size_t most = options.max_length ? static_cast<size_t>(*options.max_length) : truncation ? truncation->max_length : tokenizer.usual_truncation().max_length;
    if (most == 0) wrong("nothing says to which length encodings are filled up", where, "give --max-length N");
    made.length = most;
  }
  if (options.pad_to_multiple_of) made.multiple_of = static_cast<size_t>(*options.pad_to_multiple_of);
  if (!options.padding_side.empty()) made.left = options.padding_side == "left";
  if (!options.pad_token.empty()) {
    const std::optional<int32_t> id = tokenizer.id_of(options.pad_token);
    if (!id) throw Error{ErrorKind::not_found, "the vocabulary has no token '" + options.pad_token + "'", "--pad-token"};
    made.id = *id;
    made.token = options.pad_token;
  }
  if (made.id < 0) wrong("the tokenizer has no token to fill up with", where, "name one: --pad-token TOKEN");
  return made;
}

}  // namespace

Lengths lengths_of(const LengthOptions& options, const Tokenizer& tokenizer) {
  const bool pads = !options.padding.empty() && options.padding != "do_not_pad";
  // A length alone cuts; with --padding max_length alone it is what is filled up to, as in transformers.
  const bool says_how = options.stride || !options.truncation_side.empty();
  const bool cuts = options.truncation.empty() ? options.max_length && (says_how || options.padding != "max_length") : options.truncation != "do_not_truncate";
  if (!cuts && says_how)
    wrong("nothing is cut", options.stride ? "--stride" : "--truncation-side", "--max-length N or --truncation longest_first cuts texts");
  if (!pads && (options.pad_to_multiple_of || !options.padding_side.empty() || !options.pad_token.empty()))
    wrong("nothing is filled up", options.pad_to_multiple_of ? "--pad-to-multiple-of" : !options.pad_token.empty() ? "--pad-token" : "--padding-side", "--padding longest or --padding max_length fills up");
  Lengths made;
  if (cuts) made.truncation = truncation_of(options, tokenizer);
  if (pads) made.padding = padding_of(options, tokenizer, made.truncation);
  return made;
}

}  // namespace orrery::cli
