// BERT (Devlin et al. 2018): an encoder with learned positions and token types, norms after each addition, and a GELU
// feed-forward. Heads: masked language model, sequence and token classification.
//
//   x = layer_norm(word[ids] + position[positions] + type[types])
//   x = layer_norm(x + attention(x));   x = layer_norm(x + mlp(x))        for each layer
#include "models/blocks.h"
#include "models/family.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  ConfigReader fields(json, where);
  Config c = read_common(fields, json, {{"BertModel", Head::none}, {"BertForMaskedLM", Head::masked_lm}, {"BertForPreTraining", Head::masked_lm},
                                        {"BertForSequenceClassification", Head::sequence_classification}, {"BertForTokenClassification", Head::token_classification}});
  c.intermediate_size = fields.integer("intermediate_size", {1, 1 << 22});
  c.activation = read_activation(fields, "hidden_act", "gelu");
  c.norm_eps = fields.number_or("layer_norm_eps", 1e-12, {0, 1});
  c.type_vocab_size = fields.integer_or("type_vocab_size", 2, {1, 1 << 16});
  c.max_positions = fields.integer_or("max_position_embeddings", 512, {1, 1 << 24});
  c.tied = fields.boolean_or("tie_word_embeddings", true);
  c.embedding_dropout = c.residual_dropout = fields.number_or("hidden_dropout_prob", 0.1, {0, 0.99});
  c.attention_dropout = fields.number_or("attention_probs_dropout_prob", 0.1, {0, 0.99});
  c.classifier_dropout = fields.number_or("classifier_dropout", c.residual_dropout, {0, 0.99});
  const std::string positions = fields.string_or("position_embedding_type", "absolute");
  if (positions != "absolute")
    fields.fail("position_embedding_type '" + positions + "' is not supported", "only 'absolute' is", ErrorKind::unsupported);
  if (fields.boolean_or("is_decoder", false)) fields.fail("a BERT that decodes (is_decoder) is not supported", "", ErrorKind::unsupported);
  c.pooler = fields.boolean_or("add_pooling_layer", true);
  divide_heads(fields, c);
  c.base_names = c.head == Head::none;
  return fields.finish(std::move(c));
}

Value encoder_layer(Scope layer, const Config& c, Value x, const Inputs& in) {
  const Scope self = layer / "attention" / "self", output = layer / "attention" / "output";
  const Value q = linear_layer(self / "query", x, c.hidden_size, true);
  const Value k = linear_layer(self / "key", x, c.hidden_size, true);
  const Value v = linear_layer(self / "value", x, c.hidden_size, true);
  const Value mixed = mix_heads(layer, c, q, k, v, in, /*causal=*/false);                          // [tokens, hidden]
  const Value attended = layer.name("attention_out", dropout(linear_layer(output / "dense", mixed, c.hidden_size, true), in.sequences, c.residual_dropout));
  x = layer.name("residual_mid", layer_norm_layer(output / "LayerNorm", attended + x, c.norm_eps));
  const Value inner = layer.name("mlp_inner", linear_layer(layer / "intermediate" / "dense", x, c.intermediate_size, true));
  const Value active = layer.name("mlp_activation", unary(c.activation, inner));
  const Value out = layer.name("mlp_out", dropout(linear_layer(layer / "output" / "dense", active, c.hidden_size, true), in.sequences, c.residual_dropout));
  return layer.name("residual", layer_norm_layer(layer / "output" / "LayerNorm", out + x, c.norm_eps));
}

// The first token's state, through a tanh layer: what a text is classified by.
Value pooler(Scope root, const Config& c, Value x, const Inputs& in) {
  const Value first = select_rows(x, in.sequences.first_rows());                                   // [sequences, hidden]
  return root.name("pooled", unary(Unary::tanh, linear_layer(root / "pooler" / "dense", first, c.hidden_size, true)));
}

Value masked_head(Builder& g, const Config& c, Value x, Value words) {
  const Scope at = g.at("cls.predictions");
  x = unary(c.activation, linear_layer(at / "transform" / "dense", x, c.hidden_size, true));
  x = layer_norm_layer(at / "transform" / "LayerNorm", x, c.norm_eps);
  if (c.tied) return linear(x, words, at.weight("bias", {c.vocab_size}));
  return linear_layer(at / "decoder", x, c.vocab_size, true);
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Scope root = g.at("bert"), at = root / "embeddings";
  const Value words = (at / "word_embeddings").weight("weight", {c.vocab_size, c.hidden_size});
  const Value types = g.input_indices("type_ids", "tokens");
  Value x = root.name("token_embedding", embedding(words, in.ids));
  x = x + root.name("type_embedding", embedding((at / "token_type_embeddings").weight("weight", {c.type_vocab_size, c.hidden_size}), types));
  x = x + root.name("position_embedding", embedding((at / "position_embeddings").weight("weight", {c.max_positions, c.hidden_size}), in.positions));
  x = layer_norm_layer(at / "LayerNorm", x, c.norm_eps);
  x = root.name("embedding", dropout(x, in.sequences, c.embedding_dropout));                       // [tokens, hidden]
  for (Scope layer : g.layers("bert.encoder.layer", c.num_layers)) x = encoder_layer(layer, c, x, in);
  Outputs out;
  out.hidden = x;
  const double p = c.classifier_dropout;
  switch (c.head) {
    case Head::none:
      if (c.pooler) out.pooled = pooler(root, c, x, in);
      break;
    case Head::masked_lm: out.logits = masked_head(g, c, x, words); break;
    case Head::sequence_classification:
      // Dropout on the classifier's input is per sequence; it is the first token's, by that token's place.
      out.logits = linear_layer(g.at("classifier"), pooler(root, c, x, in), c.num_labels, true);
      break;
    case Head::token_classification: out.logits = linear_layer(g.at("classifier"), dropout(x, in.sequences, p), c.num_labels, true); break;
    case Head::causal_lm: break;
  }
  return out;
}

// Checkpoints that came early from TensorFlow keep its names of the norms' weights.
std::vector<WeightPlace> other_places(const Config&, const std::string& weight) {
  for (const auto& [ours, theirs] : {std::pair<std::string, const char*>{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}})
    if (weight.ends_with(ours)) return {{.tensor = weight.substr(0, weight.size() - ours.size()) + theirs}};
  return {};
}

double initial_std(const Config& c, const std::string&) { return c.initializer_range; }

}  // namespace

const ModelFamily& bert_family() {
  static const ModelFamily family = {.name = "bert",
                                     .base_prefix = "bert.",
                                     .tied = {{"cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"}, {"cls.predictions.decoder.bias", "cls.predictions.bias"}},
                                     .read = read,
                                     .build = build,
                                     .initial_std = initial_std,
                                     .other_places = other_places};
  return family;
}

}  // namespace orrery
