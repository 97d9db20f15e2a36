// `orrery trace MODEL TEXT`: one text through every stage, to the chosen token and on.
#include "inspect/trace.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/utf8.h"
#include "cli/call_text.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/token_ids.h"

namespace orrery::cli::commands {
namespace {
struct TraceCommandOptions {
  std::string model;
  std::optional<std::string> text;
  std::vector<int64_t> prompt_ids;
  std::optional<int64_t> max_new_tokens;
  int64_t top = 5;
  std::filesystem::path html;
  static constexpr auto about = describe("trace", "", option(&TraceCommandOptions::model, "model", kModelHelp, positional(), required()),
                                         option(&TraceCommandOptions::text, "text", "The text.", positional()),
                                         option(&TraceCommandOptions::prompt_ids, "prompt_ids", "The text as token ids: 1,2,3.", unit("IDS")),
                                         option(&TraceCommandOptions::max_new_tokens, "max_new_tokens", "The most tokens to follow; 8 where neither this nor --max-length says.", at_least(1)),
                                         option(&TraceCommandOptions::top, "top", "How many of the likeliest tokens are told.", in_range(1, 100), unit("N")),
                                         option(&TraceCommandOptions::html, "html", "Write the story as a page to this file.", unit("FILE")));
};

constexpr int64_t kNewTokens = 8;   // where nobody says how many

std::string format(const char* how, double x) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, how, x);
  return buffer;
}
// A vector's length.
std::string length(double x) { return format(x < 1 ? "%.4f" : "%.2f", x); }
std::string percent(double p) { return p > 0 && p < 0.001 ? "<0.1 %" : format("%.1f %%", 100 * p); }

std::string padded(std::string text, size_t width, bool right = false) {
  const size_t columns = count_code_points(text);
  const std::string space(width > columns ? width - columns : 0, ' ');
  return right ? space + text : text + space;
}

// The story, a section a stage.
class Teller {
 public:
  Teller(Output& out, const Trace& trace, const Model& model, const Tokenizer* tokenizer) : out_(out), trace_(trace), model_(model), tokenizer_(tokenizer), colours_(out.colours()) {}

  void tell() {
    if (trace_.text) tell_text();
    tell_tokens();
    if (trace_.recurrent) tell_states();
    else tell_layers();
    if (!trace_.top.empty()) tell_logits();
    if (!trace_.steps.empty()) tell_choice();
    if (!trace_.steps.empty()) tell_rest();
  }

 private:
  std::string bold(const std::string& text) const { return colours_ ? "\033[1m" + text + "\033[0m" : text; }
  std::string dim(const std::string& text) const { return colours_ ? "\033[2m" + text + "\033[0m" : text; }
  std::string lit(const std::string& text) const { return colours_ ? "\033[36m" + text + "\033[0m" : text; }

  // Without the spaces that columns leave at its end.
  void line(std::string text) const {
    text.erase(text.find_last_not_of(' ') + 1);
    out_.line(text);
  }
  void heading(const std::string& title, const std::string& about) {
    if (begun_) line("");
    begun_ = true;
    line(bold(title) + (about.empty() ? "" : "  " + dim(about)));
  }
  // " Lily" as ‹ Lily›, so that its spaces are seen.
  std::string shown(int32_t id) const { return "‹" + printable(text_of(id, model_, tokenizer_)) + "›"; }
  std::string shown_token(int32_t id) const { return "‹" + printable(token_text(id, tokenizer_)) + "›"; }
  std::string shown_at(int64_t position) const { return shown_token(trace_.encoding.ids[size_t(position)]); }
  std::string bar(double share, int width = 20) const {
    const int eighths = int(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
    constexpr const char* kParts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    std::string text;
    for (int i = 0; i < eighths / 8; ++i) text += "█";
    text += kParts[eighths % 8];
    return lit(padded(text, size_t(width)));
  }

  void tell_text() {
    heading("text", count_text(double(count_code_points(*trace_.text))) + " characters");
    line("  " + printable(*trace_.text));
    const TokenizerStages& stages = *trace_.stages;
    heading("normalised", stages.normalized == *trace_.text ? "as it was" : "");
    if (stages.normalized != *trace_.text) line("  " + printable(stages.normalized));
    heading("pre-tokens", std::to_string(stages.pieces.size()) + "; no token spans two");
    std::string pieces = "  ";
    for (size_t i = 0; i < stages.pieces.size(); ++i) pieces += (i ? dim("│") : "") + printable(stages.pieces[i]);
    line(pieces);
  }

  void tell_tokens() {
    const Encoding& e = trace_.encoding;
    heading("tokens", std::to_string(e.ids.size()) + ", with the lengths of what they are embedded as");
    size_t width = 5;
    for (const int32_t id : e.ids) width = std::max(width, count_code_points(shown_token(id)));
    width = std::min<size_t>(width, 28);
    std::string head = "  " + padded("at", 5, true) + "  " + padded("id", 7, true) + "  " + padded("token", width) + "  " + padded("offsets", 9);
    for (const NormTrace& value : trace_.embeddings) head += "  " + padded("|" + value.name + "|", 12, true);
    line(dim(head));
    for (size_t i = 0; i < e.ids.size(); ++i) {
      const std::string offsets = i < e.offsets.size() ? (e.special[i] ? "added" : std::to_string(e.offsets[i].begin) + "–" + std::to_string(e.offsets[i].end)) : "";
      std::string row = "  " + padded(std::to_string(i), 5, true) + "  " + padded(std::to_string(e.ids[i]), 7, true) + "  " + padded(shown_token(e.ids[i]), width) + "  " + padded(offsets, 9);
      for (const NormTrace& value : trace_.embeddings) row += "  " + padded(format("%.3f", value.norms[i]), std::max<size_t>(12, count_code_points(value.name) + 2), true);
      line(row);
    }
    if (trace_.recurrent) line(dim("  the order of reading tells positions (recurrent); nothing is added here"));
    if (model_.config().rotary) line(dim("  positions turn queries and keys in every layer (rotary); nothing is added here"));
    if (model_.config().num_buckets > 0) line(dim("  the distance of query and key is a bias of the scores (relative positions); nothing is added here"));
  }

  // "‹ a› 31.2 %  ‹ the› 12.0 %"
  std::string says(const std::vector<Weighed>& list, size_t count) const {
    std::string text;
    for (size_t i = 0; i < std::min(count, list.size()); ++i) text += (i ? "  " : "") + padded(shown(list[i].id) + " " + percent(list[i].probability), 18);
    return text;
  }

  bool both() const { return !trace_.written.empty(); }
  // What the decoder, or the only stack, has read.
  const std::vector<int32_t>& read() const { return both() ? trace_.written : trace_.encoding.ids; }

  void tell_layers() {
    if (both()) {
      const size_t last = trace_.encoding.ids.size() - 1;
      heading("encoder", "at its last token " + shown_at(int64_t(last)) + ": the residual's length");
      for (const LayerTrace& layer : trace_.layers)
        if (layer.encoder) line("  " + padded(std::to_string(layer.layer), 5, true) + "  " + padded(length(layer.residual.norms[last]), 9, true));
      tell_heads("attention", "of the encoder, from there; the sign tells how widely: ▁ at one token, █ at all", true, &LayerTrace::heads, trace_.encoding.ids, last + 1);
    }
    const size_t focus = size_t(trace_.focus);
    heading(both() ? "decoder" : "layers", "at token " + std::to_string(focus) + " " + shown_token(read()[focus]) + ": the residual's length" + (trace_.lens.empty() ? "" : ", and what the model would say if it stopped there"));
    size_t lens = 0;
    const std::vector<NormTrace>& embedded = both() ? trace_.written_embeddings : trace_.embeddings;
    for (; lens < trace_.lens.size() && layer_of(trace_.lens[lens].value) < 0; ++lens)
      line("  " + padded("–", 5, true) + "  " + padded(embedded.empty() ? "" : length(embedded.back().norms[focus]), 9, true) + "   " + says(trace_.lens[lens].says, 3));
    for (const LayerTrace& layer : trace_.layers) {
      if (layer.encoder) continue;
      line("  " + padded(std::to_string(layer.layer), 5, true) + "  " + padded(length(layer.residual.norms[focus]), 9, true) + "   " + (lens < trace_.lens.size() ? says(trace_.lens[lens].says, 3) : ""));
      ++lens;
    }
    if (both()) tell_heads("cross-attention", "where each head of the decoder looks most in the source", false, &LayerTrace::cross_heads, trace_.encoding.ids, trace_.encoding.ids.size());
    else
      tell_heads("attention", "where each head looks most from there; the sign tells how widely: ▁ at one token, █ at all", false, &LayerTrace::heads, read(), model_.family().causal ? focus + 1 : read().size());
  }

  // A recurrent model: a line for each token that it read, source and target.
  void tell_states() {
    if (both()) {
      heading("encoder", "the lengths of the states that it had at each token");
      tell_read(true, trace_.encoding.ids);
    }
    heading(both() ? "decoder" : "layers", both() ? "for each token that it read: the state's length, where it looks in the source, and what the model would say next" : "for each token: the state's length, and what the model would say next");
    tell_read(false, read());
  }

  void tell_read(bool encoder, const std::vector<int32_t>& ids) {
    std::string head = "  " + padded("at", 5, true) + "  " + padded("token", 18);
    for (const LayerTrace& layer : trace_.layers) {
      if (layer.encoder != encoder) continue;
      head += "  " + padded("|" + layer.residual.name + "|", 12, true);
      if (!layer.alignment.empty()) head += "  " + padded("looks at", 26);
    }
    line(dim(head + (encoder || trace_.lens.empty() ? "" : "  says")));
    for (size_t i = 0; i < ids.size(); ++i) {
      std::string row = "  " + padded(std::to_string(i), 5, true) + "  " + padded(shown_token(ids[i]), 18);
      for (const LayerTrace& layer : trace_.layers) {
        if (layer.encoder != encoder) continue;
        row += "  " + padded(format("%.3f", layer.residual.norms[i]), std::max<size_t>(12, layer.residual.name.size() + 2), true);
        if (layer.alignment.empty()) continue;
        const HeadTrace& look = layer.alignment[i];
        row += "  " + padded(std::to_string(look.looks_at) + " " + shown_at(look.looks_at) + " " + percent(double(look.weights[size_t(look.looks_at)])), 26);
      }
      if (!encoder && !trace_.lens.empty()) row += "  " + (int64_t(i) == trace_.focus ? says(trace_.lens[0].says, 1) : trace_.lens[0].said.empty() ? "" : says({trace_.lens[0].said[i]}, 1));
      line(row);
    }
  }

  // keys: how many a head can look at.
  void tell_heads(const char* title, const char* about, bool encoder, std::vector<HeadTrace> LayerTrace::*heads, const std::vector<int32_t>& ids, size_t keys) {
    if (std::all_of(trace_.layers.begin(), trace_.layers.end(), [&](const LayerTrace& layer) { return layer.encoder != encoder || (layer.*heads).empty(); })) return;
    heading(title, about);
    for (const LayerTrace& layer : trace_.layers) {
      if (layer.encoder != encoder) continue;
      for (size_t first = 0; first < (layer.*heads).size(); first += 4) {
        std::string row = "  " + padded(first ? "" : std::to_string(layer.layer), 5, true) + "  ";
        for (size_t h = first; h < std::min(first + 4, (layer.*heads).size()); ++h) row += padded(head((layer.*heads)[h], h, ids, keys), 28);
        line(row);
      }
    }
  }

  std::string head(const HeadTrace& head, size_t number, const std::vector<int32_t>& ids, size_t keys) const {
    constexpr const char* kWide[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const double wide = keys > 1 ? head.entropy / std::log(double(keys)) : 0;
    return padded(std::to_string(number), 2, true) + " " + kWide[std::clamp(int(wide * 8), 0, 7)] + " " + shown_token(ids[size_t(head.looks_at)]) + " " + format("%.0f %%", 100 * double(head.weights[size_t(head.looks_at)]));
  }

  void tell_list(const std::vector<Weighed>& list) {
    for (const Weighed& one : list)
      line("  " + padded(std::to_string(one.id), 7, true) + "  " + padded(shown(one.id), 18) + "  " + padded(format("%.4f", double(one.logit)), 9, true) + "  " + padded(percent(one.probability), 7, true) + "  " + bar(one.probability));
  }

  void tell_logits() {
    heading("logits", "the likeliest of " + count_text(double(trace_.logits.size())) + "; entropy " + format("%.3f nats", trace_.entropy) +
                          (trace_.steps.empty() ? "" : trace_.inspected_difference == 0 ? "; the same bits as in generate" : "; off by " + format("%g", trace_.inspected_difference)));
    tell_list(trace_.top);
  }

  // ‹ a› ‹ the› …
  std::string names(const std::vector<Weighed>& list, size_t count) const {
    std::string text;
    for (size_t i = 0; i < std::min(count, list.size()); ++i) text += (i ? " " : "") + shown(list[i].id);
    return text + (list.size() > count ? " …" : "");
  }

  std::string settings(const ChoiceStep& step) const {
    std::string text;
    for (const auto& [name, value] : step.settings.items()) text += (text.empty() ? "" : ", ") + name + " " + to_line(value);
    return text;
  }

  void tell_choice() {
    const Choice& choice = trace_.steps[0].choice;
    heading("choosing", choice.sampled ? "by chance" : "greedily: the likeliest");
    for (const ChoiceStep& step : choice.steps) {
      std::string did = step.changed ? "changed " + std::to_string(step.changed) + " logits" : "";
      if (step.removed) did += (did.empty() ? "" : ", ") + std::string("removed ") + std::to_string(step.removed) + " with " + percent(step.removed_mass) + " of the probability: " + names(step.gone, 4);
      line("  " + padded(settings(step), 26) + "  " + (did.empty() ? "changed nothing" : did) + dim("; " + std::to_string(step.left) + " left"));
    }
    if (choice.random)
      line("  " + padded("random number", 26) + "  " + lit(format("%.6f", *choice.random)) + " falls into " + format("%.6f", choice.share_begin) + " to " + format("%.6f", choice.share_end));
    line("  " + padded("chosen", 26) + "  " + bold(std::to_string(choice.id) + " " + shown(choice.id)) + "  " + percent(choice.probability) +
              (choice.steps.empty() ? "" : dim(", of the model's own distribution " + percent(choice.raw_probability) + " at rank " + std::to_string(choice.raw_rank + 1))));
  }

  void tell_rest() {
    const Choice& first = trace_.steps[0].choice;
    const bool ended = trace_.steps.size() == 1 && trace_.made.finish_reason == FinishReason::stop;
    heading("the next step", ended ? "there is none: this token ends the text" : "reads " + shown_token(first.id) + " at position " + std::to_string(first.position) + (trace_.recurrent ? ", beside the state that was kept" : ", beside the keys and values kept of all before it"));
    if (trace_.steps.size() == 1) return;
    line(dim("  and on, a line a token: its probability, the random number, what else was likely"));
    for (size_t i = 0; i < trace_.steps.size(); ++i) {
      const StepTrace& step = trace_.steps[i];
      line("  " + padded(std::to_string(step.choice.position), 5, true) + "  " + padded(shown(step.choice.id), 18) + "  " + padded(percent(step.choice.probability), 7, true) + "  " +
                padded(step.choice.random ? format("%.4f", *step.choice.random) : "", 6) + "  " + dim(says(step.top, 3)));
    }
    line("  " + dim(trace_.text && !both() ? printable(*trace_.text) : "") + printable(trace_.made.text));
  }

  Output& out_;
  const Trace& trace_;
  const Model& model_;
  const Tokenizer* tokenizer_;
  bool colours_, begun_ = false;
};

void run(Context& context, TraceCommandOptions& options, InterventionOptions& interventions, GenerationConfig& config) {
  if (options.text.has_value() == context.options().given("prompt_ids"))
    throw Error{ErrorKind::bad_usage, options.text ? "a text and --prompt-ids exclude each other" : "there is neither a text nor --prompt-ids", "orrery trace",
                options.text ? "" : "give a text in quotes, or --prompt-ids 1,2,3"};
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  config.read_defaults(model.generation_config(), (model.folder() / "generation_config.json").string(), &context.options()).value();
  config.max_new_tokens = options.max_new_tokens;
  if (!options.max_new_tokens && !context.options().given("max_length")) config.max_new_tokens = kNewTokens;
  config.seed = context.globals().seed;
  config.end_ids = end_of_text(model, tokenizer);
  const Trace walked = trace(model, context.pool(), tokenizer, options.text, token_ids(options.prompt_ids, "--prompt-ids"), config,
                             {.top = options.top, .kv_dtype = kv_dtype(context), .interventions = read_interventions(interventions, model, context.pool(), tokenizer, kv_dtype(context))});
  if (!options.html.empty()) context.write(options.html, trace_page(to_json(walked, model, tokenizer), options.model, call_text("trace", context.options())));
  if (context.json()) return context.out().json(to_json(walked, model, tokenizer));
  Teller(context.out(), walked, model, tokenizer).tell();
}
}  // namespace

const Command& trace() {
  static const Command command{"trace",
                               "Walk one text through every stage, to the chosen token and on.",
                               {"orrery trace storyteller 'Once upon a time'", "orrery trace storyteller 'Once upon a time, there was a girl' --temperature 0.8 --top-p 0.9 --seed 7 --html trace.html",
                                "orrery trace storyteller 'Once upon a time, there was a girl' --ablate 'layers.*.heads.3' --json"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
