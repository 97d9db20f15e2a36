// WordLevel: each piece is one token, or the unknown one.
#include "tokenize/model.h"
#include "tokenize/step.h"

namespace orrery::token_models {

namespace {

class WordLevel : public TokenModel {
 public:
  explicit WordLevel(ModelConfig config)
      : vocab_(std::move(config.vocab)), unknown_(text_field(config.fields, "unk_token"), vocab_) {}

  std::unique_ptr<ModelRun> run() const override { return std::make_unique<Run>(*this); }
  const Vocab& vocab() const override { return vocab_; }
  Json to_json() const override {
    return {{"type", "WordLevel"}, {"vocab", vocab_json(vocab_)}, {"unk_token", unknown_.token()}};
  }
  Json explain(std::string_view piece, bool) const override { return {{"model", "WordLevel"}, {"known", vocab_.find(piece) != Vocab::kAbsent}}; }

 private:
  struct Run : ModelRun {
    explicit Run(const WordLevel& of) : model(of) {}
    void tokenize(std::string_view piece, bool, std::vector<TokenSpan>& out) override {
      int32_t id = model.vocab_.find(piece);
      if (id == Vocab::kAbsent) id = model.unknown_.id(piece);
      out.push_back({id, 0, static_cast<uint32_t>(piece.size())});
    }
    const WordLevel& model;
  };

  Vocab vocab_;
  UnknownToken unknown_;
};

}  // namespace

const ModelKind& word_level() {
  static const ModelKind kind = {.type = "WordLevel", .make = [](ModelConfig config) -> std::unique_ptr<TokenModel> {
                                   return std::make_unique<WordLevel>(std::move(config));
                                 }};
  return kind;
}

}  // namespace orrery::token_models
