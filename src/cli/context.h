// What every command is given: the options that exist everywhere, where its output goes, its threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/threads.h"
#include "cli/output.h"

namespace orrery::cli {

struct GlobalOptions {
  int64_t threads = 0;
  std::string device = "cpu", dtype, compute_dtype, kv_dtype;
  uint64_t seed = 0;
  std::filesystem::path output;
  std::optional<bool> packed_cache;
  bool json = false, quiet = false, help = false, version = false;

  static constexpr auto about = describe(
      "everywhere", "",
      option(&GlobalOptions::threads, "threads", "Threads to use; 0 is all cores.", in_range(0, 4096)),
      option(&GlobalOptions::device, "device", "Where the model runs; nothing but the CPU so far.", one_of("cpu"), unit("DEVICE")),
      option(&GlobalOptions::dtype, "dtype", "How weights are held; as in the checkpoint where not given, a GGUF file's blocks too. Of q8_0, q5_0, q4_0 products read blocks of 32 whole numbers, of int8 whole numbers with one scale for a row: faster where the processor has AMX, and less exact.",
             one_of("f32", "bf16", "f16", "q8_0", "q5_0", "q4_0", "int8"), unit("DTYPE")),
      option(&GlobalOptions::compute_dtype, "compute_dtype", "What products with weights, and attention's, are computed in: f32, or bf16 with sums in f32. Of weights in blocks products are of whole numbers unless bf16 is given.", one_of("f32", "bf16"),
             unit("DTYPE")),
      option(&GlobalOptions::kv_dtype, "kv_dtype", "How keys and values are cached.", one_of("f32", "bf16", "f16", "q8_0"),
             unit("DTYPE")),
      option(&GlobalOptions::packed_cache, "packed_cache", "Keep weights laid out for products in a file, and map them from it the next time: in the folder ORRERY_PACKED_CACHE, else ~/.cache/orrery."),
      option(&GlobalOptions::seed, "seed", "Seed of all random numbers.", unit("N")),
      option(&GlobalOptions::json, "json", "Print JSON."),
      option(&GlobalOptions::output, "output", "Write the result to this file, whole or not at all.", short_flag('o'),
             unit("FILE")),
      option(&GlobalOptions::quiet, "quiet", "No progress, no warnings."),
      option(&GlobalOptions::help, "help", "Show this help.", short_flag('h')),
      option(&GlobalOptions::version, "version", "Print the version."));
};

// Help of a MODEL argument.
inline constexpr const char* kModelHelp =
    "A folder in Hugging Face layout, a GGUF file, the name of a checkpoint that ships, or owner/name in the hub's cache.";

class Context {
 public:
  // `output` is the file of -o, or empty.
  Context(const GlobalOptions& globals, OptionSet& options, const std::filesystem::path& output);

  const GlobalOptions& globals() const { return globals_; }
  // All options of this call: given("seed"), and from_json(recipe, "recipe.json", &config) for a file that flags override.
  OptionSet& options() { return options_; }
  const OptionSet& options() const { return options_; }

  bool json() const { return globals_.json; }
  bool quiet() const { return globals_.quiet; }
  // The result: standard output, or the file of -o.
  Output& out() { return out_; }
  // To standard error, unless --quiet.
  void warn(std::string_view text) const;
  // Writes a file beside the result, and tells so on a terminal.
  void write(const std::filesystem::path& file, std::string_view bytes) const;
  // Throws where that is "-", standard output.
  static void expect_file(const std::filesystem::path& file);
  void wrote(const std::filesystem::path& file) const;
  // A line on standard error while work goes on; silent where it is no terminal or --quiet.
  Progress progress(std::string label, int64_t total, std::string unit) const {
    return Progress(std::move(label), total, std::move(unit), !quiet());
  }

  int num_threads() const;
  // Made when first asked for, of num_threads().
  ThreadPool& pool();

 private:
  const GlobalOptions& globals_;
  OptionSet& options_;
  Output out_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace orrery::cli
