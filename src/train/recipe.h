// A training run, described: every key once. A recipe is a JSON file of these keys, and each is a flag as well.
//
//   {"model": "gpt2", "data": "stories.txt", "objective": "causal", "output": "tuned",
//    "batch": 8, "seq": 256, "max_steps": 500, "learning_rate": 3e-4, "warmup": 50}
//
// `model` may be the object of a config.json itself, and `data` an object that names a corpus made on the fly:
//   {"corpus": "stories", "seed": 1, "count": 100000}, with the corpus' own options beside (`orrery corpus NAME --help`).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"

namespace orrery {

struct Recipe {
  std::string model, tokenizer, objective = "causal";
  std::vector<std::string> data, eval_data;
  std::filesystem::path output;
  int64_t batch = 8, seq = 256, accumulation = 1, max_steps = 1000;
  double learning_rate = 3e-4, min_ratio = 0;
  int64_t warmup = 0;
  std::string schedule = "cosine";
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, clip = 1;
  double label_smoothing = 0, mask_probability = 0.15;
  bool dropout = true;
  std::vector<std::string> freeze;
  uint64_t seed = 0;
  std::string dtype = "f32", compute_dtype = "f32";
  int64_t log_every = 10, eval_every = 0, save_every = 0, keep = 2;

  static constexpr auto about = describe(
      "recipe", "",
      option(&Recipe::model, "model", "Where to start: a checkpoint, or a folder or file of a config alone for fresh weights.", unit("MODEL")),
      option(&Recipe::tokenizer, "tokenizer", "Folder or file of the tokenizer; the model's own where not given.", unit("PATH")),
      option(&Recipe::objective, "objective", "What is learned: the next token, masked tokens, a label for each token, or to answer an input with a target (encoder-decoders).", one_of("causal", "masked", "token", "seq2seq")),
      option(&Recipe::data, "data", "Training data: .txt, .jsonl, or {\"corpus\": NAME, \"seed\": N, \"count\": N}; may be repeated.", unit("FILE")),
      option(&Recipe::eval_data, "eval_data", "Held-out data, in the same forms.", unit("FILE")),
      option(&Recipe::output, "output", "Folder of the trained model and its checkpoints.", short_flag('o'), unit("DIR")),
      option(&Recipe::batch, "batch", "Sequences of full length in a batch; it holds batch * seq tokens.", in_range(1, 1 << 20)),
      option(&Recipe::seq, "seq", "The longest sequence, in tokens.", in_range(1, 1 << 20)),
      option(&Recipe::accumulation, "accumulation", "Batches whose gradients make one step.", in_range(1, 1 << 20)),
      option(&Recipe::max_steps, "max_steps", "Steps of the optimiser.", at_least(1)),
      option(&Recipe::learning_rate, "learning_rate", "The highest learning rate.", at_least(0)),
      option(&Recipe::warmup, "warmup", "Steps over which the learning rate rises from 0.", at_least(0)),
      option(&Recipe::schedule, "schedule", "How it falls afterwards.", one_of("cosine", "linear", "constant", "inverse_sqrt")),
      option(&Recipe::min_ratio, "min_ratio", "Where it ends, as a share of the highest.", in_range(0, 1)),
      option(&Recipe::beta1, "beta1", "AdamW: decay of the mean of gradients.", in_range(0, 1)),
      option(&Recipe::beta2, "beta2", "AdamW: decay of the mean of their squares.", in_range(0, 1)),
      option(&Recipe::eps, "eps", "AdamW: added to the divisor.", at_least(0)),
      option(&Recipe::weight_decay, "weight_decay", "AdamW: decay of weights of two axes.", at_least(0)),
      option(&Recipe::clip, "clip", "Largest norm of the gradient; 0 does not limit it.", at_least(0)),
      option(&Recipe::label_smoothing, "label_smoothing", "Share of the target spread over all classes.", in_range(0, 1)),
      option(&Recipe::mask_probability, "mask_probability", "Share of tokens to predict in the masked objective.", in_range(0, 1)),
      option(&Recipe::dropout, "dropout", "Drop activations as the model's config says."),
      option(&Recipe::freeze, "freeze", "Weights that stay as they are; * stands for any characters. May be repeated.", unit("PATTERN")),
      option(&Recipe::seed, "seed", "Seed of fresh weights, order, masks and dropout.", unit("N")),
      option(&Recipe::dtype, "dtype", "How the trained model is stored.", one_of("f32", "bf16", "f16"), unit("DTYPE")),
      option(&Recipe::compute_dtype, "compute_dtype", "What products with weights, and attention's, are computed in; sums, weights and the optimiser stay f32.", one_of("f32", "bf16"), unit("DTYPE")),
      option(&Recipe::log_every, "log_every", "Steps between logged lines.", at_least(1)),
      option(&Recipe::eval_every, "eval_every", "Steps between evaluations; 0 evaluates at the end only.", at_least(0)),
      option(&Recipe::save_every, "save_every", "Steps between checkpoints; 0 saves at the end only.", at_least(0)),
      option(&Recipe::keep, "keep", "Checkpoints to keep.", at_least(1)));
};

// The keys of a recipe in the plain form that options have: objects become their text, a single name a list of one, and
// relative paths of model, tokenizer and data are taken from `folder`, that of the recipe file, where they exist there.
Json plain_recipe(Json recipe, const std::filesystem::path& folder);

// Throws Error where a key is missing or contradicts another. `has_data`: the caller brings the data.
void check_recipe(const Recipe& recipe, bool has_data = false);

// What the recipe file of a trained model says: the keys that differ from their defaults. Reads back the same.
Json recipe_json(const Recipe& recipe);

// Does a weight's name match a pattern, in which * stands for any characters?
bool matches(std::string_view pattern, std::string_view name);

}  // namespace orrery
