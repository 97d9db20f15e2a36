// An attention view as JSON, and as the data of its page.
#include <cmath>
#include <cstring>

#include "base/base64.h"
#include "base/utf8.h"
#include "inspect/attention.css.h"
#include "inspect/attention.h"
#include "inspect/attention.js.h"
#include "inspect/looking.css.h"
#include "inspect/looking.js.h"
#include "inspect/trace.h"
#include "pages/page.h"

namespace orrery {

namespace {

// Above this many weights a page holds them in two bytes each: 65535 sqrt(p), which is off by at most 1.6e-5.
constexpr size_t kMostExact = size_t(1) << 21;

Json tokens_of(const Encoding& encoding, const Tokenizer* tokenizer) {
  Json tokens = Json::array();
  for (const int32_t id : encoding.ids) tokens.push_back(repair_utf8(token_text(id, tokenizer)).text);
  return tokens;
}

Json described(const AttentionStack& stack) {
  Json heads = Json::array();
  for (int64_t layer = 0; layer < stack.layers; ++layer)
    for (int64_t head = 0; head < stack.heads; ++head) {
      const HeadSummary& one = stack.of(layer, head);
      heads.push_back({{"layer", layer}, {"head", head}, {"entropy", one.entropy}, {"entropy_share", one.entropy_share}, {"first", one.first}, {"distance", one.distance},
                       {"strongest", {{"query", one.query}, {"key", one.key}, {"weight", one.weight}}}});
    }
  return {{"name", stack.name}, {"queries", stack.queries}, {"keys", stack.keys}, {"causal", stack.causal}, {"layers", stack.layers}, {"heads", stack.heads},
          {"query_count", stack.query_count}, {"key_count", stack.key_count}, {"summary", std::move(heads)}};
}

// The weights that may differ from 0, row after row, in base64.
std::string packed(const AttentionStack& stack, bool exact) {
  std::string bytes;
  const auto add = [&](const auto value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
  };
  for (int64_t layer = 0; layer < stack.layers; ++layer)
    for (int64_t head = 0; head < stack.heads; ++head)
      for (int64_t query = 0; query < stack.query_count; ++query)
        for (int64_t key = 0; key < (stack.causal ? query + 1 : stack.key_count); ++key) {
          const float weight = stack.weight(layer, head, query, key);
          if (exact) add(weight);
          else add(uint16_t(std::lround(std::sqrt(double(weight)) * 65535)));
        }
  return encode_base64(bytes);
}

}  // namespace

Json to_json(const AttentionView& view, const Model& model, const Tokenizer* tokenizer) {
  Json document = {{"model_type", model.config().model_type}, {"ids", view.encoding.ids}};
  if (tokenizer) document["tokens"] = tokens_of(view.encoding, tokenizer);
  document["inspected_difference"] = view.inspected_difference ? Json(*view.inspected_difference) : Json(nullptr);
  document["stacks"] = Json::array();
  for (const AttentionStack& stack : view.stacks) document["stacks"].push_back(described(stack));
  return document;
}

std::string attention_page(const AttentionView& view, const Model& model, const Tokenizer* tokenizer, const std::string& name, const std::string& command) {
  size_t weights = 0;
  for (const AttentionStack& stack : view.stacks) weights += stack.pattern.size();
  Json data = to_json(view, model, tokenizer);
  data["model"] = name;
  data["sides"] = {{"tokens", {{"texts", tokens_of(view.encoding, tokenizer)}, {"ids", view.encoding.ids}, {"special", view.encoding.special}}}};
  data["exact"] = weights <= kMostExact;
  for (size_t i = 0; i < view.stacks.size(); ++i) data["stacks"][i]["weights"] = packed(view.stacks[i], weights <= kMostExact);
  const std::string style = std::string(assets::looking_css) + std::string(assets::attention_css), script = std::string(assets::looking_js) + std::string(assets::attention_js);
  return page({.title = "Attention", .command = command, .style = style, .script = script, .data = std::move(data)});
}

}  // namespace orrery
