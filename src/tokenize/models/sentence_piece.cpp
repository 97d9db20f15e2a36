// A whole .model file of sentencepiece as a model: {"type": "SentencePiece", "proto": its bytes in base64}. Not known to
// Hugging Face, whose own models answer differently here and there; Tokenizer::save writes the file itself.
#include "base/base64.h"
#include "tokenize/model.h"
#include "tokenize/sentencepiece.h"
#include "tokenize/step.h"

namespace orrery::token_models {

namespace {

class SentencePieceModel : public TokenModel {
 public:
  explicit SentencePieceModel(const ModelConfig& config)
      : proto_(text_field(config.fields, "proto")), spm_(decode_base64(proto_).value_or(std::string())), vocab_(entries(spm_)) {}

  std::unique_ptr<ModelRun> run() const override { return std::make_unique<Run>(spm_); }
  const Vocab& vocab() const override { return vocab_; }
  Json to_json() const override { return {{"type", "SentencePiece"}, {"proto", proto_}}; }
  const SentencePiece* sentencepiece() const override { return &spm_; }

  Json explain(std::string_view piece, bool) const override { return spm_.explain(piece); }

 private:
  struct Run : ModelRun {
    explicit Run(const SentencePiece& of) : spm(of) {}
    void tokenize(std::string_view piece, bool, std::vector<TokenSpan>& out) override {
      for (const SentencePiece::Token& token : spm.encode(piece)) out.push_back({token.id, token.begin, token.end});
    }
    const SentencePiece& spm;
  };

  static TokenList entries(const SentencePiece& spm) {
    TokenList list;
    for (const SentencePiece::Piece& piece : spm.pieces()) list.emplace_back(piece.text, static_cast<int32_t>(list.size()));
    return list;
  }

  std::string proto_;   // in base64
  SentencePiece spm_;
  Vocab vocab_;
};

}  // namespace

const ModelKind& sentence_piece() {
  static const ModelKind kind = {.type = "SentencePiece", .make = [](ModelConfig config) -> std::unique_ptr<TokenModel> {
                                   return std::make_unique<SentencePieceModel>(config);
                                 }};
  return kind;
}

}  // namespace orrery::token_models
