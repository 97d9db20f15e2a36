#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.h"
#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "kernels/kernels.h"
#include "tokenize/check_vocabulary.h"
#include "tokenize/tokenizer_file.h"
#include "train/schedule.h"

namespace orrery {

namespace {

using Clock = std::chrono::steady_clock;

Model open_model(const Recipe& recipe) {
  if (recipe.model.starts_with("{")) return Model::initialise(parse_json(recipe.model, "model").value(), recipe.seed, "the recipe's model").value();
  const std::filesystem::path path = recipe.model;
  if (path.extension() == ".json") {
    const Json json = parse_json(read_file(path).value(), path.string()).value();
    return Model::initialise(json, recipe.seed, path.string()).value();
  }
  return Model::load_or_initialise(path, recipe.seed).value();
}

// The bytes of files that are put beside the trained model, by their names.
std::vector<std::pair<std::string, std::string>> read_files(const std::vector<std::filesystem::path>& paths) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const std::filesystem::path& path : paths) files.emplace_back(path.filename().string(), read_file(path).value());
  return files;
}

// Of dropout: a function of run, step and batch within the step.
uint64_t dropout_seed(uint64_t seed, int64_t step, int64_t batch) {
  const Counter bits = philox(seed, {uint32_t(step), uint32_t(uint64_t(step) >> 32), uint32_t(batch), 0x64726f70});
  return uint64_t(bits[1]) << 32 | bits[0];
}

void freeze(Model& model, const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (auto& [name, weight] : model.weights().all())
      if (matches(pattern, name)) {
        weight.role = Role::frozen;
        found = true;
      }
    if (!found) throw Error{ErrorKind::bad_usage, "no weight's name matches '" + pattern + "'", "freeze"};
  }
}

}  // namespace

Json StepReport::to_json() const {
  Json json = {{"step", step}, {"loss", loss}, {"tokens_per_second", std::round(tokens_per_second * 10) / 10}, {"learning_rate", learning_rate}, {"grad_norm", grad_norm}};
  if (evaluation) {
    json["eval_loss"] = evaluation->loss;
    if (evaluation->exact) json["eval_exact"] = *evaluation->exact;
  }
  return json;
}

Trainer::Trainer(Recipe recipe, ThreadPool& pool, std::unique_ptr<Documents> data) : recipe_(std::move(recipe)), pool_(pool), data_(std::move(data)) {
  check_recipe(recipe_, data_ != nullptr);
  model_ = open_model(recipe_);
  if (recipe_.seq > model_->config().max_positions)
    throw Error{ErrorKind::bad_usage, "seq is " + std::to_string(recipe_.seq) + ", and the model has " + std::to_string(model_->config().max_positions) + " positions", "train"};
  std::filesystem::path tokenizer = recipe_.tokenizer;
  if (tokenizer.empty() && !recipe_.model.starts_with("{") && std::filesystem::is_directory(recipe_.model) && !tokenizer_files(recipe_.model).empty()) tokenizer = recipe_.model;
  if (!tokenizer.empty()) {
    tokenizer_ = Tokenizer::load(tokenizer).value();
    tokenizer_files_ = read_files(tokenizer_files(tokenizer));
    check_vocabulary(*tokenizer_, model_->config().vocab_size, tokenizer.string());
  }
  const Tokenizer* words = tokenizer_ ? &*tokenizer_ : nullptr;
  if (!data_) data_ = open_documents(recipe_.data, recipe_.objective, words).value();
  if (!recipe_.eval_data.empty()) eval_data_ = open_documents(recipe_.eval_data, recipe_.objective, words).value();
  batch_options_ = {objective_named(recipe_.objective), recipe_.batch, recipe_.seq, recipe_.seed, true, {}, {}};
  const Config& config = model_->config();
  if ((batch_options_.objective == Objective::seq2seq) != config.encoder_decoder)
    throw Error{ErrorKind::bad_usage, "a model of architecture " + config.architecture + " is not trained with the objective " + recipe_.objective, "train",
                config.encoder_decoder ? "its objective is seq2seq" : "seq2seq is for encoder-decoders"};
  if (config.encoder_decoder) {
    batch_options_.decoder.start = decoder_start(*model_);
    if (!config.eos_ids.empty()) batch_options_.decoder.end = config.eos_ids.front();
  }
  if (batch_options_.objective == Objective::masked) batch_options_.masking = masking();
  state_.recipe = recipe_json(recipe_);
  state_.kernels = kernels().name;
}

Trainer::~Trainer() = default;

Masking Trainer::masking() const {
  const SpecialRoles& roles = tokenizer_ ? tokenizer_->roles() : SpecialRoles{};
  if (!roles.mask) throw Error{ErrorKind::bad_usage, "the masked objective needs a tokenizer with a mask token", "train"};
  return {recipe_.mask_probability, *roles.mask, int32_t(model_->config().vocab_size), roles.cls, roles.sep};
}

void Trainer::resume(const std::filesystem::path& folder) {
  resumed_from_ = find_checkpoint(folder).value();
  const TrainerState saved = read_trainer_state(resumed_from_).value();
  if (saved.step > recipe_.max_steps)
    throw Error{ErrorKind::bad_usage, "the checkpoint is at step " + std::to_string(saved.step) + ", and max_steps is " + std::to_string(recipe_.max_steps), resumed_from_.string()};
  state_.step = saved.step;
  state_.cursor = saved.cursor;
  state_.kernels = saved.kernels;
  model_ = Model::load(resumed_from_).value();
}

void Trainer::prepare() {
  if (gradients_) return;
  model_->prepare_training();
  model_->weights().products = *dtype_named(recipe_.compute_dtype);
  freeze(*model_, recipe_.freeze);
  const int64_t rows = recipe_.batch * recipe_.seq;
  gradients_.emplace(*model_, GradientOptions{rows, rows, recipe_.seq, recipe_.label_smoothing}, pool_);
  optimizer_.emplace(gradients_->parameters(), recipe_.weight_decay, pool_);
  batches_.emplace(*data_, batch_options_, &pool_);
  if (resumed_from_.empty()) return;
  if (!batches_->holds(state_.cursor))
    throw Error{ErrorKind::bad_file, "the run stopped after " + std::to_string(state_.cursor.piece) + " sequences of a document that has fewer", (resumed_from_ / "trainer.json").string(), "resume with the documents and the recipe that it began with"};
  const SafetensorsFile file = SafetensorsFile::open(resumed_from_ / "optimizer.safetensors").value();
  std::vector<std::pair<std::string, Tensor>> saved;
  for (const TensorInfo& info : file.tensors()) saved.emplace_back(info.name, file.tensor(info.name).value());
  optimizer_->load_state(saved);
}

StepReport Trainer::step() {
  prepare();
  std::vector<Batch> parts;
  Cursor cursor = state_.cursor;
  int64_t targets = 0;
  last_rows_ = 0;
  for (int64_t i = 0; i < recipe_.accumulation; ++i) {
    parts.push_back(batches_->next(cursor));
    last_rows_ += parts.back().rows();
    targets += parts.back().targets;
  }
  const float factor = targets > 0 ? float(1.0 / double(targets)) : 0.0f;
  double sum = 0;
  gradients_->begin();
  for (size_t i = 0; i < parts.size(); ++i)
    sum += gradients_->add(parts[i], factor, {.seed = dropout_seed(recipe_.seed, state_.step, int64_t(i)), .training = recipe_.dropout});
  gradients_->finish();

  StepReport report;
  report.loss = sum / double(std::max<int64_t>(1, targets));
  report.learning_rate = learning_rate(recipe_, state_.step);
  report.grad_norm = optimizer_->gradient_norm();
  if (!std::isfinite(report.loss) || !std::isfinite(report.grad_norm))
    throw Error{ErrorKind::out_of_range, "the loss or its gradient is no longer finite at step " + std::to_string(state_.step + 1), "train",
                "the last checkpoint is kept; a lower learning_rate, a longer warmup or clip often help"};
  AdamWStep settings{report.learning_rate, recipe_.beta1, recipe_.beta2, recipe_.eps, 0, state_.step + 1, 1};
  if (recipe_.clip > 0) settings.grad_scale = std::min(1.0, recipe_.clip / (report.grad_norm + 1e-6));
  optimizer_->step(settings);
  model_->weights().changed();
  state_.cursor = cursor;
  report.step = ++state_.step;
  return report;
}

std::optional<Evaluation> Trainer::evaluate_now() {
  if (!eval_data_) return std::nullopt;
  return evaluate(*model_, *eval_data_, batch_options_, pool_);
}

void Trainer::save(const TrainerEvents& events) {
  CheckpointContents contents = model_->contents(DType::f32).value();
  contents.files = tokenizer_files_;
  contents.files.emplace_back("trainer.json", to_text(state_.to_json()));
  contents.tensor_files.emplace_back("optimizer.safetensors", optimizer_->state());
  const Status saved = save_checkpoint(checkpoint_folder(recipe_.output, state_.step), contents);
  if (!saved) throw saved.error();
  drop_old(events);
}

void Trainer::drop_old(const TrainerEvents& events) {
  const std::vector<int64_t> steps = checkpoint_steps(recipe_.output);
  std::error_code code;
  for (size_t i = 0; i + size_t(recipe_.keep) < steps.size(); ++i) {
    std::filesystem::remove_all(checkpoint_folder(recipe_.output, steps[i]), code);
    if (code && events.warn) events.warn("cannot remove an old checkpoint: " + code.message());
  }
}

// Everything is written to a folder inside and then moved up, file by file: a full disk leaves the output as it was.
void Trainer::write_model() {
  CheckpointContents contents = model_->contents(*dtype_named(recipe_.dtype)).value();
  contents.files = tokenizer_files_;
  contents.files.emplace_back("recipe.json", to_text(state_.recipe));
  const std::filesystem::path staged = recipe_.output / "unfinished";
  if (const Status saved = save_checkpoint(staged, contents); !saved) throw saved.error();
  std::error_code code;
  for (std::filesystem::directory_iterator it(staged, code), end; !code && it != end; it.increment(code))
    std::filesystem::rename(it->path(), recipe_.output / it->path().filename(), code);
  if (!code) std::filesystem::remove_all(staged, code);
  if (code) throw Error{ErrorKind::io, "cannot write the trained model: " + code.message(), recipe_.output.string()};
}

namespace {

// OUTPUT/log.jsonl: a line for each report. A resumed run drops the lines that were written after its checkpoint.
class Log {
 public:
  Log(const std::filesystem::path& path, int64_t step) : path_(path) {
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return;
    const std::string before = read_file(path).value();
    for (size_t begin = 0; begin < before.size();) {
      const size_t end = before.find('\n', begin);
      if (end == std::string::npos) break;   // a line that was cut
      const Result<Json> line = parse_json(std::string_view(before).substr(begin, end - begin), path.string());
      if (line && line->is_object() && line->contains("step") && (*line)["step"].is_number_integer() && (*line)["step"].get<int64_t>() <= step) text_.append(before, begin, end + 1 - begin);
      begin = end + 1;
    }
  }
  void add(const StepReport& report) { text_ += to_line(report.to_json()) + "\n"; }
  void write() const {
    if (const Status written = write_file(path_, text_); !written) throw written.error();
  }

 private:
  std::filesystem::path path_;
  std::string text_;
};

}  // namespace

void Trainer::check_output(const TrainerEvents& events) const {
  std::error_code ignored;
  const std::filesystem::path& output = recipe_.output;
  if (!checkpoint_steps(output).empty()) {
    if (!resumed_from_.empty()) return;
    throw Error{ErrorKind::bad_usage, "the output folder holds the checkpoints of another run", output.string(), "--resume " + output.string() + " goes on with it; --output names another folder"};
  }
  constexpr const char* kHint = "--output names a folder that is new or empty";
  if (std::filesystem::exists(output, ignored) && !std::filesystem::is_directory(output, ignored))
    throw Error{ErrorKind::bad_usage, "the output is a file, not a folder", output.string(), kHint};
  for (const char* name : {"config.json", "model.safetensors", "model.safetensors.index.json"})
    if (std::filesystem::exists(output / name, ignored)) throw Error{ErrorKind::bad_usage, "the output folder holds another model", output.string(), kHint};
  if (std::filesystem::is_directory(output, ignored) && !std::filesystem::is_empty(output, ignored) && events.warn)
    events.warn("the output folder holds other files (" + output.string() + ")");
}

void Trainer::run(const TrainerEvents& events) {
  check_output(events);
  if (!resumed_from_.empty() && state_.kernels != kernels().name && events.warn)
    events.warn("the checkpoint was computed by the " + state_.kernels + " kernels: the last bits of what follows may differ");
  state_.kernels = kernels().name;
  std::error_code code;
  std::filesystem::create_directories(recipe_.output, code);
  if (code) throw Error{ErrorKind::io, "cannot make the output folder: " + code.message(), recipe_.output.string()};
  prepare();
  Log log(recipe_.output / "log.jsonl", state_.step);
  Clock::time_point since = Clock::now();
  int64_t tokens = 0;
  bool saved = false;
  while (state_.step < recipe_.max_steps) {
    StepReport report = step();
    tokens += last_rows_;
    const bool last = state_.step == recipe_.max_steps;
    const auto every = [&](int64_t n) { return n > 0 && state_.step % n == 0; };
    if (events.step) events.step(report.step, report.loss);
    const bool evaluated = eval_data_ && (last || every(recipe_.eval_every));
    if (evaluated || last || every(recipe_.log_every)) {
      report.tokens_per_second = double(tokens) / std::max(1e-9, std::chrono::duration<double>(Clock::now() - since).count());
      if (evaluated) report.evaluation = evaluate_now();
      if (events.log) events.log(report);
      log.add(report);
    }
    saved = last || every(recipe_.save_every);
    if (saved) {
      save(events);
      log.write();
    }
    if (evaluated || saved || every(recipe_.log_every)) {
      since = Clock::now();
      tokens = 0;
    }
  }
  log.write();
  write_model();
  drop_old(events);   // those that a killed run left
}

}  // namespace orrery
