// A patching sweep (Meng et al. 2022; Wang et al. 2022): which place carries what makes the difference between two texts? Each place in turn,
// a layer's residual, attention, feed-forward or one head, at one position, gets the value that the other text has there, and
// a difference of two logits after the last token is measured.
//
//   PatchSweep sweep = sweep_patches(model, pool, clean, corrupt, {.site = "heads"});
//   sweep.effect[sweep.at(layer, head, position)]       // 0: nothing changed; 1: as in the text patched from
//
// Denoising, the default, runs the corrupted text and restores a place from the clean one: what suffices. Noising runs the clean
// text and spoils a place: what is necessary. Of an encoder-decoder both texts are sources, the places are the encoder's, and what is measured is
// the decoder's first word. All runs are one plan, batched; each gives the bits that it gives alone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/threads.h"
#include "models/model.h"
#include "tokenize/tokenizer.h"

namespace orrery {

struct PatchOptions {
  std::string site = "";                      // residual, attention, mlp, heads, state; "": the residual, or the states of a model that has none
  bool noising = false;
  std::optional<int32_t> answer = {}, wrong = {};   // tokens; where absent, what the model says to the clean and to the corrupted text
  int64_t max_rows = 1024;                    // tokens of one run
  DType kv_dtype = DType::f32;
  std::function<void(int64_t done, int64_t of)> progress = {};
};

struct PatchSweep {
  std::string site;
  std::string stack;                          // "encoder" of an encoder-decoder, else nothing
  bool noising = false;
  int32_t answer = 0, wrong = 0;
  double clean = 0, corrupt = 0;              // logit(answer) - logit(wrong) after each text
  int64_t layers = 0, heads = 1, positions = 0;         // of states: a layer for each direction in which the text is read
  std::vector<std::string> places = {};                 // the value that is patched in each layer: "layers.0.residual", "encoder.forwards.state"
  std::vector<double> difference = {}, effect = {};     // [layers, heads, positions]; effect = (difference - base) / (other - base)
  size_t at(int64_t layer, int64_t head, int64_t position) const { return size_t((layer * heads + head) * positions + position); }
};

// Throws Error where the texts differ in length or in nothing that the model says, or the model does not generate.
PatchSweep sweep_patches(Model& model, ThreadPool& pool, const std::vector<int32_t>& clean, const std::vector<int32_t>& corrupt, const PatchOptions& options = {});

// {"site", "places", "stack" where there is one, "clean": {"ids", "tokens", "difference"}, "corrupt": …, "answer", "wrong", "difference", "effect"}; the last two [layers, positions],
// for heads [layers, heads, positions].
Json to_json(const PatchSweep& sweep, const std::vector<int32_t>& clean, const std::vector<int32_t>& corrupt, const Tokenizer* tokenizer);
// The page that shows this document, made by this call.
std::string patch_page(Json document, const std::string& model, const std::string& command);   // model: its name

}  // namespace orrery
