// `orrery inspect attention MODEL TEXT`: where every head of every layer looks.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/npy.h"
#include "base/utf8.h"
#include "cli/call_text.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "cli/token_ids.h"
#include "generate/generator.h"
#include "inspect/attention.h"
#include "inspect/trace.h"

namespace orrery::cli::commands {
namespace {
struct InspectAttentionOptions {
  std::string model;
  std::optional<std::string> text, target;
  std::vector<int64_t> ids, decoder_ids;
  int64_t max_new_tokens = 64;
  std::filesystem::path npz, html;
  static constexpr auto about = describe("inspect attention", "", option(&InspectAttentionOptions::model, "model", kModelHelp, positional(), required()),
                                         option(&InspectAttentionOptions::text, "text", "The text, an encoder-decoder's source; its special tokens are added.", positional()),
                                         option(&InspectAttentionOptions::ids, "ids", "The text as token ids: 1,2,3.", unit("IDS")),
                                         option(&InspectAttentionOptions::target, "target", "Of an encoder-decoder: what its decoder is to write, instead of what it writes of itself."),
                                         option(&InspectAttentionOptions::decoder_ids, "decoder_ids", "The same as token ids, from the decoder's start on.", unit("IDS")),
                                         option(&InspectAttentionOptions::max_new_tokens, "max_new_tokens", "The most tokens that an encoder-decoder writes of itself.", at_least(1)),
                                         option(&InspectAttentionOptions::npz, "npz", "Write ids and patterns [layers, heads, query, key] to this .npz.", unit("FILE")),
                                         option(&InspectAttentionOptions::html, "html", "Write a page with every head to this file.", unit("FILE")));
};

class Reader {
 public:
  Reader(Context& context, const InspectAttentionOptions& options, Model& model, const Tokenizer* tokenizer) : context_(context), options_(options), model_(model), tokenizer_(tokenizer) {}

  AttentionText text() const {
    const bool ids_given = given("ids"), decoder_given = given("decoder_ids"), two_targets = decoder_given && options_.target;
    if (ids_given == options_.text.has_value()) throw Error{ErrorKind::bad_usage, ids_given ? "a text and --ids exclude each other" : "there is neither a text nor --ids", "orrery inspect attention"};
    if (two_targets) throw Error{ErrorKind::bad_usage, "--target and --decoder-ids exclude each other", "orrery inspect attention"};
    Encoding encoding = options_.text ? read(*options_.text, "give the text as --ids 1,2,3") : of_ids(options_.ids, "--ids");
    if (!model_.config().encoder_decoder) {
      if (options_.target || decoder_given)
        throw Error{ErrorKind::bad_usage, "a model of architecture " + model_.config().architecture + " has no decoder beside an encoder", options_.target ? "--target" : "--decoder-ids"};
      return {std::move(encoding)};
    }
    if (options_.target) return text_with_target(model_, std::move(encoding), read(*options_.target, "give the target as --decoder-ids 1,2,3").ids);
    if (!decoder_given) return text_with_answer(model_, context_.pool(), std::move(encoding), greedy(), kv_dtype(context_));
    AttentionText text{of_ids(options_.decoder_ids, "--decoder-ids"), std::move(encoding)};
    if (!text.tokens.ids.empty()) text.written.assign(text.tokens.ids.begin() + 1, text.tokens.ids.end());
    return text;
  }

 private:
  bool given(const char* option) const { return context_.options().given(option); }
  Encoding read(const std::string& text, const char* hint) const {
    if (!tokenizer_) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", model_.folder().string(), hint};
    return tokenizer_->encode(text);
  }
  static Encoding of_ids(const std::vector<int64_t>& ids, const char* flag) {
    Encoding encoding;
    encoding.ids = token_ids(ids, flag);
    return encoding;
  }
  GenerationConfig greedy() const {
    GenerationConfig config;
    config.read_defaults(model_.generation_config(), (model_.folder() / "generation_config.json").string()).value();
    config.do_sample = false;
    config.max_length.reset();
    config.max_new_tokens = options_.max_new_tokens;
    config.end_ids = end_of_text(model_, tokenizer_);
    return config;
  }

  Context& context_;
  const InspectAttentionOptions& options_;
  Model& model_;
  const Tokenizer* tokenizer_;
};

std::string format(const char* how, double x) {
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, how, x);
  return buffer;
}

class Printer {
 public:
  Printer(Output& out, const AttentionView& view, const Tokenizer* tokenizer) : out_(out), view_(view), tokenizer_(tokenizer) {}

  void print() const {
    if (!view_.text.source.ids.empty()) {
      out_.line("reads:   " + tokens(view_.text.source.ids));
      out_.line("writes:  " + tokens(view_.text.written));
      out_.line("");
    }
    for (const AttentionStack& stack : view_.stacks) tell(stack);
    if (view_.inspected_difference)
      out_.line(*view_.inspected_difference == 0 ? "The logits of this run are those of a plain run, to the bit." : "The logits of this run are off by " + format("%g", *view_.inspected_difference) + ".");
  }

 private:
  static std::string counted(int64_t count, const char* what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }
  std::string shown(int32_t id) const { return "‹" + printable(token_text(id, tokenizer_)) + "›"; }
  std::string tokens(const std::vector<int32_t>& ids) const {
    std::string line;
    for (const int32_t id : ids) line += (line.empty() ? "" : " ") + shown(id);
    return line;
  }
  std::string token(const std::string& side, int64_t at) const { return shown((side == "source" ? view_.text.source : view_.text.tokens).ids[size_t(at)]); }
  void tell(const AttentionStack& stack) const {
    const std::string whose = stack.name == "cross_pattern" ? "the decoder's looks at the source" : stack.name == "encoder_pattern" ? "the encoder" : view_.text.source.ids.empty() ? "attention" : "the decoder";
    out_.line(whose + ": " + counted(stack.layers, "layer") + " of " + counted(stack.heads, "head") + ", " + counted(stack.query_count, "token") + (stack.causal && stack.query_count > 1 ? ", each looks back" : ""));
    out_.line("layer  head    entropy    first  distance  strongest");
    for (int64_t layer = 0; layer < stack.layers; ++layer)
      for (int64_t head = 0; head < stack.heads; ++head) {
        const HeadSummary& one = stack.of(layer, head);
        constexpr const char* kWide[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
        const bool faint = out_.colours() && one.first > 0.9;
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
  Context::expect_file(options.npz);
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  const AttentionView view = look_at_attention(model, context.pool(), Reader(context, options, model, tokenizer).text(), kv_dtype(context));
  if (!options.npz.empty()) {
    NpzWriter npz(options.npz);
    const auto add_ids = [&](const char* name, const std::vector<int32_t>& ids) { npz.add(name, {int64_t(ids.size())}, std::span<const int32_t>(ids)); };
    add_ids("ids", view.text.tokens.ids);
    if (model.config().encoder_decoder) add_ids("source_ids", view.text.source.ids), add_ids("written_ids", view.text.written);
    for (const AttentionStack& stack : view.stacks) npz.add(stack.name, {stack.layers, stack.heads, stack.query_count, stack.key_count}, std::span<const float>(stack.pattern));
    npz.commit().value();
    context.wrote(options.npz);
  }
  if (!options.html.empty()) context.write(options.html, attention_page(view, model, tokenizer, options.model, call_text("inspect attention", context.options())));
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
