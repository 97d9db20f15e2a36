// `orrery info MODEL`: what a model is, and what running it takes.
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/model_path.h"
#include "generate/report.h"

namespace orrery::cli::commands {
namespace {
struct InfoOptions {
  std::string model, form;
  bool graph = false;
  static constexpr auto about =
      describe("info", "", option(&InfoOptions::model, "model", kModelHelp, positional(), required()),
               option(&InfoOptions::graph, "graph", "Print the graph that is run instead."),
               option(&InfoOptions::form, "form", "Behind --graph: text, a line for each node, or dot, for Graphviz.", positional()));
};

const char* head_of(const Config& config) { return config.head == Head::causal_lm && config.encoder_decoder ? "conditional generation" : name_of(config.head); }

Json report_json(const ModelReport& report, const std::filesystem::path& path, const std::optional<Tokenizer>& tokenizer) {
  const Config& c = report.config;
  Json json = {{"path", path.string()},
               {"model_type", c.model_type},
               {"architecture", c.architecture},
               {"head", head_of(c)},
               {"parameters", report.parameters},
               {"num_layers", c.num_layers},
               {"num_heads", c.num_heads},
               {"num_kv_heads", c.num_kv_heads},
               {"head_dim", c.head_dim},
               {"hidden_size", c.hidden_size},
               {"intermediate_size", c.intermediate_size},
               {"vocab_size", c.vocab_size},
               {"max_positions", c.any_length ? Json() : Json(c.max_positions)},
               {"usual_positions", c.usual_positions()},
               {"has_weights", report.has_weights},
               {"dtype", report.dtype},
               {"weights_bytes", report.weights_bytes},
               {"packed_bytes", report.packed_bytes},
               {"activation_bytes", report.activation_bytes},
               {"prefill_rows", report.prefill_rows},
               {"cache_bytes_per_token", report.cache_bytes_per_token},
               {"cache_bytes", report.cache_bytes},
               {"total_bytes", report.total_bytes},
               {"flops_per_token", {{"first", report.flops_first}, {"last", report.flops_last}}},
               {"tokenizer", tokenizer ? Json{{"vocab_size", tokenizer->vocab_size()}} : Json()}};
  if (c.encoder_decoder) {
    json["num_encoder_layers"] = c.num_encoder_layers;
    json["encoder_intermediate_size"] = c.encoder_intermediate_size;
    json["source_cache_bytes_per_token"] = report.source_cache_bytes_per_token;
    json["flops_per_token"]["source"] = report.flops_source;
  }
  return json;
}

void print_report(Output& out, const ModelReport& report, const std::filesystem::path& path, const std::optional<Tokenizer>& tokenizer) {
  const Config& c = report.config;
  const auto row = [&](std::string_view name, const std::string& value) { out.line(std::string(name) + std::string(14 - name.size(), ' ') + value); };
  row("model", path.string());
  row("architecture", c.architecture + " (" + c.model_type + ", " + (c.head == Head::none ? "no head" : head_of(c)) + ")");
  row("parameters", count_text(double(report.parameters)) + " (" + std::to_string(report.parameters) + ")");
  row("layers", std::to_string(c.num_layers) + (c.encoder_decoder ? " of the decoder, " + std::to_string(c.num_encoder_layers) + " of the encoder" : "") +
                    ", width " + std::to_string(c.hidden_size) + (c.intermediate_size > 0 ? ", feed-forward " + std::to_string(c.intermediate_size) : "") +
                    (c.encoder_decoder && c.encoder_intermediate_size != c.intermediate_size ? ", of the encoder " + std::to_string(c.encoder_intermediate_size) : ""));
  row("attention", std::to_string(c.num_heads) + (c.num_heads == 1 ? " head of " : " heads of ") + std::to_string(c.head_dim) + (c.num_kv_heads != c.num_heads ? " over " + std::to_string(c.num_kv_heads) + " of keys and values" : ""));
  row("context", c.any_length ? "any length" : std::to_string(c.max_positions) + " positions");
  row("vocabulary", std::to_string(c.vocab_size) + (tokenizer ? "; the tokenizer has " + std::to_string(tokenizer->vocab_size()) : "; no tokenizer"));
  row("weights", bytes_text(report.weights_bytes) + (report.has_weights ? ", mostly " : ", were there any, as ") + report.dtype);
  if (report.causal) row("cache", bytes_text(report.cache_bytes_per_token) + " a token" + (c.encoder_decoder ? ", and " + bytes_text(report.source_cache_bytes_per_token) + " a token of the source" : ""));
  const std::string whole = c.any_length ? std::to_string(c.usual_positions()) + " tokens" : "full length";
  row("memory", bytes_text(report.total_bytes) + " at most for a text " + (c.encoder_decoder && report.causal ? "and a source " : "") + "of " + whole + ": weights " + bytes_text(report.weights_bytes) + (report.has_weights ? " (mapped ones are let go of once laid out)" : "") + ", laid out for products " +
                    bytes_text(report.packed_bytes) + ", intermediates " + bytes_text(report.activation_bytes) + (report.causal ? ", cache " + bytes_text(report.cache_bytes) : ""));
  row("work", count_text(report.flops_first) + " operations for the first token, " + count_text(report.flops_last) + " for the last" + (c.any_length ? " of " + std::to_string(c.usual_positions()) : "") +
                   (report.flops_source > 0 ? ", " + count_text(report.flops_source) + " for each of the source" : ""));
}

void run(Context& context, InfoOptions& options) {
  if (!options.graph && !options.form.empty()) throw Error{ErrorKind::bad_usage, "one argument too many: '" + options.form + "'", "orrery info", "`--graph` prints the graph, `--graph dot` for Graphviz"};
  if (!options.form.empty() && options.form != "text" && options.form != "dot") throw Error{ErrorKind::bad_usage, "'" + options.form + "' is not text or dot", "--graph"};
  const std::filesystem::path path = model_path(options.model);
  const ModelReport report = report_model(path, load_options(context), kv_dtype(context)).value();
  warn_of_code(context, report.config.json, path);
  if (options.graph) {
    const std::string text = options.form == "dot" ? to_graphviz(report.graph) : to_text(report.graph);
    if (context.json()) return context.out().json({{"graph", text}});
    return context.out().text(text);
  }
  const std::optional<Tokenizer> tokenizer = find_tokenizer(options.model);
  if (context.json()) return context.out().json(report_json(report, path, tokenizer));
  print_report(context.out(), report, path, tokenizer);
}
}  // namespace

const Command& info() {
  static const Command command{
      "info", "Show what a model is and what running it takes.", {"orrery info storyteller", "orrery info sorter --graph", "orrery info sorter --graph dot", "orrery info storyteller --json"}, run};
  return command;
}
}  // namespace orrery::cli::commands
