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
#include "tokenize/tokenizer.h"

namespace orrery {

namespace {

// Bytes in which a page holds a weight, by how many there are. In two bytes 65535 sqrt(p), off by at most 1.6e-5; in one 255 sqrt(p), by 4e-3.
constexpr size_t kMostExact = size_t(1) << 20, kMostFine = size_t(1) << 22, kMost = size_t(1) << 26;

Json tokens_of(const std::vector<int32_t>& ids, const Tokenizer* tokenizer) {
  Json tokens = Json::array();
  for (const int32_t id : ids) tokens.push_back(repair_utf8(token_text(id, tokenizer)).text);
  return tokens;
}

// What a page tells of a side: texts, ids, and which tokens are special.
Json side_of(const Encoding& encoding, const Tokenizer* tokenizer) {
  Json special = Json::array();
  for (size_t i = 0; i < encoding.ids.size(); ++i) special.push_back((i < encoding.special.size() && encoding.special[i]) || (tokenizer && tokenizer->is_special(encoding.ids[i])) ? 1 : 0);
  return {{"texts", tokens_of(encoding.ids, tokenizer)}, {"ids", encoding.ids}, {"special", std::move(special)}};
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

// How many keys of a query may have a weight that is not 0.
int64_t keys_seen(const AttentionStack& stack, int64_t query) { return stack.causal ? query + 1 : stack.key_count; }

size_t weights_of(const AttentionStack& stack) {
  size_t count = 0;
  for (int64_t query = 0; query < stack.query_count; ++query) count += size_t(keys_seen(stack, query));
  return count * size_t(stack.layers * stack.heads);
}

// These weights, row after row, in base64.
std::string packed(const AttentionStack& stack, size_t width) {
  std::string bytes;
  bytes.reserve(weights_of(stack) * width);
  const auto add = [&](const auto value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes.append(raw, sizeof value);
  };
  for (int64_t layer = 0; layer < stack.layers; ++layer)
    for (int64_t head = 0; head < stack.heads; ++head)
      for (int64_t query = 0; query < stack.query_count; ++query)
        for (int64_t key = 0; key < keys_seen(stack, query); ++key) {
          const float weight = stack.weight(layer, head, query, key);
          if (width == 4) add(weight);
          else if (width == 2) add(uint16_t(std::lround(std::sqrt(double(weight)) * 65535)));
          else add(uint8_t(std::lround(std::sqrt(double(weight)) * 255)));
        }
  return encode_base64(bytes);
}

}  // namespace

Json to_json(const AttentionView& view, const Model& model, const Tokenizer* tokenizer) {
  Json document = {{"model_type", model.config().model_type}};
  const auto add = [&](const std::string& whose, const std::vector<int32_t>& ids) {
    document[whose + "ids"] = ids;
    if (tokenizer) document[whose + "tokens"] = tokens_of(ids, tokenizer);
  };
  add("", view.text.tokens.ids);
  if (model.config().encoder_decoder) add("source_", view.text.source.ids), add("written_", view.text.written);
  document["inspected_difference"] = view.inspected_difference ? Json(*view.inspected_difference) : Json(nullptr);
  document["stacks"] = Json::array();
  for (const AttentionStack& stack : view.stacks) document["stacks"].push_back(described(stack));
  return document;
}

std::string attention_page(const AttentionView& view, const Model& model, const Tokenizer* tokenizer, const std::string& name, const std::string& command) {
  size_t weights = 0;
  for (const AttentionStack& stack : view.stacks) weights += weights_of(stack);
  if (weights > kMost) throw Error{ErrorKind::out_of_range, std::to_string(weights) + " weights are too many for a page", name, "give a shorter text, or write them with --npz"};
  const size_t width = weights <= kMostExact ? 4 : weights <= kMostFine ? 2 : 1;
  Json data = to_json(view, model, tokenizer);
  data["model"] = name;
  data["sides"] = {{"tokens", side_of(view.text.tokens, tokenizer)}};
  if (model.config().encoder_decoder) {
    data["sides"]["source"] = side_of(view.text.source, tokenizer);
    data["sides"]["tokens"]["written"] = tokens_of(view.text.written, tokenizer);
  }
  data["weight_bytes"] = width;
  for (size_t i = 0; i < view.stacks.size(); ++i) data["stacks"][i]["weights"] = packed(view.stacks[i], width);
  const std::string style = std::string(assets::looking_css) + std::string(assets::attention_css), script = std::string(assets::looking_js) + std::string(assets::attention_js);
  return page({.title = "Attention", .command = command, .style = style, .script = script, .data = std::move(data)});
}

}  // namespace orrery
