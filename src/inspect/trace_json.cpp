// A trace as JSON: {"model_type", "focus", "stages": [{"stage": "text", …}, …]}.
#include <cmath>

#include "base/utf8.h"
#include "inspect/trace.h"

namespace orrery {

namespace {

bool has_classes(const Model& model) { return model.config().head == Head::sequence_classification || model.config().head == Head::token_classification; }

// How positions come in: by the order of reading, into the sum, by turning queries and keys, or as a bias of the scores.
const char* positions_of(const Config& config, bool recurrent) { return recurrent ? "recurrent" : config.rotary ? "rotary" : config.num_buckets > 0 ? "relative" : "added"; }

// Six decimals are enough for what is looked at and not computed with.
double rounded(double x) { return std::round(x * 1e6) / 1e6; }

class Writer {
 public:
  Writer(const Trace& trace, const Model& model, const Tokenizer* tokenizer) : trace_(trace), model_(model), tokenizer_(tokenizer) {}

  Json document() const {
    Json stages = Json::array();
    if (trace_.text) stages.push_back({{"stage", "text"}, {"text", repair_utf8(*trace_.text).text}, {"characters", count_code_points(*trace_.text)}, {"bytes", trace_.text->size()}});
    if (trace_.stages) {
      stages.push_back({{"stage", "normalize"}, {"text", trace_.stages->normalized}, {"changed", trace_.stages->normalized != *trace_.text}});
      stages.push_back({{"stage", "pre_tokenize"}, {"pieces", pieces()}});
    }
    stages.push_back({{"stage", "tokenize"}, {"tokens", tokens()}});
    stages.push_back({{"stage", "embed"}, {"positions", positions_of(model_.config(), trace_.recurrent)}, {"values", norms(trace_.embeddings)}});
    const bool both = model_.config().encoder_decoder;
    if (both) stages.push_back({{"stage", "encoder"}, {"from_position", trace_.encoding.ids.size() - 1}, {"stream", stream()}, {"layers", layers(true)}});
    Json inner = {{"stage", "layers"}, {"from_position", trace_.focus}, {"stream", stream()}, {"lens", lens()}, {"layers", layers(false)}};
    if (both) {
      inner["embeddings"] = norms(trace_.written_embeddings);
      inner["tokens"] = Json::array();
      for (const int32_t id : trace_.written) inner["tokens"].push_back(token(id));
    }
    stages.push_back(std::move(inner));
    if (!trace_.logits.empty()) stages.push_back({{"stage", "logits"}, {"position", trace_.focus}, {"top", weighed(trace_.top)}, {"entropy", trace_.entropy}, {"inspected_difference", trace_.inspected_difference}});
    if (!trace_.steps.empty()) {
      Json first = step(trace_.steps[0]);
      Json sample = {{"stage", "sample"}};
      for (auto& [key, value] : first.items()) sample[key] = std::move(value);
      stages.push_back(std::move(sample));
      Json steps = Json::array();
      for (const StepTrace& one : trace_.steps) steps.push_back(step(one));
      stages.push_back({{"stage", "continue"}, {"steps", std::move(steps)}, {"text", trace_.made.text}, {"ids", trace_.made.ids}, {"finish_reason", name_of(trace_.made.finish_reason)}, {"next", next()}});
    }
    return {{"model_type", model_.config().model_type}, {"ids", trace_.encoding.ids}, {"stages", std::move(stages)}};
  }

 private:
  Json entry(int32_t id) const {
    if (has_classes(model_)) return {{"id", id}, {"label", text_of(id, model_, tokenizer_)}};
    return token(id);
  }
  Json token(int32_t id) const {
    Json json = {{"id", id}};
    if (!tokenizer_) return json;
    json["token"] = tokenizer_->token_of(id).value_or("");
    json["text"] = repair_utf8(token_text(id, tokenizer_)).text;
    return json;
  }
  Json weighed(const std::vector<Weighed>& list) const {
    Json all = Json::array();
    for (const Weighed& one : list) {
      Json json = entry(one.id);
      json["logit"] = one.logit;
      json["probability"] = one.probability;
      all.push_back(std::move(json));
    }
    return all;
  }
  Json pieces() const {
    Json all = Json::array();
    for (size_t i = 0; i < trace_.stages->pieces.size(); ++i)
      all.push_back({{"text", trace_.stages->pieces[i]}, {"begin", trace_.stages->offsets[i].begin}, {"end", trace_.stages->offsets[i].end}});
    return all;
  }
  Json tokens() const {
    const Encoding& e = trace_.encoding;
    Json all = Json::array();
    for (size_t i = 0; i < e.ids.size(); ++i) {
      Json one = token(e.ids[i]);
      if (i < e.offsets.size()) {
        one["begin"] = e.offsets[i].begin;
        one["end"] = e.offsets[i].end;
        one["special"] = e.special[i] != 0;
        one["word"] = e.words[i];
      }
      all.push_back(std::move(one));
    }
    return all;
  }
  Json norms(const std::vector<NormTrace>& values) const {
    Json all = Json::array();
    for (const NormTrace& value : values) all.push_back({{"name", value.name}, {"norms", value.norms}});
    return all;
  }
  Json lens() const {
    Json all = Json::array();
    for (const LensTrace& one : trace_.lens) {
      Json json = {{"value", one.value}, {"says", weighed(one.says)}};
      if (!one.said.empty()) json["said"] = weighed(one.said);
      all.push_back(std::move(json));
    }
    return all;
  }
  // What the step after the first reads: the chosen token, at its position. Null where that ended the text.
  Json next() const {
    const Choice& first = trace_.steps[0].choice;
    if (trace_.steps.size() == 1 && trace_.made.finish_reason == FinishReason::stop) return {};
    Json json = token(first.id);
    json["position"] = first.position;
    return json;
  }
  Json heads_of(const std::vector<HeadTrace>& list) const {
    Json heads = Json::array();
    for (const HeadTrace& head : list) {
      Json weights = Json::array();
      for (const float weight : head.weights) weights.push_back(rounded(double(weight)));
      heads.push_back({{"looks_at", head.looks_at}, {"weight", head.weights[size_t(head.looks_at)]}, {"entropy", head.entropy}, {"mean_entropy", head.mean_entropy}, {"weights", std::move(weights)}});
    }
    return heads;
  }
  // What runs through the layers, whose lengths are told.
  const char* stream() const { return trace_.recurrent ? "state" : "residual"; }
  Json layers(bool encoder) const {
    Json all = Json::array();
    const size_t focus = encoder ? trace_.encoding.ids.size() - 1 : size_t(trace_.focus);
    for (const LayerTrace& layer : trace_.layers) {
      if (layer.encoder != encoder) continue;
      all.push_back({{"layer", layer.layer}, {"value", layer.residual.name}, {"norm", layer.residual.norms[focus]}, {"norms", layer.residual.norms}});
      if (!trace_.recurrent) {
        all.back()["attention_norm"] = layer.attention_norm;
        all.back()["mlp_norm"] = layer.mlp_norm;
      }
      all.back()["heads"] = heads_of(layer.heads);
      if (!layer.cross_heads.empty()) all.back()["cross_heads"] = heads_of(layer.cross_heads);
      if (!layer.alignment.empty()) all.back()["alignment"] = heads_of(layer.alignment);
    }
    return all;
  }
  Json step(const StepTrace& one) const {
    const Choice& choice = one.choice;
    Json steps = Json::array();
    for (const ChoiceStep& s : choice.steps)
      steps.push_back({{"name", s.name}, {"settings", s.settings}, {"removed", s.removed}, {"removed_probability", s.removed_mass}, {"changed", s.changed}, {"left", s.left}, {"top", weighed(s.top)}, {"removed_top", weighed(s.gone)}});
    Json json = {{"position", choice.position}, {"greedy", !choice.sampled}, {"steps", std::move(steps)}, {"random", choice.random ? Json(*choice.random) : Json()},
                 {"share", {choice.share_begin, choice.share_end}}, {"chosen", token(choice.id)}, {"text", one.text}};
    json["chosen"]["probability"] = choice.probability;
    json["chosen"]["raw_probability"] = choice.raw_probability;
    json["chosen"]["raw_rank"] = choice.raw_rank;
    json["top"] = weighed(one.top);
    json["entropy"] = one.entropy;
    return json;
  }

  const Trace& trace_;
  const Model& model_;
  const Tokenizer* tokenizer_;
};

}  // namespace

std::string text_of(int32_t id, const Model& model, const Tokenizer* tokenizer) {
  if (has_classes(model)) return size_t(id) < model.config().labels.size() ? model.config().labels[size_t(id)] : std::to_string(id);
  return token_text(id, tokenizer);
}

std::string token_text(int32_t id, const Tokenizer* tokenizer) {
  if (!tokenizer) return std::to_string(id);
  return tokenizer->is_special(id) ? tokenizer->token_of(id).value_or("") : tokenizer->token_bytes(id);
}

Json to_json(const Trace& trace, const Model& model, const Tokenizer* tokenizer) { return Writer(trace, model, tokenizer).document(); }

}  // namespace orrery
