// The two fixed post-processors:
//   BertProcessing     [CLS] A [SEP]        [CLS] A [SEP] B [SEP]       segments 0 and 1
//   RobertaProcessing  <s> A </s>           <s> A </s> </s> B </s>      segment 0 throughout; may trim offsets
#include "tokenize/step.h"
#include "tokenize/steps/byte_level.h"

namespace orrery::steps {

namespace {

struct NamedToken {
  std::string text;
  int32_t id = 0;

  // A field like ["[SEP]", 102].
  NamedToken(const Json& config, const char* name) {
    const auto pair = config.find(name);
    const bool good = pair != config.end() && pair->is_array() && pair->size() == 2 && (*pair)[0].is_string() &&
                      (*pair)[1].is_number_integer() && (*pair)[1] >= 0 && (*pair)[1] <= INT32_MAX;
    if (!good) bad_field(config, name, "[token, id]");
    text = (*pair)[0].get<std::string>();
    id = (*pair)[1].get<int32_t>();
  }

  void add_to(Encoding& encoding, int32_t type_id) const {
    encoding.add(id, text, {}, type_id, true, Encoding::kNone, Encoding::kNone);
  }
};

struct PairProcessing : PostProcessor {
  NamedToken sep, cls;
  bool is_roberta = false, trims = false, add_prefix_space = false;

  explicit PairProcessing(const Json& config) : sep(config, "sep"), cls(config, "cls") {}

  std::vector<Encoding> process(std::vector<Encoding> sequences, bool add_special) const override {
    for (size_t i = 0; i < sequences.size(); i++) {
      Encoding& sequence = sequences[i];
      if (trims) trim_offsets(sequence, add_prefix_space);
      if (is_roberta) {
        sequence.type_ids.assign(sequence.size(), 0);
        for (Encoding& window : sequence.overflow) window.type_ids.assign(window.size(), 0);
      }
      if (!add_special) continue;
      Encoding out, end;
      const int32_t type_id = is_roberta || i == 0 ? 0 : 1;
      if (i == 0) cls.add_to(out, type_id);
      if (i > 0 && is_roberta) sep.add_to(out, type_id);
      out.append(sequence);
      sep.add_to(end, type_id);
      out.append(end);
      sequence = std::move(out);
    }
    return sequences;
  }

  size_t added_tokens(bool pair) const override { return pair ? (is_roberta ? 4 : 3) : 2; }
  bool keeps_offsets() const override { return !trims; }
};

}  // namespace

const StepKind& bert_processing() {
  static const StepKind kind = {.type = "BertProcessing",
                                .post_processor = [](const Json& config) -> std::unique_ptr<PostProcessor> {
                                  return std::make_unique<PairProcessing>(config);
                                }};
  return kind;
}

const StepKind& roberta_processing() {
  static const StepKind kind = {.type = "RobertaProcessing",
                                .post_processor = [](const Json& config) -> std::unique_ptr<PostProcessor> {
                                  auto step = std::make_unique<PairProcessing>(config);
                                  step->is_roberta = true;
                                  step->trims = flag_field(config, "trim_offsets");
                                  step->add_prefix_space = flag_field(config, "add_prefix_space");
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
