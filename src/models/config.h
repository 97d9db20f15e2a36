// The shape of a model in one vocabulary. Each family's reader translates its config.json to it once; nothing after that
// reader knows another spelling.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "graph/builder.h"

namespace orrery {

// What stands on top of the residual stream, told by config.json's `architectures`.
enum class Head : uint8_t { none, causal_lm, masked_lm, sequence_classification, token_classification };
const char* name_of(Head head);

struct Config {
  std::string model_type, architecture;  // "gpt2", "GPT2LMHeadModel"
  Head head = Head::none;
  int64_t num_layers = 0, hidden_size = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0, intermediate_size = 0;
  int64_t vocab_size = 0, max_positions = 0, type_vocab_size = 0, num_labels = 2;
  // There is no longest text: max_positions is what a run may ask for at most, and usual_length what texts mostly have.
  bool any_length = false;
  int64_t usual_length = 0;
  int64_t usual_positions() const { return any_length ? usual_length : max_positions; }
  Unary activation = Unary::gelu;
  int64_t num_experts = 0, experts_per_token = 0;  // 0: no mixture of experts
  int64_t sliding_window = 0;            // a query sees so many keys, its own among them; 0: all before it
  double router_aux_loss_coef = 0;       // of the loss that balances the experts' load, in training
  double norm_eps = 1e-5;
  bool tied = true;                      // the output layer is the embedding
  bool attention_bias = true, mlp_bias = true;
  double embedding_dropout = 0, residual_dropout = 0, attention_dropout = 0, classifier_dropout = 0;
  double initializer_range = 0.02;
  std::shared_ptr<const RotaryTable> rotary;       // null: no rotary positions
  double attention_scale = 0;                      // of scores; 0: 1 / sqrt(head_dim)
  double attention_softcap = 0, logit_softcap = 0; // x becomes cap tanh(x / cap); 0: it does not
  double alibi = 0;                                // the slopes' largest exponent (AttentionOptions::alibi); 0: no slopes
  std::vector<bool> full_layers;                   // those for which the sliding window does not hold; none of them where empty
  bool scale_attention = true;                     // GPT-2: 1 / sqrt(head_dim)
  bool scale_attention_by_layer = false;           // GPT-2: and 1 / (layer + 1)
  std::optional<int32_t> bos_id, pad_id;
  std::vector<int32_t> eos_ids;                    // any of them ends a text
  std::vector<std::string> labels;                 // names of the classes
  // Encoder-decoders: what is not named for the encoder is the decoder's.
  bool encoder_decoder = false;                    // reads Inputs::source, and generates from decoder_start_id on
  int64_t num_encoder_layers = 0, num_encoder_heads = 0, encoder_intermediate_size = 0;
  std::optional<int32_t> decoder_start_id;         // what the decoder's text begins with
  int64_t num_buckets = 0, max_distance = 0;       // T5: of its relative positions
  int64_t embedding_size = 0, alignment_size = 0, maxout_size = 0;   // Bahdanau: where they are not hidden_size
  bool gated_mlp = false;
  bool scale_embedding = false;                    // by sqrt(hidden_size)
  bool scale_logits = false;                       // T5: by 1 / sqrt(hidden_size)
  bool pooler = true;                              // BERT without a head: with the layer over its first token (GGUF files have none)
  bool base_names = false;                         // the file leaves out the prefix of the base model ("transformer.")
  Json json;                                       // the file as it was
};

}  // namespace orrery
