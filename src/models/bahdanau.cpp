// The encoder-decoder of Bahdanau, Cho & Bengio 2014, by its appendix A. The encoder reads the source both ways; before each
// token the decoder's state asks all that was read, and the answer is the mean of it by a learned alignment:
//
//   annotations  h = [forwards gru(E x); backwards gru(E x)]
//   alignment    pattern = softmax over j of v . tanh(W s + U h[j]);   c = sum over j of pattern[j] h[j]
//   decoder      s' = gru(E y + C c, s), from s = tanh(W_s backwards h[0])
//   logits       W_o maxout(U_o s + V_o E y + C_o c)
#include <cmath>

#include "models/blocks.h"
#include "models/family.h"
#include "models/gru.h"

namespace orrery {

namespace {

Result<Config> read(const Json& json, const std::string& where) {
  Json sized = json;
  sized["head_dim"] = 1;   // an alignment has no head whose width a kernel would limit
  ConfigReader fields(sized, where);
  Config c = read_common(fields, json, {{"BahdanauForConditionalGeneration", Head::causal_lm}});
  c.encoder_decoder = true;
  allow_any_length(fields, c);
  c.num_encoder_layers = c.num_encoder_heads = c.num_layers;
  if (c.num_layers != 1 || c.num_heads != 1) fields.fail("there is one layer with one alignment, not " + std::to_string(c.num_layers) + " with " + std::to_string(c.num_heads), "", ErrorKind::unsupported);
  c.embedding_size = fields.integer_or("embedding_size", c.hidden_size, {1, 1 << 20});
  c.alignment_size = fields.integer_or("alignment_size", c.hidden_size, {1, 1 << 20});
  c.head_dim = c.alignment_size;
  c.maxout_size = fields.integer_or("maxout_size", c.hidden_size, {1, 1 << 20});
  c.residual_dropout = fields.number_or("dropout", 0, {0, 0.99});
  c.initializer_range = fields.number_or("initializer_range", 0.01, {0, 10});
  c.tied = false;
  return fields.finish(std::move(c));
}

// One step of the decoder, a graph of its own over what it carries, reads and asks.
std::shared_ptr<const ScanBody> decoder_step(const Config& c) {
  auto body = std::make_shared<ScanBody>();
  const int64_t width = c.hidden_size;
  body->carry_widths = {width};
  body->out_widths = {2 * width, width};
  Builder b(body->graph);
  const Scope at = b.at("decoder", "decoder.layers.0");
  const Value projected = b.input_rows("row.0", "step", 3 * width), state = b.input_rows("carry.0", "step", width);
  const Value keys = b.input_rows("memory.0", "memory", c.alignment_size), annotations = b.input_rows("memory.1", "memory", 2 * width);
  const Scope asking = at / "attention";
  const Value query = at.name("cross_q", linear_layer(asking / "query", state, c.alignment_size, false));
  const Value context = at.name("cross_attention", additive_attention(query, keys, annotations, asking.weight("v", {c.alignment_size})));   // [step, 2 width]
  const Value next = gru_step(at / "cell", projected + linear_layer(at / "cell" / "context", context, 3 * width, false), state);
  b.output("carry.0", next);
  b.output("out.0", context);
  b.output("out.1", state * 1.0);
  return body;
}

Outputs build(Builder& g, const Config& c, const Inputs& in) {
  const Inputs& source = *in.source;
  const int64_t width = c.hidden_size;
  Outputs out;
  const Scope encoder = g.at("encoder", "encoder"), decoder = g.at("decoder", "decoder");
  const Value x = encoder.name("embedding", dropout(embedding((encoder / "embedding").weight("weight", {c.vocab_size, c.embedding_size}), source.ids), source.sequences, c.residual_dropout));
  const Value forwards = gru(g.at("encoder.forwards", "encoder.forwards"), x, source.sequences, width, /*reverse=*/false);    // [source rows, width]
  const Value backwards = gru(g.at("encoder.backwards", "encoder.backwards"), x, source.sequences, width, /*reverse=*/true);
  out.encoded = encoder.name("annotations", concat_columns({forwards, backwards}));                                           // [source rows, 2 width]
  const Value keys = linear_layer(decoder / "attention" / "key", out.encoded, c.alignment_size, true);                        // [source rows, alignment]

  const Value first = select_rows(backwards, source.sequences.first_rows(in.sequences));                                      // [sequences, width]
  const Value start = decoder.name("initial", unary(Unary::tanh, linear_layer(decoder / "initial", first, width, true)));
  const Value y = decoder.name("embedding", dropout(embedding((decoder / "embedding").weight("weight", {c.vocab_size, c.embedding_size}), in.ids), in.sequences, c.residual_dropout));
  const Value projected = linear_layer(decoder / "cell" / "input", y, 3 * width, true);
  const std::vector<Value> steps = scan(decoder_step(c), {projected}, in.sequences, {.initial = {start}, .memory = {keys, out.encoded}});

  const Scope readout = decoder / "readout";
  const Value context = linear_layer(readout / "context", steps[0], 2 * c.maxout_size, false), token = linear_layer(readout / "token", y, 2 * c.maxout_size, false);
  const Value pieces = linear_layer(readout / "state", steps[1], 2 * c.maxout_size, true) + token + context;
  out.hidden = decoder.name("maxout", dropout(maxout(pieces), in.sequences, c.residual_dropout));                             // [tokens, maxout]
  out.logits = linear_layer(decoder / "output", out.hidden, c.vocab_size, true);
  return out;
}

// As in appendix B.1, but that recurrent matrices are normal instead of orthogonal; v and biases start at zero.
double initial_std(const Config& c, const std::string& weight) {
  if (weight.ends_with(".gates.weight") || weight.ends_with(".candidate.weight")) return 1 / std::sqrt(double(c.hidden_size));
  if (weight.starts_with("decoder.attention.")) return 0.1 * c.initializer_range;
  return c.initializer_range;
}

}  // namespace

const ModelFamily& bahdanau_family() {
  static const ModelFamily family = {.name = "bahdanau", .base_prefix = "", .read = read, .build = build, .initial_std = initial_std};
  return family;
}

}  // namespace orrery
