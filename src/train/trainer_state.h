// What a run needs to go on as if it had never stopped, beside the weights: saved in every checkpoint.
//
//   OUTPUT/                  the trained model, once it is done; recipe.json, log.jsonl
//   OUTPUT/checkpoint-500/   a whole model folder (f32) with optimizer.safetensors and trainer.json
#pragma once

#include <filesystem>
#include <optional>

#include "base/json.h"
#include "train/batches.h"

namespace orrery {

struct TrainerState {
  int64_t step = 0;          // steps done
  Cursor cursor;
  Json recipe;               // of the run that saved it
  std::string kernels;       // the class that computed it: bits hold within one

  Json to_json() const;
  static Result<TrainerState> from_json(const Json& json, const std::string& where);
};

std::filesystem::path checkpoint_folder(const std::filesystem::path& output, int64_t step);

// The steps of the checkpoints in a folder, ascending.
std::vector<int64_t> checkpoint_steps(const std::filesystem::path& output);

// `folder` is a checkpoint, or an output folder, whose last checkpoint is meant.
Result<std::filesystem::path> find_checkpoint(const std::filesystem::path& folder);
Result<TrainerState> read_trainer_state(const std::filesystem::path& checkpoint);

}  // namespace orrery
