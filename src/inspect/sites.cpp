#include "inspect/sites.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "graph/op.h"
#include "graph/passes/taps.h"

namespace orrery {

namespace {

// A word for a part of a value, and the value.
struct Part {
  const char* word;
  const char* value;
  enum class Unit { heads, columns, all } unit;
};
constexpr Part kParts[] = {{"heads", "attention", Part::Unit::heads},
                           {"cross_heads", "cross_attention", Part::Unit::heads},
                           {"neurons", "mlp_activation", Part::Unit::columns},
                           {"experts", "routing", Part::Unit::columns},
                           {"mlp", "mlp_out", Part::Unit::all}};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

std::string join(const std::vector<std::string>& parts, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += (i ? "." : "") + parts[i];
  return text;
}

std::optional<int64_t> number_in(const std::string& text) {
  int64_t number = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), number);
  return wrong == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(number) : std::nullopt;
}

[[noreturn]] void malformed(const std::string& text, const std::string& what) {
  throw Error{ErrorKind::bad_usage, "'" + text + "': " + what, "site", "layers.2.heads.3, layers.2.heads.0-5, layers.*.residual, layers.2.mlp@-1, layers.2.neurons.7@3:9"};
}

Positions positions_in(const std::string& text, const std::string& words) {
  Positions positions;
  const std::vector<std::string> ends = split(words, ':');
  const auto read = [&](const std::string& word) {
    const auto number = number_in(word);
    if (!number) malformed(text, "'" + words + "' names no positions");
    return *number;
  };
  if (ends.size() > 2) malformed(text, "'" + words + "' names no positions");
  if (ends.size() == 1) {
    positions.begin = read(ends[0]);
    if (positions.begin == -1) positions.last_one = true;
    else positions.end = positions.begin + 1;
    return positions;
  }
  if (!ends[0].empty()) positions.begin = read(ends[0]);
  if (!ends[1].empty()) positions.end = read(ends[1]);
  return positions;
}

// "3" or "0-5" as [begin, end).
std::pair<int64_t, int64_t> range_in(const std::string& text, const std::string& words) {
  const std::vector<std::string> ends = split(words, '-');
  const auto first = number_in(ends[0]), last = ends.size() == 2 ? number_in(ends[1]) : first;
  if (ends.size() > 2 || !first || !last || *first < 0 || *last < *first) malformed(text, "'" + words + "' is neither a number nor a range like 0-5");
  return {*first, *last + 1};
}

// Whether a name is that of the pattern, where "*" stands for one part.
bool matches(const std::vector<std::string>& pattern, size_t count, const std::vector<std::string>& name) {
  if (name.size() != count) return false;
  for (size_t i = 0; i < count; ++i)
    if (pattern[i] != "*" && pattern[i] != name[i]) return false;
  return true;
}

// Columns of one head: what the node that makes the value says of its heads. An additive attention is one.
int64_t head_dim_of(const Graph& graph, int value) {
  const int node = graph.values[size_t(value)].node;
  if (node < 0) return 0;
  const Node& maker = graph.nodes[size_t(node)];
  return maker.op == &additive_attention_op() ? graph.values[size_t(value)].dims[1].factor : maker.attributes.integer("head_dim");
}

void no_such_site(const Graph& graph, const std::string& name) {
  std::vector<std::string> candidates;
  const std::vector<std::string> typed = split(name, '.');
  for (const std::string& known : tap_names(graph)) {
    if (is_seen_only(known)) continue;
    candidates.push_back(known);
    for (const Part& part : kParts)
      if (known.ends_with(std::string(".") + part.value)) {
        std::string spelled = known.substr(0, known.size() - std::string(part.value).size()) + part.word;
        if (part.unit != Part::Unit::all) spelled += "." + (number_in(typed.back()) ? typed.back() : "0");
        candidates.push_back(std::move(spelled));
      }
  }
  throw Error{ErrorKind::bad_usage, "the model has no place named '" + name + "'", "site", nearest_names(name, std::move(candidates))};
}

}  // namespace

std::pair<int64_t, int64_t> Positions::in(int64_t length, const std::string& site) const {
  const int64_t first = begin < 0 ? length + begin : begin;
  const int64_t last = last_one ? length : end < 0 ? length + end : end;
  if (first < 0 || last <= first)
    throw Error{ErrorKind::out_of_range, "the prompt of " + std::to_string(length) + (length == 1 ? " token" : " tokens") + " has no such positions", site};
  return {first, last};
}

int64_t layer_of(const std::string& value) {
  const std::vector<std::string> parts = split(value, '.');
  for (size_t i = 0; i + 1 < parts.size(); ++i)
    if (parts[i] == "layers") return number_in(parts[i + 1]).value_or(-1);
  return -1;
}

std::vector<Site> sites_named(const Graph& graph, const std::string& text) {
  const size_t at = text.find('@');
  const std::string name = text.substr(0, at);
  const Positions positions = at == std::string::npos ? Positions{} : positions_in(text, text.substr(at + 1));
  std::vector<std::string> typed = split(name, '.');
  const Part* part = nullptr;
  std::pair<int64_t, int64_t> range{0, 0};
  for (const Part& known : kParts) {
    const size_t from_end = known.unit == Part::Unit::all ? 1 : 2;
    if (typed.size() < from_end || typed[typed.size() - from_end] != known.word) continue;
    part = &known;
    if (from_end == 2) {
      range = range_in(text, typed.back());
      typed.pop_back();
    }
    typed.back() = known.value;
  }

  std::vector<Site> sites;
  for (const auto& [one, rows] : graphs_within(graph))
    for (size_t id = 0; id < one->values.size(); ++id) {
      const ValueInfo& value = one->values[id];
      if (value.name.empty() || value.name == "logits" || value.kind != ValueKind::computed || value.node < 0) continue;
      if (value.dims.size() != 2 || value.dims[0].fixed() || one->symbols[size_t(value.dims[0].symbol)].ends_with(".sequences")) continue;
      const std::vector<std::string> spelled = split(value.name, '.');
      if (!matches(typed, typed.size(), spelled)) continue;
      Site site;
      site.value = value.name;
      site.width = site.column_end = value.dims[1].factor;
      site.positions = positions;
      site.source = (rows.empty() ? one->symbols[size_t(value.dims[0].symbol)] : rows) == "source";
      site.text = value.name;
      if (part && part->unit != Part::Unit::all) {
        const int64_t unit = part->unit == Part::Unit::heads ? head_dim_of(*one, int(id)) : 1;
        if (unit <= 0) continue;
        const int64_t count = site.width / unit;
        if (range.second > count)
          throw Error{ErrorKind::out_of_range, "'" + text + "': there are " + std::to_string(count) + " " + part->word + ", 0 to " + std::to_string(count - 1), "site"};
        site.column_begin = range.first * unit;
        site.column_end = range.second * unit;
        site.text = join(spelled, spelled.size() - 1) + "." + part->word + "." + std::to_string(range.first) + (range.second - range.first > 1 ? "-" + std::to_string(range.second - 1) : "");
      }
      if (at != std::string::npos) site.text += text.substr(at);
      sites.push_back(std::move(site));
    }
  if (sites.empty()) no_such_site(graph, name);
  return sites;
}

}  // namespace orrery
