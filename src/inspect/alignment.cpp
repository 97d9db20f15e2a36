#include "inspect/alignment.h"

#include <algorithm>
#include <sstream>

#include "inspect/probe.h"

namespace orrery {

namespace {

std::string last_cross_pattern(const Model& model) {
  std::string last;
  for (const std::string& name : tap_names(model.graph()))
    if (name.ends_with("cross_pattern") && (last.empty() || name.size() > last.size() || (name.size() == last.size() && name > last))) last = name;
  if (last.empty()) throw Error{ErrorKind::unsupported, "a model of architecture " + model.config().architecture + " has no cross-attention", model.folder().string()};
  return last;
}

// [queries, heads, keys]: the key where the mean over the heads is largest; the first of equal ones.
int64_t most_looked_at(const Tensor& pattern, int64_t query) {
  const int64_t heads = pattern.dim(1), keys = pattern.dim(2);
  const float* rows = pattern.data<float>() + query * heads * keys;
  std::vector<double> sum(size_t(keys), 0.0);
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t k = 0; k < keys; ++k) sum[size_t(k)] += double(rows[h * keys + k]);
  return std::max_element(sum.begin(), sum.end()) - sum.begin();
}

std::vector<int32_t> ids_of(const Json& record, const char* field) {
  std::vector<int32_t> ids;
  const auto list = record.find(field);
  if (list == record.end() || !list->is_array()) throw Error{ErrorKind::bad_file, std::string("there is no list '") + field + "'", ""};
  for (const Json& id : *list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() > INT32_MAX) throw Error{ErrorKind::bad_file, std::string("'") + field + "' has something that is no id", ""};
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

}  // namespace

AlignmentScore score_alignment(Model& model, ThreadPool& pool, const std::vector<AlignedPair>& pairs, const AlignmentOptions& options) {
  const std::string tap = options.tap.empty() ? last_cross_pattern(model) : options.tap;
  Probe probe(model, pool, {.taps = {tap}, .max_rows = options.max_rows});
  AlignmentScore score;
  constexpr size_t kTogether = 64;
  for (size_t begin = 0; begin < pairs.size(); begin += kTogether) {
    const size_t end = std::min(pairs.size(), begin + kTogether);
    std::vector<TokenSequence> texts;
    for (size_t i = begin; i < end; ++i) {
      TokenSequence text = text_for(model, pairs[i].source);
      text.ids.insert(text.ids.end(), pairs[i].target.begin(), pairs[i].target.end());   // the last has nothing to predict but the end
      texts.push_back(std::move(text));
    }
    const std::vector<Probed> seen = probe.run(texts);
    for (size_t i = begin; i < end; ++i) {
      const Tensor& pattern = seen[i - begin].at(tap);
      for (size_t t = 0; t < pairs[i].target.size(); ++t, ++score.cells) score.right += most_looked_at(pattern, int64_t(t)) == pairs[i].alignment[t];
    }
    score.pairs += int64_t(end - begin);
    if (options.done) options.done(score.pairs);
  }
  return score;
}

Result<std::vector<AlignedPair>> read_aligned_pairs(const std::string& text, const std::string& where) {
  std::vector<AlignedPair> pairs;
  std::istringstream lines(text);
  int64_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = where + ", line " + std::to_string(number);
    Result<Json> record = parse_json(line, place);
    if (!record) return record.error();
    if (!record->is_object()) return Error{ErrorKind::bad_file, "a record is wanted", place};
    try {
      AlignedPair pair{ids_of(*record, "input"), ids_of(*record, "target"), ids_of(*record, "alignment")};
      const bool inside = std::all_of(pair.alignment.begin(), pair.alignment.end(), [&](int32_t at) { return size_t(at) < pair.source.size(); });
      if (pair.source.empty() || pair.alignment.size() != pair.target.size() || !inside)
        return Error{ErrorKind::bad_file, "the alignment does not name a word of the source for each of the target", place};
      pairs.push_back(std::move(pair));
    } catch (Error& error) {
      error.where = place;
      return error;
    }
  }
  return pairs;
}

}  // namespace orrery
