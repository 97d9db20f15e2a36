#include "generate/perplexity.h"

#include <algorithm>
#include <cmath>

#include "generate/encoder.h"

namespace orrery {

namespace {

// A stretch of a document that is run at once: [begin, end), of which tokens from `scored` on count.
struct Window {
  size_t document = 0;
  int64_t begin = 0, end = 0, scored = 0;
};

std::vector<Window> windows_of(size_t document, int64_t length, int64_t limit, int64_t stride) {
  if (stride <= 0) return {{document, 0, std::min(length, limit), 1}};
  std::vector<Window> windows;
  for (int64_t begin = 0, scored = 1; scored < length; begin += std::min(stride, limit)) {
    const int64_t end = std::min(begin + limit, length);
    windows.push_back({document, begin, end, std::max(scored, begin + 1)});
    scored = end;
  }
  return windows;
}

std::string stripped(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

std::vector<std::string> split_documents(const std::string& text, const std::string& separator) {
  if (separator.empty()) return {text};
  std::vector<std::string> documents;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    std::string document = stripped(text.substr(begin, end - begin));
    if (!document.empty()) documents.push_back(std::move(document));
    begin = end + separator.size();
  }
  return documents;
}

std::vector<int32_t> document_ids(const Model& model, const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int32_t> ids = tokenizer.encode_ids(text, {.add_special = false});
  const std::optional<int32_t> bos = model.config().bos_id ? model.config().bos_id : tokenizer.bos_id();
  if (bos) ids.insert(ids.begin(), *bos);
  return ids;
}

PerplexityScores perplexity(Model& model, ThreadPool& pool, const std::vector<std::vector<int32_t>>& documents, const PerplexityOptions& options,
                            const std::function<void(int64_t)>& progress) {
  const Config& config = model.config();
  if (!model.family().causal || config.head != Head::causal_lm)
    throw Error{ErrorKind::unsupported, "a model of architecture " + config.architecture + " does not predict the next token", model.folder().string()};
  const int64_t limit = options.max_positions > 0 ? std::min(options.max_positions, config.max_positions) : config.usual_positions();
  std::vector<Window> windows;
  int64_t longest = 1, left_out = 0;
  for (size_t i = 0; i < documents.size(); ++i) {
    try {
      check_ids(config, documents[i], 0, model.folder());
    } catch (Error& error) {
      error.where += ", document " + std::to_string(i + 1);
      throw;
    }
    if (options.stride <= 0) left_out += std::max<int64_t>(0, int64_t(documents[i].size()) - limit);
    for (const Window& window : windows_of(i, int64_t(documents[i].size()), limit, options.stride)) {
      if (window.end - window.begin < 2) continue;
      windows.push_back(window);
      longest = std::max(longest, window.end - window.begin);
    }
  }
  if (windows.empty()) throw Error{ErrorKind::bad_usage, "no document has a token to predict", ""};

  constexpr int64_t kRows = 1024, kSequences = 32;
  const int64_t capacity = std::max(kRows, longest);
  Graph graph = model.graph({.kv_dtype = options.kv_dtype, .loss = true});
  std::erase_if(graph.outputs, [](const auto& output) { return output.first != "losses"; });
  CompileOptions compile_options;
  compile_options.capacity = {{"tokens", capacity}, {"tokens.sequences", kSequences}};
  compile_options.max_positions = longest;
  Workspace run(compile(std::move(graph), model.weights(), compile_options, &pool), pool);
  model.weights().keep_packed();

  PerplexityScores scores;
  double total = 0;
  std::vector<int32_t> ids, labels;
  for (size_t begin = 0, end = 0; begin < windows.size(); begin = end) {
    Rows& rows = run.rows("tokens");
    rows = {};
    ids.clear();
    labels.clear();
    for (; end < windows.size() && int64_t(end - begin) < kSequences; ++end) {
      const Window& window = windows[end];
      if (rows.count + window.end - window.begin > capacity) break;
      rows.append(window.end - window.begin, 0, uint32_t(end));
      const std::vector<int32_t>& document = documents[window.document];
      for (int64_t i = window.begin; i < window.end; ++i) {
        ids.push_back(document[size_t(i)]);
        labels.push_back(i + 1 < window.end && i + 1 >= window.scored ? document[size_t(i + 1)] : -100);
      }
    }
    run.input("ids", ids.data());
    run.input("labels", labels.data());
    run.run();
    const float* losses = run.output<float>("losses");      // [tokens]
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0) continue;
      total += double(losses[i]);
      ++scores.tokens;
    }
    if (progress) progress(int64_t(windows[end - 1].document) + 1);
  }
  scores.left_out = left_out;
  scores.documents = int64_t(documents.size());
  scores.loss = total / double(scores.tokens);
  scores.perplexity = std::exp(scores.loss);
  return scores;
}

}  // namespace orrery
