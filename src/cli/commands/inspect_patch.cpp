// `orrery inspect patch MODEL CLEAN --corrupt TEXT`: which places carry the difference between two texts.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/npy.h"
#include "base/utf8.h"
#include "cli/call_text.h"
#include "cli/command.h"
#include "cli/loading.h"
#include "inspect/patching.h"
#include "inspect/trace.h"

namespace orrery::cli::commands {
namespace {
struct InspectPatchOptions {
  std::string model, clean, corrupt, site;
  std::optional<std::string> answer, wrong;
  std::filesystem::path npz, html;
  bool noising = false;
  static constexpr auto about = describe(
      "inspect patch", "", option(&InspectPatchOptions::model, "model", kModelHelp, positional(), required()),
      option(&InspectPatchOptions::clean, "clean", "The text that makes the model say the answer; ids, 1,2,3, for a model without a tokenizer.", positional(), required()),
      option(&InspectPatchOptions::corrupt, "corrupt", "The same text changed, of as many tokens.", unit("TEXT"), required()),
      option(&InspectPatchOptions::answer, "answer", "A token: what the clean text should be followed by; what the model says, where not given.", unit("TOKEN")),
      option(&InspectPatchOptions::wrong, "wrong", "A token: what the corrupted text should be followed by; what the model says, where not given.", unit("TOKEN")),
      option(&InspectPatchOptions::site, "site", "What is patched, at each position of each layer; the residual where not given, or of a recurrence its states.", one_of("residual", "attention", "mlp", "heads", "state")),
      option(&InspectPatchOptions::noising, "noising", "Spoil the clean text instead of restoring the corrupted one."),
      option(&InspectPatchOptions::npz, "npz", "Write the numbers to this .npz.", unit("FILE")),
      option(&InspectPatchOptions::html, "html", "Write a page to this file.", unit("FILE")));
};

std::vector<int32_t> ids_of(const std::string& text, const Tokenizer* tokenizer) {
  if (tokenizer) return tokenizer->encode_ids(text);
  std::vector<int32_t> ids;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    int id = -1;
    if (std::sscanf(text.substr(begin, end - begin).c_str(), "%d", &id) != 1) throw Error{ErrorKind::not_found, "the model has no tokenizer to read a text with", text, "give ids: 1,2,3"};
    ids.push_back(id);
    begin = end + 1;
  }
  return ids;
}

std::optional<int32_t> token_named(const std::optional<std::string>& text, const Tokenizer* tokenizer, const char* flag) {
  if (!text) return std::nullopt;
  const std::vector<int32_t> ids = tokenizer ? tokenizer->encode_ids(*text, {.add_special = false}) : ids_of(*text, nullptr);
  if (ids.size() == 1) return ids[0];
  std::string pieces;
  for (const int32_t id : ids) pieces += (pieces.empty() ? "‹" : " ‹") + printable(token_text(id, tokenizer)) + "›";
  throw Error{ErrorKind::bad_usage, "'" + *text + "' is " + std::to_string(ids.size()) + " tokens, " + pieces, flag, "a token often begins with its space: \" she\""};
}

constexpr double kSeen = 0.005;   // smaller effects are shown as none

class Printer {
 public:
  Printer(Output& out, const PatchSweep& sweep, const std::vector<int32_t>& clean, const std::vector<int32_t>& corrupt, const Tokenizer* tokenizer)
      : out_(out), sweep_(sweep), clean_(clean), corrupt_(corrupt), tokenizer_(tokenizer) {}

  void print() const {
    out_.line(std::string(sweep_.noising ? "the clean text, spoilt at one place" : "the corrupted text, restored at one place") + (sweep_.stack.empty() ? "" : " of the " + sweep_.stack));
    out_.line("logit " + shown(sweep_.answer) + " minus " + shown(sweep_.wrong) + ": " + number("%.3f", sweep_.clean) + " clean, " + number("%.3f", sweep_.corrupt) + " corrupted");
    out_.line("effect: 0 changes nothing, 1 is as in the other text");
    out_.line("");
    if (sweep_.site != "heads") grid();
    else best();
  }

 private:
  std::string shown(int32_t id) const { return "‹" + printable(token_text(id, tokenizer_)) + "›"; }
  static std::string number(const char* how, double x) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, how, x);
    return buffer;
  }
  std::string token(int64_t position) const {
    const int32_t clean = clean_[size_t(position)], corrupt = corrupt_[size_t(position)];
    return shown(clean) + (clean == corrupt ? "" : " → " + shown(corrupt));
  }
  static std::string padded(const std::string& text, size_t width) { return text + std::string(width - std::min(width, count_code_points(text)), ' '); }
  // Behind it, on a terminal, a colour as strong as the effect.
  std::string cell(double effect) const {
    if (std::fabs(effect) < kSeen) return out_.colours() ? "\033[2m     ·\033[0m" : "     ·";
    const std::string text = number("%6.2f", effect);
    if (!out_.colours()) return text;
    const int level = int(std::lround(std::min(1.0, std::fabs(effect)) * 5));
    if (level == 0) return text;
    // Of the 6x6x6 cube: dark to light blue, or to red where the effect is negative.
    const int colour = effect > 0 ? 16 + 6 * (level - 1) + level : 16 + 36 * level;
    return "\033[48;5;" + std::to_string(colour) + (level > 3 ? ";30m" : ";97m") + text + "\033[0m";
  }
  // A row a token, a column a layer.
  void grid() const {
    size_t width = 5;
    for (int64_t p = 0; p < sweep_.positions; ++p) width = std::max(width, count_code_points(token(p)));
    std::string columns = std::string(7 + width, ' ') + "   layer";
    if (sweep_.site == "state")   // a layer is a direction of reading
      for (int64_t layer = 0; layer < sweep_.layers; ++layer) columns += (layer ? ", " : ": ") + std::to_string(layer) + " is " + sweep_.places[size_t(layer)];
    out_.line(columns);
    std::string head = "   at  " + padded("token", width);
    for (int64_t layer = 0; layer < sweep_.layers; ++layer) head += "  " + number("%6.0f", double(layer));
    out_.line(head);
    for (int64_t p = 0; p < sweep_.positions; ++p) {
      std::string row = number("%5.0f", double(p)) + "  " + padded(token(p), width);
      for (int64_t layer = 0; layer < sweep_.layers; ++layer) row += "  " + cell(sweep_.effect[sweep_.at(layer, 0, p)]);
      out_.line(row);
    }
  }
  // The heads that do most.
  void best() const {
    std::vector<size_t> order(sweep_.effect.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return std::fabs(sweep_.effect[a]) > std::fabs(sweep_.effect[b]); });
    out_.line("layer  head     at  effect  token");
    for (size_t i = 0; i < std::min<size_t>(20, order.size()) && std::fabs(sweep_.effect[order[i]]) >= kSeen; ++i) {
      const int64_t at = int64_t(order[i]), position = at % sweep_.positions, head = at / sweep_.positions % sweep_.heads, layer = at / sweep_.positions / sweep_.heads;
      out_.line(number("%5.0f", double(layer)) + number("%6.0f", double(head)) + number("%7.0f", double(position)) + "  " + cell(sweep_.effect[order[i]]) + "  " + token(position));
    }
  }

  Output& out_;
  const PatchSweep& sweep_;
  const std::vector<int32_t>&clean_, &corrupt_;
  const Tokenizer* tokenizer_;
};

void run(Context& context, InspectPatchOptions& options) {
  Model model = load_model(context, options.model);
  const std::optional<Tokenizer> found = find_tokenizer(options.model);
  const Tokenizer* tokenizer = found ? &*found : nullptr;
  const std::vector<int32_t> clean = ids_of(options.clean, tokenizer), corrupt = ids_of(options.corrupt, tokenizer);
  Progress progress = context.progress("patching", 0, "places");
  const PatchSweep sweep = sweep_patches(model, context.pool(), clean, corrupt,
                                         {.site = options.site, .noising = options.noising, .answer = token_named(options.answer, tokenizer, "--answer"),
                                          .wrong = token_named(options.wrong, tokenizer, "--wrong"), .kv_dtype = kv_dtype(context), .progress = [&](int64_t done, int64_t) { progress.update(done); }});
  progress.clear();
  std::vector<int64_t> shape = {sweep.layers, sweep.positions};
  if (sweep.site == "heads") shape.insert(shape.begin() + 1, sweep.heads);
  if (!options.npz.empty()) {
    NpzWriter npz(options.npz);
    npz.add("clean_ids", {int64_t(clean.size())}, std::span<const int32_t>(clean));
    npz.add("corrupt_ids", {int64_t(corrupt.size())}, std::span<const int32_t>(corrupt));
    npz.add("difference", shape, std::span<const double>(sweep.difference));
    npz.add("effect", shape, std::span<const double>(sweep.effect));
    npz.commit().value();
    context.wrote(options.npz);
  }
  const Json document = to_json(sweep, clean, corrupt, tokenizer);
  if (!options.html.empty()) context.write(options.html, patch_page(document, options.model, call_text("inspect patch", context.options())));
  if (context.json()) return context.out().json(document);
  Printer(context.out(), sweep, clean, corrupt, tokenizer).print();
}
}  // namespace

const Command& inspect_patch() {
  static const Command command{"inspect patch",
                               "Find the places that carry the difference between two texts.",
                               {"orrery inspect patch storyteller 'A fox named Ella lived in a tidy garden. One day,' --corrupt 'A fox named Nora lived in a tidy garden. One day,'",
                                "orrery inspect patch storyteller 'A fox named Ella lived in a tidy garden. One day,' --corrupt 'A fox named Nora lived in a tidy garden. One day,' --answer ' Ella' --wrong ' Nora' --site heads --npz patch.npz --html patch.html"},
                               run};
  return command;
}
}  // namespace orrery::cli::commands
