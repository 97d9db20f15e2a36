// What `orrery tokenize` shows: encodings and the stages of a text, as JSON and for people.
#pragma once

#include "cli/context.h"
#include "tokenize/tokenizer.h"

namespace orrery::cli {

// `cuts`: with what truncation cut off, window by window, as "overflowing".
Json encoding_json(const Encoding& encoding, const Tokenizer& tokenizer, bool cuts);

// On a terminal the text with its tokens on two backgrounds in turn; then a row for each token. What was cut off follows.
void print_encoding(Output& out, const Encoding& encoding, const Tokenizer& tokenizer);

// Of Tokenizer::explain: a line for each step, its pieces on two backgrounds in turn; then why each piece became its tokens.
void print_stages(Output& out, const Json& stages);

}  // namespace orrery::cli
