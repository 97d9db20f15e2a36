#include "inspect/interventions.h"

#include <algorithm>
#include <map>

#include "base/npy.h"
#include "inspect/probe.h"

namespace orrery {

namespace {

std::string count_of(int64_t count, const char* what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

// Rows [row, row + rows) and some columns of a matrix, by themselves.
Tensor block(const Tensor& values, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  Tensor cut = Tensor::zeros(DType::f32, {rows, columns});
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(values.data<float>() + (row + r) * values.dim(1) + column, columns, cut.mutable_data<float>() + r * columns);
  return cut;
}

}  // namespace

void Interventions::ablate(const std::vector<Site>& sites) {
  for (const Site& site : sites) edits_.push_back({site, Action::zero});
}

void Interventions::steer(const std::vector<Site>& sites, const Tensor& given, float scale) {
  const Tensor values = given.rank() == 2 && given.dim(0) == 1 ? given.reshape({given.dim(1)}) : given;   // one vector, as `embed` writes it
  for (const Site& site : sites) {
    if (values.rank() < 1 || values.rank() > 2 || values.dim(-1) != site.columns())
      throw Error{ErrorKind::bad_usage, "the vector is " + shape_text(values.shape()) + ", the place has " + count_of(site.columns(), "column"), site.text};
    if (values.rank() == 2 && site.positions.end == Positions::kOpen)
      throw Error{ErrorKind::bad_usage, "a vector for each of " + count_of(values.dim(0), "position") + " needs positions with an end", site.text, site.value + "@0:" + std::to_string(values.dim(0))};
    edits_.push_back({site, Action::add, scale, values});
  }
}

void Interventions::patch(const Site& site, const Tensor& values) {
  if (values.rank() != 2 || values.dim(1) != site.width)
    throw Error{ErrorKind::bad_usage, "the values are " + shape_text(values.shape()) + ", the place is [*, " + std::to_string(site.width) + "]", site.text};
  edits_.push_back({site, Action::replace, 1, values});
}

std::vector<std::string> Interventions::sites() const {
  std::vector<std::string> names;
  for (const Edit& edit : edits_)
    if (std::find(names.begin(), names.end(), edit.site.value) == names.end()) names.push_back(edit.site.value);
  return names;
}

std::vector<Intervention> Interventions::table(std::span<const int64_t> prompt_lengths, std::span<const int64_t> source_lengths) const {
  std::vector<Intervention> rows;
  for (const Edit& edit : edits_) {
    const Site& site = edit.site;
    Intervention row{.site = site.value, .action = edit.action, .factor = edit.factor, .column_begin = site.column_begin, .column_end = site.column_end, .values = edit.values};
    if (edit.action != Action::replace && !site.positions.counts_from_end()) {
      row.position_begin = site.positions.begin;
      row.position_end = site.positions.end;
      rows.push_back(row);
      continue;
    }
    const std::span<const int64_t> lengths = site.source ? source_lengths : prompt_lengths;
    for (size_t i = 0; i < lengths.size(); ++i) {
      const auto [begin, end] = site.positions.in(lengths[i], site.text);
      row.sequence = int64_t(i);
      row.position_begin = begin;
      row.position_end = end;
      if (edit.action == Action::replace) {
        const int64_t length = edit.values.dim(0);
        auto [from, to] = site.positions.in(length, site.text);
        to = std::min(to, length);
        row.position_end = std::min(end, lengths[i]);
        if (row.position_end - begin != to - from)
          throw Error{ErrorKind::bad_usage, "the patch covers " + count_of(std::max<int64_t>(0, row.position_end - begin), "position") + " of the prompt and " + std::to_string(std::max<int64_t>(0, to - from)) + " of the text that it comes from",
                      site.text, "name the positions: " + site.value + "@-1 is the last of each"};
        row.values = block(edit.values, from, to - from, site.column_begin, site.columns());
      }
      rows.push_back(row);
    }
  }
  return rows;
}

namespace {

Tensor tensor_of(const NpyArray& array, const std::string& where) {
  if (array.type == npy_type<float>()) return Tensor::from(array.values<float>(), array.shape);
  if (array.type == npy_type<double>()) {
    const std::span<const double> values = array.values<double>();
    const std::vector<float> narrowed(values.begin(), values.end());
    return Tensor::from(std::span<const float>(narrowed), array.shape);
  }
  throw Error{ErrorKind::unsupported, "an array of " + array.type + ", float32 or float64 is wanted", where};
}

bool is_archive(const std::string& file) { return std::filesystem::path(file).extension() == ".npz"; }

// The one for all, or the one for each.
template <class T>
const T& each(const std::vector<T>& values, size_t number, size_t count, const char* flag, const char* whose) {
  if (values.size() == count) return values[number];
  if (values.size() == 1) return values[0];
  throw Error{ErrorKind::bad_usage, count_of(int64_t(values.size()), flag) + " for " + std::to_string(count) + " " + whose, flag, "give one for all, or one for each"};
}

std::vector<int32_t> ids_of(const std::string& text, const Tokenizer* tokenizer) {
  if (tokenizer) return tokenizer->encode_ids(text);
  std::vector<int64_t> ids;
  OptionSet set;
  OptionInfo info;
  info.name = "ids";
  set.append(info, "", &ids, nullptr, "");
  set.parse_flags(std::vector<std::string>{"--ids", text}, "--patch-from");
  return {ids.begin(), ids.end()};
}

// What a text has at these values, by name: [tokens, width] each.
std::map<std::string, Tensor> values_of(const std::string& source, const std::vector<std::string>& names, Model& model, ThreadPool& pool, const Tokenizer* tokenizer, DType kv_dtype) {
  std::map<std::string, Tensor> values;
  if (is_archive(source)) {
    for (const auto& [name, array] : read_npz(source).value()) values[name] = tensor_of(array, source + ", " + name);
    for (const std::string& name : names)
      if (!values.contains(name)) throw Error{ErrorKind::bad_file, "there is no array '" + name + "'", source};
    return values;
  }
  const std::vector<int32_t> ids = ids_of(source, tokenizer);
  Probe probe(model, pool, {.taps = names, .max_rows = std::max<int64_t>(1, int64_t(ids.size())), .max_sequences = 1, .kv_dtype = kv_dtype});
  return probe.run(text_for(model, ids));
}

void read_patches(Interventions& made, const InterventionOptions& options, const Graph& graph, Model& model, ThreadPool& pool, const Tokenizer* tokenizer, DType kv_dtype) {
  if (options.patch.empty() != options.patch_from.empty())
    throw Error{ErrorKind::bad_usage, options.patch.empty() ? "--patch-from without --patch" : "--patch without --patch-from", "interventions", "--patch SITE --patch-from TEXT"};
  std::map<std::string, std::vector<Site>> by_source;   // so that each text is run once
  for (size_t i = 0; i < options.patch.size(); ++i) {
    const std::vector<Site> sites = sites_named(graph, options.patch[i]);
    std::vector<Site>& all = by_source[each(options.patch_from, i, options.patch.size(), "--patch-from", "--patch")];
    all.insert(all.end(), sites.begin(), sites.end());
  }
  for (const auto& [source, sites] : by_source) {
    std::vector<std::string> names;
    for (const Site& site : sites)
      if (std::find(names.begin(), names.end(), site.value) == names.end()) names.push_back(site.value);
    const std::map<std::string, Tensor> values = values_of(source, names, model, pool, tokenizer, kv_dtype);
    for (const Site& site : sites) made.patch(site, values.at(site.value));
  }
}

// Where a vector is added when nobody says: behind the middle layer, of an encoder-decoder's decoder.
std::vector<Site> middle_of(const Graph& graph, const Model& model) {
  const std::vector<Site> layers = sites_named(graph, std::string(model.config().encoder_decoder ? "decoder." : "") + "layers.*.residual");
  return {layers[layers.size() / 2]};
}

void read_steering(Interventions& made, const InterventionOptions& options, const Graph& graph, const Model& model) {
  if (options.steer.empty() && (!options.steer_at.empty() || !options.scale.empty()))
    throw Error{ErrorKind::bad_usage, "--steer-at and --scale without --steer", "interventions", "--steer FILE.npy --steer-at SITE --scale S"};
  std::vector<std::string> plain;
  std::copy_if(options.steer.begin(), options.steer.end(), std::back_inserter(plain), [](const std::string& file) { return !is_archive(file); });
  if (plain.empty() && !options.steer_at.empty()) throw Error{ErrorKind::bad_usage, "--steer-at is for a vector in an .npy; an .npz names its sites itself", "interventions"};
  size_t number = 0;
  for (size_t i = 0; i < options.steer.size(); ++i) {
    const std::string& file = options.steer[i];
    const float scale = options.scale.empty() ? 1.0f : float(each(options.scale, i, options.steer.size(), "--scale", "--steer"));
    if (is_archive(file)) {
      for (const auto& [name, array] : read_npz(file).value()) made.steer(sites_named(graph, name), tensor_of(array, file + ", " + name), scale);
      continue;
    }
    const std::vector<Site> sites = options.steer_at.empty() ? middle_of(graph, model) : sites_named(graph, each(options.steer_at, number++, plain.size(), "--steer-at", "--steer"));
    made.steer(sites, tensor_of(read_npy(file).value(), file), scale);
  }
}

}  // namespace

Interventions read_interventions(const InterventionOptions& options, Model& model, ThreadPool& pool, const Tokenizer* tokenizer, DType kv_dtype) {
  Interventions made;
  if (!options.any()) return made;
  const Graph graph = model.graph();
  for (const std::string& text : options.ablate) made.ablate(sites_named(graph, text));
  read_patches(made, options, graph, model, pool, tokenizer, kv_dtype);
  read_steering(made, options, graph, model);
  return made;
}

}  // namespace orrery
