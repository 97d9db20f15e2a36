// Interventions as a user writes them, and as rows of the table that a run reads.
//
//   Interventions changes;
//   changes.ablate(sites_named(graph, "layers.2.heads.3"));
//   Engine engine(model, pool, {.sites = changes.sites(), .interventions = changes.table(lengths)});
//
// `read_interventions` makes them of the flags --ablate, --patch and --steer, which all commands share that run a model.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "graph/passes/taps.h"
#include "inspect/sites.h"
#include "models/model.h"
#include "tokenize/tokenizer.h"

namespace orrery {

class Interventions {
 public:
  void ablate(const std::vector<Site>& sites);
  // Adds scale times the values, f32 [columns] or [positions, columns]; [1, columns] is one vector for all positions.
  void steer(const std::vector<Site>& sites, const Tensor& given, float scale);
  // Replaces by what another text has there: f32 [its tokens, width of the value].
  void patch(const Site& site, const Tensor& values);

  bool empty() const { return edits_.empty(); }
  // The values to compile sites after.
  std::vector<std::string> sites() const;
  // For prompts of these lengths, numbered in this order. Throws Error where a prompt lacks a position.
  // For an encoder-decoder: what its decoder begins with, and the sources.
  std::vector<Intervention> table(std::span<const int64_t> prompt_lengths, std::span<const int64_t> source_lengths = {}) const;

 private:
  struct Edit {
    Site site;
    Action action = Action::zero;
    float factor = 1;
    Tensor values = {};
  };
  std::vector<Edit> edits_;
};

struct InterventionOptions {
  std::vector<std::string> ablate, patch, patch_from, steer, steer_at;
  std::vector<double> scale;
  static constexpr auto about = describe(
      "interventions", "",
      option(&InterventionOptions::ablate, "ablate", "Zero what is there: layers.2.heads.3, layers.*.mlp, layers.0.neurons.7-9@-1; may be repeated.", unit("SITE")),
      option(&InterventionOptions::patch, "patch", "Put there what another text has there; may be repeated.", unit("SITE")),
      option(&InterventionOptions::patch_from, "patch_from",
             "The other text, or an .npz of values by name; one for all patches or one for each. A model without a tokenizer takes ids, 1,2,3.", unit("TEXT|FILE")),
      option(&InterventionOptions::steer, "steer", "Add a vector: an .npy, or an .npz whose entries are named by sites; may be repeated.", unit("FILE")),
      option(&InterventionOptions::steer_at, "steer_at", "Where an .npy is added; one for all or one for each; the residual after the middle layer where not given.", unit("SITE")),
      option(&InterventionOptions::scale, "scale", "Times what a vector is added; one number for all, or one for each, separated by commas.", unit("S")));
  bool any() const { return !ablate.empty() || !patch.empty() || !steer.empty() || !patch_from.empty() || !steer_at.empty() || !scale.empty(); }
};

// Throws Error for a place that the model does not have, and for values that do not fit there. Texts are run to have their values.
Interventions read_interventions(const InterventionOptions& options, Model& model, ThreadPool& pool, const Tokenizer* tokenizer, DType kv_dtype);

}  // namespace orrery
