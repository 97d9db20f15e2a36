// `orrery convert SRC DST`: a model as a GGUF file, or as a folder in Hugging Face's layout.
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "export/gguf_export.h"

namespace orrery::cli::commands {
namespace {
struct ConvertOptions {
  std::string model, quantize;
  std::filesystem::path destination, output;
  bool tokenizer = true;
  static constexpr auto about =
      describe("convert", "", option(&ConvertOptions::model, "model", kModelHelp, positional(), required()),
               option(&ConvertOptions::destination, "destination", "FILE.gguf, or a folder for config.json and safetensors.", positional()),
               option(&ConvertOptions::output, "output", "The destination, as an option.", short_flag('o'), unit("FILE")),
               option(&ConvertOptions::quantize, "quantize", "How a GGUF file stores matrices; the _m mixes keep some in q6_k, as llama.cpp's do.",
                      one_of("q8_0", "q6_k", "q5_k_m", "q5_k", "q5_1", "q5_0", "q4_k_m", "q4_k", "q4_1", "q4_0"), unit("FORMAT")),
               option(&ConvertOptions::tokenizer, "tokenizer", "Write the model's tokenizer too."));
};

// What chats are written in: the template of no name, or the only one.
std::string chat_template_of(const std::filesystem::path& path) {
  const Result<chat::ChatFiles> files = chat_files(path);
  if (!files) return {};
  for (const auto& one : files->templates)
    if (one.name.empty() || one.name == "default" || files->templates.size() == 1) return one.source;
  return {};
}

std::string list_of(const std::vector<std::string>& names) { return names.front() + (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : ""); }

void run(Context& context, ConvertOptions& options) {
  if (options.destination.empty() == options.output.empty())
    throw Error{ErrorKind::bad_usage, options.output.empty() ? "there is no destination" : "two destinations", "orrery convert", "orrery convert MODEL FILE.gguf, or -o FILE.gguf; a name without .gguf is a folder"};
  const std::filesystem::path target = options.destination.empty() ? options.output : options.destination;
  const bool is_gguf = target.extension() == ".gguf";
  if (!is_gguf && !options.quantize.empty()) throw Error{ErrorKind::bad_usage, "only GGUF files are quantised", "--quantize", "name the destination FILE.gguf"};
  if (load_options(context).int8) throw Error{ErrorKind::bad_usage, "no file keeps int8: weights are rounded to it when a model is loaded", "--dtype", "--quantize q8_0 stores blocks of 8 bits, in GGUF files"};
  if (load_options(context).blocks) throw Error{ErrorKind::bad_usage, "--dtype says how floats are written", "--dtype", "--quantize stores blocks, in GGUF files"};
  std::error_code ignored;
  if (std::filesystem::equivalent(model_path(options.model), target, ignored)) throw Error{ErrorKind::bad_usage, "the destination is the model itself", target.string(), "choose another name"};
  if (!is_gguf && std::filesystem::exists(target, ignored) && !std::filesystem::is_empty(target, ignored))
    throw Error{ErrorKind::bad_usage, "the destination is there and not empty", target.string(), "choose another name; what is there would be replaced"};
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> tokenizer = options.tokenizer ? find_tokenizer(options.model) : std::nullopt;
  ExportReport report;
  if (is_gguf) {
    Progress progress = context.progress("converting", 0, "tensors");
    GgufExport how{.quantisation = gguf_quantisation(options.quantize), .name = std::filesystem::path(model.folder()).filename().string()};
    how.chat_template = chat_template_of(model.folder());
    how.progress = [&](size_t done, size_t) { progress.update(int64_t(done)); };
    report = export_gguf(model, tokenizer ? &*tokenizer : nullptr, target, how, context.pool());
  } else {
    report = export_folder(model, tokenizer ? &*tokenizer : nullptr, target, load_options(context).dtype);
  }
  if (!report.left_out.empty()) context.warn("not in the file, which has no place for it: " + list_of(report.left_out));
  if (!report.wider.empty()) context.warn("rows that are no whole blocks are stored in a wider format: " + list_of(report.wider));
  if (context.json()) return context.out().json({{"path", target.string()}, {"tensors", report.tensors}, {"bytes", report.bytes}});
  context.out().line(target.string() + ": " + std::to_string(report.tensors) + " tensors, " + bytes_text(int64_t(report.bytes)));
}
}  // namespace

const Command& convert() {
  static const Command command{"convert",
                               "Write a model as a GGUF file, quantised or not, or as a folder that transformers reads.",
                               {"orrery convert storyteller storyteller.gguf", "orrery convert storyteller small.gguf --quantize q8_0", "orrery convert storyteller copy --dtype bf16"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
