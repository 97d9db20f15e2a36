#include "train/trainer.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>

#include "base/file.h"
#include "base/random.h"
#include "base/testing.h"
#include "checkpoint/safetensors.h"

using namespace orrery;

namespace {

constexpr const char* kTiny = R"({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 50, "n_positions": 32, "n_embd": 16,
  "n_layer": 2, "n_head": 2, "resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "bos_token_id": 0, "eos_token_id": 0})";

constexpr const char* kSorter = R"({"model_type": "vanilla", "architectures": ["VanillaForTokenClassification"], "num_hidden_layers": 1, "hidden_size": 32,
  "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 5, "num_labels": 5, "max_position_embeddings": 8})";

std::unique_ptr<Documents> random_documents(uint64_t seed, int count = 40) {
  std::vector<Document> documents;
  Random random(seed);
  for (int i = 0; i < count; ++i) {
    Document document;
    for (int64_t n = 3 + int64_t(random.below(20)), t = 0; t < n; ++t) document.ids.push_back(int32_t(random.below(50)));
    documents.push_back(std::move(document));
  }
  return documents_of(std::move(documents));
}

Recipe tiny_recipe(const std::filesystem::path& output) {
  Recipe recipe;
  recipe.model = kTiny;
  recipe.output = output;
  recipe.batch = 4;
  recipe.seq = 16;
  recipe.max_steps = 30;
  recipe.learning_rate = 1e-2;
  recipe.warmup = 3;
  recipe.weight_decay = 0.1;
  recipe.save_every = 4;
  recipe.log_every = 1;
  recipe.seed = 9;
  return recipe;
}

std::string bytes_of(const std::filesystem::path& path) { return read_file(path).value(); }

// Every weight of two models, and how far they are apart.
double distance(Model& a, Model& b) {
  double worst = 0;
  for (const auto& [name, weight] : a.weights().all()) {
    const float* x = weight.value.data<float>();
    const float* y = b.weights().at(name).value.data<float>();
    for (int64_t i = 0; i < weight.value.numel(); ++i) worst = std::max(worst, std::fabs(double(x[i]) - double(y[i])));
  }
  return worst;
}

}  // namespace

TEST_CASE("twenty steps from a GPT-2 give PyTorch's losses, gradient norms, learning rates and weights") {
  const std::filesystem::path folder = "tests/goldens/adamw";
  const Json about = parse_json(read_file(folder / "golden.json").value(), "golden.json").value();
  const SafetensorsFile golden = SafetensorsFile::open(folder / "golden.safetensors").value(), start = SafetensorsFile::open("tests/goldens/gpt2/golden.safetensors").value();
  std::vector<Document> documents(3);
  for (size_t i = 0; i < 3; ++i)
    for (const int64_t id : start.tensor(std::to_string(i) + ".input_ids").value().values<int64_t>()) documents[i].ids.push_back(int32_t(id));
  Recipe recipe;
  recipe.model = "tests/goldens/gpt2";
  recipe.output = "unused";
  recipe.batch = 2;     // 32 rows: the three documents' 4 + 10 + 16, and no fourth
  recipe.seq = 16;
  recipe.max_steps = about["steps"].get<int64_t>();
  recipe.learning_rate = about["learning_rate"].get<double>();
  recipe.warmup = about["warmup_steps"].get<int64_t>();
  recipe.weight_decay = about["weight_decay"].get<double>();
  recipe.clip = about["max_grad_norm"].get<double>();
  recipe.dropout = false;
  ThreadPool pool(2);
  Trainer trainer(recipe, pool, documents_of(std::move(documents)));
  const Tensor losses = golden.tensor("losses").value(), norms = golden.tensor("grad_norms").value(), rates = golden.tensor("learning_rates").value();
  for (int64_t s = 0; s < recipe.max_steps; ++s) {
    CAPTURE(s);
    const StepReport report = trainer.step();
    CHECK(report.loss == doctest::Approx(double(losses.data<float>()[s])).epsilon(2e-6));
    CHECK(report.grad_norm == doctest::Approx(double(norms.data<float>()[s])).epsilon(1e-5));
    CHECK(report.learning_rate == doctest::Approx(double(rates.data<float>()[s])).epsilon(1e-6));
  }
  for (const auto& [name, weight] : trainer.model().weights().all()) {
    CAPTURE(name);
    const Tensor expected = golden.tensor("param." + name).value();
    const bool keys = name.ends_with("c_attn.bias");   // whose middle third has no gradient but noise
    const int64_t third = expected.numel() / 3;
    double worst = 0;
    for (int64_t i = 0; i < expected.numel(); ++i)
      if (!keys || i < third || i >= 2 * third) worst = std::max(worst, std::fabs(double(weight.value.data<float>()[i]) - double(expected.data<float>()[i])));
    CHECK(worst <= 5e-6);
  }
}

TEST_CASE("a run that is killed at any moment and resumed ends with the same bits") {
  const TemporaryFolder folder("train");
  {
    ThreadPool pool(2);   // gone before the first fork
    Trainer(tiny_recipe(folder.path() / "straight"), pool, random_documents(1)).run();
  }
  const Recipe recipe = tiny_recipe(folder.path() / "killed");
  Random random(77);
  uint32_t longest = 60000;   // microseconds until a kill
  int kills = 0;
  for (int attempt = 0; attempt < 60; ++attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      ThreadPool own(1);   // and with another number of threads
      try {
        Trainer trainer(recipe, own, random_documents(1));
        if (!checkpoint_steps(recipe.output).empty()) trainer.resume(recipe.output);
        trainer.run();
      } catch (const Error&) {
        ::_exit(3);
      }
      ::_exit(0);
    }
    ::usleep(useconds_t(longest / 20 + random.below(longest)));
    if (attempt < 59) ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status)) {
      ++kills;
      continue;
    }
    CHECK(WEXITSTATUS(status) == 0);
    if (kills >= 3) break;
    std::filesystem::remove_all(recipe.output);   // too quick for these kills: anew, and sooner
    longest /= 2, kills = 0;
  }
  CHECK(kills >= 3);
  CHECK(bytes_of(folder.path() / "killed" / "model.safetensors") == bytes_of(folder.path() / "straight" / "model.safetensors"));
  CHECK(bytes_of(folder.path() / "killed" / "checkpoint-30" / "optimizer.safetensors") == bytes_of(folder.path() / "straight" / "checkpoint-30" / "optimizer.safetensors"));
  CHECK(checkpoint_steps(folder.path() / "killed") == std::vector<int64_t>{28, 30});
}

TEST_CASE("every decoder learns, and a run that stopped goes on with the same bits") {
  const TemporaryFolder folder("families");
  ThreadPool pool(2), one(1);
  for (const char* model : {"gpt2", "gemma2", "llama-grouped", "mixtral", "mixtral-fused", "mpt"}) {
    CAPTURE(model);
    Recipe recipe = tiny_recipe(folder.path() / model / "straight");
    recipe.model = std::string("tests/goldens/") + model;
    recipe.max_steps = 10;
    double first = 0, last = 0;
    const auto note = [&](int64_t step, double loss) { (step == 1 ? first : last) = loss; };
    Trainer(recipe, pool, random_documents(1)).run({.step = note});
    CHECK(last < first - 0.1);
    recipe.output = folder.path() / model / "stopped";
    const auto stop = [](int64_t step, double) {
      if (step == 6) throw Error{ErrorKind::cancelled, "stopped", "test"};
    };
    CHECK_THROWS_AS(Trainer(recipe, one, random_documents(1)).run({.step = stop}), Error);
    Trainer again(recipe, pool, random_documents(1));
    again.resume(recipe.output);
    CHECK(again.steps_done() == 4);
    again.run();
    CHECK(bytes_of(folder.path() / model / "stopped" / "model.safetensors") == bytes_of(folder.path() / model / "straight" / "model.safetensors"));
  }
}

TEST_CASE("a full disk while saving is an error that leaves the last checkpoint whole") {
  const TemporaryFolder folder("train");
  Recipe recipe = tiny_recipe(folder.path() / "run");
  recipe.max_steps = 8;
  const std::filesystem::path kept = checkpoint_folder(recipe.output, 4);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    int code = 1;
    try {
      ThreadPool own(1);
      Trainer trainer(recipe, own, random_documents(1));
      trainer.run({.log = [](const StepReport& report) {
        const rlimit small{2000, 2000};   // after the checkpoint of step 4, no file may grow beyond 2000 bytes
        if (report.step == 5) ::setrlimit(RLIMIT_FSIZE, &small);
      }});
    } catch (const Error& error) {
      code = error.kind == ErrorKind::io ? 42 : 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
  CHECK(checkpoint_steps(recipe.output) == std::vector<int64_t>{4});
  int entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(recipe.output)) entries += entry.path().filename() != "log.jsonl";
  CHECK(entries == 1);
  ThreadPool pool(1);
  Trainer trainer(recipe, pool, random_documents(1));
  trainer.resume(recipe.output);
  trainer.run();
  CHECK(std::filesystem::exists(recipe.output / "model.safetensors"));
}

TEST_CASE("a step is the same with one thread and with three") {
  ThreadPool one(1), three(3);
  Trainer a(tiny_recipe("unused"), one, random_documents(2)), b(tiny_recipe("unused"), three, random_documents(2));
  for (int i = 0; i < 4; ++i) {
    const StepReport x = a.step(), y = b.step();
    CHECK(x.loss == y.loss);
    CHECK(x.grad_norm == y.grad_norm);
  }
  CHECK(distance(a.model(), b.model()) == 0.0);
}

TEST_CASE("gradients of four batches add up as ((0 + 1) + (2 + 3)), and of three as (0 + 1) + 2") {
  ThreadPool pool(2);
  Model model = Model::initialise(parse_json(kTiny, "tiny").value(), 1).value();
  model.prepare_training();
  const auto documents = random_documents(5);
  Batches batches(*documents, {Objective::causal, 1, 16, 1, true, {}});
  Cursor cursor;
  std::vector<Batch> parts;
  for (int i = 0; i < 4; ++i) parts.push_back(batches.next(cursor));
  GradientPlan plan(model, {16, 16, 16, 0}, pool);
  std::vector<std::vector<std::vector<float>>> alone;
  for (const Batch& part : parts) {
    plan.begin();
    plan.add(part, 0.125f);
    plan.finish();
    alone.emplace_back();
    for (const Parameter& parameter : plan.parameters()) alone.back().emplace_back(parameter.gradient.values<float>().begin(), parameter.gradient.values<float>().end());
  }
  for (const size_t count : {size_t(3), size_t(4)}) {
    plan.begin();
    for (size_t i = 0; i < count; ++i) plan.add(parts[i], 0.125f);
    plan.finish();
    for (size_t p = 0; p < plan.parameters().size(); ++p) {
      const auto sums = plan.parameters()[p].gradient.values<float>();
      bool equal = true;
      for (size_t i = 0; i < sums.size(); ++i) {
        const float left = alone[0][p][i] + alone[1][p][i], right = count == 3 ? alone[2][p][i] : alone[2][p][i] + alone[3][p][i];
        equal = equal && sums[i] == left + right;
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("packed sequences have the losses that they have alone") {
  ThreadPool pool(2);
  Model model = Model::initialise(parse_json(kTiny, "tiny").value(), 1).value();
  model.prepare_training();
  const auto documents = random_documents(6, 12);
  GradientPlan plan(model, {400, 40, 32, 0}, pool);
  Batches whole(*documents, {Objective::causal, 12, 32, 1, false, {}});
  Cursor cursor;
  Batch packed;
  REQUIRE(whole.next_of_epoch(cursor, packed));
  REQUIRE(packed.counts.size() == 12);
  plan.begin();
  plan.add(packed, 1);
  const std::vector<float> together(plan.workspace().output<float>("losses"), plan.workspace().output<float>("losses") + packed.rows());
  size_t row = 0;
  Batches single(*documents, {Objective::causal, 1, 32, 1, false, {}});
  for (uint64_t d = 0; d < 12; ++d) {
    Batch batch;
    const Document document = documents->at(d);
    batch.ids.assign(document.ids.begin(), document.ids.end() - 1);
    batch.labels.assign(document.ids.begin() + 1, document.ids.end());
    batch.types.assign(batch.ids.size(), 0);
    batch.counts = {int64_t(batch.ids.size())};
    plan.begin();
    plan.add(batch, 1);
    CHECK(std::memcmp(plan.workspace().output<float>("losses"), together.data() + row, batch.ids.size() * sizeof(float)) == 0);
    row += batch.ids.size();
  }
}

TEST_CASE("frozen weights stay as they are") {
  ThreadPool pool(1);
  Recipe recipe = tiny_recipe("unused");
  recipe.freeze = {"transformer.h.0.*", "*wpe*"};
  recipe.warmup = 0;
  Trainer trainer(recipe, pool, random_documents(3));
  Model fresh = Model::initialise(parse_json(kTiny, "tiny").value(), recipe.seed).value();
  trainer.step();
  for (const auto& [name, weight] : trainer.model().weights().all()) {
    CAPTURE(name);
    const bool same = std::memcmp(weight.value.raw(), fresh.weights().at(name).value.raw(), size_t(weight.value.bytes())) == 0;
    CHECK(same == (name.starts_with("transformer.h.0.") || name.find("wpe") != std::string::npos));
  }
  recipe.freeze = {"no such weight"};
  CHECK_THROWS_AS(Trainer(recipe, pool, random_documents(3)).step(), Error);
}

TEST_CASE("a loss that is no longer finite stops the run and says so") {
  ThreadPool pool(1);
  Recipe recipe = tiny_recipe("unused");
  recipe.learning_rate = 1e30;
  recipe.warmup = 0;
  Trainer trainer(recipe, pool, random_documents(4));
  const auto go = [&] {
    for (int i = 0; i < 30; ++i) trainer.step();
  };
  CHECK_THROWS_AS(go(), Error);
}

TEST_CASE("a tiny encoder learns to sort four numbers") {
  const TemporaryFolder folder("train");
  ThreadPool pool(2);
  Recipe recipe;
  recipe.model = kSorter;
  recipe.objective = "token";
  recipe.data = {R"({"corpus": "sort", "length": 4, "max": 4, "seed": 1})"};
  recipe.eval_data = {R"({"corpus": "sort", "length": 4, "max": 4, "seed": 2, "count": 300})"};
  recipe.output = folder.path() / "sorter";
  recipe.batch = 64;
  recipe.seq = 4;
  recipe.max_steps = 400;
  recipe.learning_rate = 3e-3;
  recipe.warmup = 20;
  recipe.log_every = 100;
  std::vector<StepReport> reports;
  Trainer(recipe, pool).run({.log = [&](const StepReport& report) { reports.push_back(report); }});
  REQUIRE(reports.size() == 4);
  REQUIRE(reports.back().evaluation);
  CHECK(reports.back().loss < 0.1);
  CHECK(reports.back().evaluation->targets == 1200);
  CHECK(*reports.back().evaluation->exact > 0.95);
  // What was written is what was trained.
  Model written = Model::load(recipe.output).value();
  const auto held_out = open_documents(recipe.eval_data, "token", nullptr).value();
  const Evaluation again = evaluate(written, *held_out, {Objective::token, 64, 4, 0, false, {}}, pool);
  CHECK(again.loss == reports.back().evaluation->loss);
}

TEST_CASE("encoder-decoders learn to translate, and go on after a stop with the same bits") {
  ThreadPool pool(2), one(1);
  for (const char* model : {
           R"({"model_type": "vanilla", "architectures": ["VanillaForConditionalGeneration"], "num_hidden_layers": 1, "hidden_size": 32, "num_attention_heads": 4,
    "intermediate_size": 64, "vocab_size": 128, "max_position_embeddings": 32, "dropout": 0.05, "decoder_start_token_id": 0, "eos_token_id": 1})",
           R"({"model_type": "bahdanau", "architectures": ["BahdanauForConditionalGeneration"], "num_hidden_layers": 1, "hidden_size": 24, "num_attention_heads": 1,
    "vocab_size": 128, "max_position_embeddings": 32, "initializer_range": 0.1, "dropout": 0.05, "decoder_start_token_id": 0, "eos_token_id": 1})"}) {
    CAPTURE(model);
    const TemporaryFolder folder("train");
    Recipe recipe;
    recipe.model = model;
    recipe.objective = "seq2seq";
    recipe.data = {R"({"corpus": "translation", "seed": 1, "words": 6, "count": 5000})"};
    recipe.eval_data = {R"({"corpus": "translation", "seed": 2, "words": 6, "count": 50})"};
    recipe.output = folder.path() / "whole";
    recipe.batch = 16;
    recipe.seq = 16;
    recipe.max_steps = 60;
    recipe.learning_rate = 5e-3;
    recipe.warmup = 10;
    recipe.schedule = "inverse_sqrt";
    recipe.label_smoothing = 0.1;
    recipe.save_every = 30;
    recipe.log_every = 20;
    std::vector<StepReport> reports;
    Trainer(recipe, pool).run({.log = [&](const StepReport& report) { reports.push_back(report); }});
    REQUIRE(reports.size() == 3);
    CHECK(reports.back().learning_rate == doctest::Approx(5e-3 * std::sqrt(10.0 / 59.0)));
    CHECK(reports.back().loss < 0.9 * reports.front().loss);
    REQUIRE(reports.back().evaluation);
    CHECK(reports.back().evaluation->exact);
    CHECK(reports.back().evaluation->targets > 50 * 5);

    const std::filesystem::path again = folder.path() / "again";
    std::filesystem::create_directories(again);
    std::filesystem::copy(checkpoint_folder(recipe.output, 30), checkpoint_folder(again, 30), std::filesystem::copy_options::recursive);
    recipe.output = again;
    Trainer resumed(recipe, one);
    resumed.resume(again);
    resumed.run();
    CHECK(read_file(again / "model.safetensors").value() == read_file(folder.path() / "whole" / "model.safetensors").value());

    recipe.objective = "causal";
    CHECK_THROWS_AS(Trainer(recipe, pool), Error);
  }
}

TEST_CASE("the masked objective trains a BERT") {
  const TemporaryFolder folder("train");
  ThreadPool pool(2);
  std::string vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", text;
  for (const char* word : {"the", "cat", "sat", "on", "a", "mat"}) vocabulary += std::string(word) + "\n";
  for (int i = 0; i < 50; ++i) text += "the cat sat on a mat\n\n";
  CHECK(write_file(folder.path() / "vocab.txt", vocabulary));
  CHECK(write_file(folder.path() / "text.txt", text));
  Recipe recipe;
  recipe.model = R"({"model_type": "bert", "architectures": ["BertForMaskedLM"], "vocab_size": 11, "hidden_size": 16, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 16, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})";
  recipe.tokenizer = (folder.path() / "vocab.txt").string();
  recipe.objective = "masked";
  recipe.data = recipe.eval_data = {(folder.path() / "text.txt").string()};
  recipe.output = folder.path() / "bert";
  recipe.batch = 8;
  recipe.seq = 16;
  recipe.max_steps = 150;
  recipe.learning_rate = 1e-2;
  recipe.log_every = 150;
  double loss = 10;
  Trainer(recipe, pool).run({.log = [&](const StepReport& report) { loss = report.evaluation.value().loss; }});
  CHECK(loss < 1.0);
  CHECK(std::filesystem::exists(recipe.output / "vocab.txt"));
}

TEST_CASE("a run does not go on behind the end of a document") {
  const TemporaryFolder folder("train");
  const Recipe recipe = tiny_recipe(folder.path() / "run");
  ThreadPool pool(1);
  Trainer(recipe, pool, random_documents(1)).run();
  const std::filesystem::path file = checkpoint_folder(recipe.output, checkpoint_steps(recipe.output).front()) / "trainer.json";
  Json state = parse_json(bytes_of(file), "state").value();
  for (const int64_t piece : {int64_t(1000), int64_t(2305842871774740480), INT64_MAX}) {
    state["cursor"]["piece"] = piece;
    std::ofstream(file) << state;
    Trainer trainer(recipe, pool, random_documents(1));
    trainer.resume(file.parent_path());
    CHECK_THROWS_AS(trainer.step(), Error);
  }
}

TEST_CASE("an output folder that holds another run is refused") {
  const TemporaryFolder folder("train");
  ThreadPool pool(1);
  Recipe recipe = tiny_recipe(folder.path() / "run");
  recipe.max_steps = 5;
  Trainer(recipe, pool, random_documents(1)).run();
  CHECK_THROWS_AS(Trainer(recipe, pool, random_documents(1)).run(), Error);
}

TEST_CASE("a saved recipe reads back the same") {
  Recipe recipe = tiny_recipe("out");
  recipe.data = {R"({"corpus": "sort", "seed": 1})", "a.txt"};
  recipe.freeze = {"*.bias", "{}"};
  Recipe again;
  OptionSet set;
  set.add(again);
  CHECK(set.from_json(plain_recipe(recipe_json(recipe), {}), "recipe"));
  CHECK(recipe_json(again) == recipe_json(recipe));
  CHECK(parse_json(again.model, "model").value() == parse_json(recipe.model, "model").value());
  CHECK(again.freeze == recipe.freeze);
}

TEST_CASE("a star stands for any letters") {
  CHECK(matches("*", ""));
  CHECK(matches("a*", "a"));
  CHECK(matches("*.bias", "layers.0.bias"));
  CHECK(matches("layers.*.mlp*", "layers.10.mlp.up"));
  CHECK(matches("*ab*ab", "abxab"));
  CHECK_FALSE(matches("*ab*ab", "abx"));
  CHECK_FALSE(matches("a*a", "a"));
  CHECK_FALSE(matches("", "a"));
  CHECK_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(200, 'a')));   // soon
}
