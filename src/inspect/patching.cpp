#include "inspect/patching.h"

#include <algorithm>

#include "base/utf8.h"
#include "generate/logits/candidates.h"
#include "inspect/probe.h"
#include "inspect/sites.h"
#include "inspect/trace.h"

namespace orrery {

namespace {

// A place whose value differs between the texts, and where its result goes.
struct Patch {
  Intervention row;
  size_t result = 0;
};

std::string words_of(const std::string& stack, const std::string& site) {
  for (const auto& [name, words] : {std::pair{"residual", "layers.*.residual"}, {"attention", "layers.*.attention_out"}, {"mlp", "layers.*.mlp"}, {"heads", "layers.*.heads.0"}, {"state", "*.state"}})
    if (site == name) return (stack.empty() ? "" : stack + ".") + words;
  throw Error{ErrorKind::bad_usage, "'" + site + "' is no kind of place", "patching", "residual, attention, mlp, heads or state"};
}

// What carries the text through the model: its residual stream, or the states of a recurrence.
std::string usual_site(const Graph& graph) {
  const std::vector<std::string> names = tap_names(graph);
  const bool stream = std::any_of(names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".residual"); });
  return stream ? "residual" : "state";
}

double difference_of(const Tensor& logits, const PatchSweep& sweep) {
  return double(logits.data<float>()[sweep.answer]) - double(logits.data<float>()[sweep.wrong]);
}

int32_t checked(const Model& model, int32_t id) {
  check_ids(model.config(), std::span(&id, 1), 0, "answer");
  return id;
}

Tensor cut(const Tensor& value, int64_t row, int64_t column, int64_t columns) {
  return Tensor::from(value.values<float>().subspan(size_t(row * value.dim(1) + column), size_t(columns)), {columns});
}

}  // namespace

PatchSweep sweep_patches(Model& model, ThreadPool& pool, const std::vector<int32_t>& clean, const std::vector<int32_t>& corrupt, const PatchOptions& options) {
  const std::string where = model.folder().string();
  if (!model.generates())
    throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " does not generate text", where};
  if (clean.size() != corrupt.size())
    throw Error{ErrorKind::bad_usage, "the clean text has " + std::to_string(clean.size()) + " tokens, the corrupted one " + std::to_string(corrupt.size()), "patching",
                "change words for others of as many tokens: `orrery tokenize` shows them"};
  const std::string stack = model.config().encoder_decoder ? "encoder" : "";
  const Graph graph = model.graph();
  const std::string kind = options.site.empty() ? usual_site(graph) : options.site;
  const std::vector<Site> sites = sites_named(graph, words_of(stack, kind));
  std::vector<std::string> values;
  for (const Site& site : sites) values.push_back(site.value);
  const int64_t length = int64_t(clean.size()), max_rows = std::max(length, options.max_rows);
  const int64_t batch = std::max<int64_t>(1, max_rows / std::max<int64_t>(1, length));

  Probe both(model, pool, {.taps = values, .max_rows = std::max<int64_t>(2, 2 * length), .max_sequences = 2, .kv_dtype = options.kv_dtype});
  const std::vector<TokenSequence> texts = {text_for(model, clean), text_for(model, corrupt)};
  const std::vector<Probed> seen = both.run(texts);

  PatchSweep sweep{.site = kind, .stack = stack, .noising = options.noising, .layers = int64_t(sites.size()), .positions = length, .places = values};
  const auto said = [&](size_t text) { return first_largest(seen[text].at("logits").values<float>()); };
  sweep.answer = checked(model, options.answer.value_or(said(0)));
  sweep.wrong = checked(model, options.wrong.value_or(said(1)));
  sweep.clean = difference_of(seen[0].at("logits"), sweep);
  sweep.corrupt = difference_of(seen[1].at("logits"), sweep);
  if (sweep.clean == sweep.corrupt)
    throw Error{ErrorKind::bad_usage, sweep.answer == sweep.wrong ? "both texts make the model say the same token" : "both texts give the same difference of logits", "patching",
                "name two tokens whose order the texts change: --answer, --wrong"};
  if (kind == "heads") sweep.heads = sites[0].width / sites[0].columns();
  sweep.difference.assign(size_t(sweep.layers * sweep.heads * sweep.positions), options.noising ? sweep.clean : sweep.corrupt);

  const Probed& source = seen[options.noising ? 1 : 0];
  const Probed& base = seen[options.noising ? 0 : 1];
  std::vector<Patch> patches;
  for (int64_t layer = 0; layer < sweep.layers; ++layer)
    for (int64_t head = 0; head < sweep.heads; ++head)
      for (int64_t position = 0; position < length; ++position) {
        const Site& site = sites[size_t(layer)];
        const int64_t columns = site.columns(), column = head * columns;
        Patch patch{{.site = site.value, .action = Action::replace, .position_begin = position, .position_end = position + 1, .column_begin = column, .column_end = column + columns,
                     .values = cut(source.at(site.value), position, column, columns)}, sweep.at(layer, head, position)};
        const Tensor own = cut(base.at(site.value), position, column, columns);
        // Where both texts have the same bits nothing would change.
        if (!std::equal(own.raw(), own.raw() + own.bytes(), patch.row.values.raw())) patches.push_back(std::move(patch));
      }

  Probe probe(model, pool, {.sites = values, .max_rows = batch * std::max<int64_t>(1, length), .max_sequences = batch, .kv_dtype = options.kv_dtype});
  const TokenSequence& run = texts[options.noising ? 0 : 1];
  for (size_t begin = 0; begin < patches.size(); begin += size_t(batch)) {
    const size_t count = std::min(patches.size() - begin, size_t(batch));
    std::vector<Intervention> table;
    for (size_t i = 0; i < count; ++i) {
      table.push_back(patches[begin + i].row);
      table.back().sequence = int64_t(i);
    }
    const std::vector<Probed> results = probe.run(std::vector<TokenSequence>(count, run), table);
    for (size_t i = 0; i < count; ++i) sweep.difference[patches[begin + i].result] = difference_of(results[i].at("logits"), sweep);
    if (options.progress) options.progress(int64_t(begin + count), int64_t(patches.size()));
  }
  const double from = options.noising ? sweep.clean : sweep.corrupt, to = options.noising ? sweep.corrupt : sweep.clean;
  for (const double difference : sweep.difference) sweep.effect.push_back((difference - from) / (to - from));
  return sweep;
}

Json to_json(const PatchSweep& sweep, const std::vector<int32_t>& clean, const std::vector<int32_t>& corrupt, const Tokenizer* tokenizer) {
  const auto token = [&](int32_t id) { return Json{{"id", id}, {"text", repair_utf8(token_text(id, tokenizer)).text}}; };
  const auto side = [&](const std::vector<int32_t>& ids, double difference) {
    Json tokens = Json::array();
    for (const int32_t id : ids) tokens.push_back(token(id)["text"]);
    return Json{{"ids", ids}, {"tokens", std::move(tokens)}, {"difference", difference}};
  };
  const auto nested = [&](const std::vector<double>& values) {
    Json layers = Json::array();
    for (int64_t layer = 0; layer < sweep.layers; ++layer) {
      Json heads = Json::array();
      for (int64_t head = 0; head < sweep.heads; ++head) {
        const auto first = values.begin() + std::ptrdiff_t(sweep.at(layer, head, 0));
        heads.push_back(std::vector<double>(first, first + std::ptrdiff_t(sweep.positions)));
      }
      layers.push_back(sweep.site == "heads" ? std::move(heads) : std::move(heads[0]));
    }
    return layers;
  };
  Json json = {{"site", sweep.site}, {"places", sweep.places}, {"noising", sweep.noising}, {"clean", side(clean, sweep.clean)}, {"corrupt", side(corrupt, sweep.corrupt)}, {"answer", token(sweep.answer)}, {"wrong", token(sweep.wrong)},
               {"layers", sweep.layers}, {"heads", sweep.heads}, {"positions", sweep.positions}, {"difference", nested(sweep.difference)}, {"effect", nested(sweep.effect)}};
  if (!sweep.stack.empty()) json["stack"] = sweep.stack;
  return json;
}

}  // namespace orrery
