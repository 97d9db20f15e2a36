// Two ways to look inside a model without a second copy of it: a tap returns a value beside the run, which it leaves as it
// was to the bit; an intervention changes a value, here by switching one attention head off.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "graph/passes/taps.h"
#include "models/model.h"
#include "tokenize/tokenizer.h"

using namespace orrery;

namespace {

struct Run {
  std::vector<float> logits, pattern;   // of all tokens; [tokens, heads, tokens] where it was tapped
};

Run run_once(Model& model, const std::vector<int32_t>& ids, const GraphOptions& options, const std::vector<Intervention>& table, ThreadPool& pool) {
  const int64_t tokens = int64_t(ids.size());
  CompileOptions capacity;
  capacity.capacity = {{"tokens", tokens}, {"tokens.sequences", 1}, {"keys", tokens}};
  Workspace run(compile(model.graph(options), model.weights(), capacity, &pool), pool);
  run.rows("tokens").append(tokens);
  run.input("ids", ids.data());
  RunSettings settings;
  settings.interventions = &table;
  run.run(settings);
  Run result;
  result.logits.assign(run.output<float>("logits"), run.output<float>("logits") + tokens * model.config().vocab_size);
  if (!options.taps.empty()) {
    const float* pattern = run.output<float>("tap:" + options.taps[0]);
    result.pattern.assign(pattern, pattern + tokens * model.config().num_heads * tokens);
  }
  return result;
}

float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  float largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
  return largest;
}

}  // namespace

int main() {
  Model model = Model::load("checkpoints/storyteller").value();
  const Tokenizer tokenizer = Tokenizer::load("checkpoints/storyteller").value();
  const std::vector<int32_t> ids = tokenizer.encode_ids("In a quiet village by the river lived a kind fox named Dora.");
  ThreadPool pool(available_cores());

  const Run plain = run_once(model, ids, {}, {}, pool);
  const Run tapped = run_once(model, ids, {.taps = {"layers.0.pattern"}}, {}, pool);
  Intervention switched_off;
  switched_off.site = "layers.0.attention";
  switched_off.action = Action::zero;
  switched_off.column_end = model.config().head_dim;   // the columns of head 0
  const Run ablated = run_once(model, ids, {.sites = {"layers.0.attention"}}, {switched_off}, pool);

  const int64_t tokens = int64_t(ids.size()), heads = model.config().num_heads;
  std::printf("what the last token looks at, layer 0:\n");
  for (int64_t head = 0; head < heads; ++head) {
    const float* row = tapped.pattern.data() + ((tokens - 1) * heads + head) * tokens;
    const int64_t favourite = std::max_element(row, row + tokens) - row;
    std::printf("  head %lld: '%s' (%.0f %%)\n", static_cast<long long>(head), tokenizer.token_bytes(ids[size_t(favourite)]).c_str(), 100.0 * double(row[favourite]));
  }
  std::printf("largest change of a logit: %g with the tap, %.3f with head 0 of layer 0 switched off\n",
              double(largest_difference(plain.logits, tapped.logits)), double(largest_difference(plain.logits, ablated.logits)));
  return largest_difference(plain.logits, tapped.logits) == 0 && largest_difference(plain.logits, ablated.logits) > 0 ? 0 : 1;
}
