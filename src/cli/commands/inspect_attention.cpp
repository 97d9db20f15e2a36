// `orrery inspect attention MODEL TEXT`: where every head of every layer looks.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/file.h"
#include "base/npy.h"
#include "base/utf8.h"
#include "cli/call_text.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "inspect/attention.h"
#include "inspect/trace.h"

namespace orrery::cli::commands {
namespace {
struct InspectAttentionOptions {
  std::string model;
  std::optional<std::string> text;
  std::vector<int64_t> ids;
  std::filesystem::path npz, html;
  static constexpr auto about = describe("inspect attention", "", option(&InspectAttentionOptions::model, "model", kModelHelp, positional(), required()),
                                         option(&InspectAttentionOptions::text, "text", "The text; its special tokens are added.", positional()),
                                         option(&InspectAttentionOptions::ids, "ids", "The text as token ids: 1,2,3.", unit("IDS")),
                                         option(&InspectAttentionOptions::npz, "npz", "Write ids and patterns [layers, heads, query, key] to this .npz.", unit("FILE")),
                                         option(&InspectAttentionOptions::html, "html", "Write a page with every head to this file.", unit("FILE")));
};

Encoding encoding_of(const InspectAttentionOptions& options, const Model& model, const Tokenizer* tokenizer, bool ids_given) {
  if (ids_given == options.text.has_value()) throw Error{ErrorKind::bad_usage, ids_given ? "a text and --ids exclude each other" : "there is neither a text nor --ids", "orrery inspect attention"};
  if (options.text) {
    if (!tokenizer) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", model.folder().string(), "give the text as --ids 1,2,3"};
    return tokenizer->encode(*options.text);
  }
  Encoding encoding;
  for (const int64_t id : options.ids) {
    if (id < 0 || id > INT32_MAX) throw Error{ErrorKind::out_of_range, "token id " + std::to_string(id), "--ids"};
    encoding.ids.push_back(int32_t(id));
  }
  return encoding;
}

std::string format(const char* how, double x) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, how, x);
  return buffer;
}

class Printer {
 public:
  Printer(Output& out, const AttentionView& view, const Tokenizer* tokenizer) : out_(out), view_(view), tokenizer_(tokenizer) {}

  void print() const {
    for (const AttentionStack& stack : view_.stacks) tell(stack);
    if (view_.inspected_difference)
      out_.line(*view_.inspected_difference == 0 ? "The logits of this run are those of a plain run, to the bit." : "The logits of this run are off by " + format("%g", *view_.inspected_difference) + ".");
  }

 private:
  static std::string counted(int64_t count, const char* what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }
  std::string token(const std::string& side, int64_t at) const {
    if (side != "tokens") return "‹" + std::to_string(at) + "›";
    return "‹" + printable(token_text(view_.encoding.ids[size_t(at)], tokenizer_)) + "›";
  }
  void tell(const AttentionStack& stack) const {
    const std::string whose = stack.name == "cross_pattern" ? "looks at the source" : stack.name == "encoder_pattern" ? "the encoder" : "attention";
    out_.line(whose + ": " + counted(stack.layers, "layer") + " of " + counted(stack.heads, "head") + ", " + counted(stack.query_count, "token") + (stack.causal && stack.query_count > 1 ? ", each looks back" : ""));
    out_.line("layer  head    entropy    first  distance  strongest");
    for (int64_t layer = 0; layer < stack.layers; ++layer)
      for (int64_t head = 0; head < stack.heads; ++head) {
        const HeadSummary& one = stack.of(layer, head);
        constexpr const char* kWide[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        const bool faint = out_.is_terminal() && one.first > 0.9;
        out_.line((faint ? "\033[2m" : "") + format("%5.0f", double(layer)) + format("%6.0f", double(head)) + format("%9.3f ", one.entropy) + kWide[std::clamp(int(one.entropy_share * 8), 0, 7)] +
                  format("%7.1f %%", 100 * one.first) + format("%10.2f", one.distance) + "  " + token(stack.queries, one.query) + " → " + token(stack.keys, one.key) + format(" %.0f %%", 100 * one.weight) + (faint ? "\033[0m" : ""));
      }
    out_.line("");
  }

  Output& out_;
  const AttentionView& view_;
  const Tokenizer* tokenizer_;
};

void run(Context& context, InspectAttentionOptions& options) {
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  const AttentionView view = look_at_attention(model, context.pool(), encoding_of(options, model, tokenizer, context.options().given("ids")), kv_dtype(context));
  if (!options.npz.empty()) {
    NpzWriter npz(options.npz);
    npz.add("ids", {int64_t(view.encoding.ids.size())}, std::span<const int32_t>(view.encoding.ids));
    for (const AttentionStack& stack : view.stacks) npz.add(stack.name, {stack.layers, stack.heads, stack.query_count, stack.key_count}, std::span<const float>(stack.pattern));
    npz.commit().value();
  }
  if (!options.html.empty()) write_file(options.html, attention_page(view, model, tokenizer, options.model, call_text("inspect attention", context.options()))).value();
  if (context.json()) return context.out().json(to_json(view, model, tokenizer));
  Printer(context.out(), view, tokenizer).print();
}
}  // namespace

const Command& inspect_attention() {
  static const Command command{"inspect attention",
                               "Show where every head of every layer looks.",
                               {"orrery inspect attention storyteller 'One day, a fox named Ella found a red ball.'",
                                "orrery inspect attention storyteller 'One day, a fox named Ella found a red ball.' --npz attention.npz --html attention.html",
                                "orrery inspect attention sorter --ids 3,1,5,2 --json"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
