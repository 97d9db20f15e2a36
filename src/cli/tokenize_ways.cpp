#include "cli/tokenize_ways.h"

#include <cstdio>

#include "cli/loading.h"
#include "tokenize/sentencepiece.h"

namespace orrery::cli {

namespace {

Json row_of(const std::vector<SentencePiece::Token>& tokens) {
  Json ids = Json::array(), pieces = Json::array();
  for (const SentencePiece::Token& token : tokens) ids.push_back(token.id), pieces.push_back(token.piece);
  return {{"ids", std::move(ids)}, {"tokens", std::move(pieces)}};
}

void print(Context& context, const std::vector<SentencePiece::Token>& tokens, const std::string& head) {
  std::string line = head;
  for (const SentencePiece::Token& token : tokens) line += (line.empty() ? "" : " ") + printable(token.piece);
  context.out().line(line);
}

}  // namespace

void tokenize_ways(Context& context, const Tokenizer& tokenizer, const std::string& text, const WaysOptions& options) {
  const SentencePiece* model = tokenizer.sentencepiece();
  if (!model) throw Error{ErrorKind::unsupported, "the tokenizer has one way to cut a text", "--nbest, --samples", "sentencepiece's .model files have several"};
  Json best = Json::array(), samples = Json::array();
  if (options.nbest > 0)
    for (const SentencePiece::Path& path : model->nbest(text, options.nbest)) {
      char score[32];
      std::snprintf(score, sizeof score, "%9.4f ", path.score);
      if (!context.json()) print(context, path.tokens, score);
      Json row = row_of(path.tokens);
      row["score"] = path.score;
      best.push_back(std::move(row));
    }
  Random random(context.globals().seed);
  for (int64_t i = 0; i < options.samples; i++) {
    const std::vector<SentencePiece::Token> tokens = model->sample(text, options.alpha, options.nbest_size, random);
    if (!context.json()) print(context, tokens, "");
    samples.push_back(row_of(tokens));
  }
  if (context.json()) context.out().json({{"nbest", std::move(best)}, {"samples", std::move(samples)}});
}

}  // namespace orrery::cli
