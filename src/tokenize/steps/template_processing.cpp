// TemplateProcessing: the tokens around one text or two, spelled out: [{"SpecialToken": {"id": "<s>", "type_id": 0}},
// {"Sequence": {"id": "A", "type_id": 0}}, …]. A special token may stand for several ids.
#include <algorithm>
#include <map>

#include "tokenize/step.h"

namespace orrery::steps {

namespace {

struct SpecialTokens {
  std::vector<int32_t> ids;
  std::vector<std::string> tokens;
};

struct TemplatePiece {
  int sequence = -1;                     // 0 or 1 for a text
  const SpecialTokens* special = nullptr;
  int32_t type_id = 0;
};

class TemplateProcessing : public PostProcessor {
 public:
  explicit TemplateProcessing(const Json& config) {
    const auto specials = config.find("special_tokens");
    if (specials == config.end() || !specials->is_object()) bad_field(config, "special_tokens", "an object");
    for (const auto& [name, entry] : specials->items()) {
      if (!entry.is_object()) bad_field(config, "special_tokens", "objects with ids and tokens");
      SpecialTokens& special = specials_[name];
      special = {};
      const Json& ids = list_field(entry, "ids");
      const Json& tokens = list_field(entry, "tokens");
      if (ids.size() != tokens.size()) bad_field(config, "special_tokens", "as many ids as tokens");
      for (const Json& id : ids) {
        if (!id.is_number_integer() || id < 0 || id > INT32_MAX) bad_field(config, "special_tokens", "token ids");
        special.ids.push_back(id.get<int32_t>());
      }
      for (const Json& token : tokens) {
        if (!token.is_string()) bad_field(config, "special_tokens", "token texts");
        special.tokens.push_back(token.get<std::string>());
      }
    }
    single_ = read_template(config, "single", 1);
    pair_ = read_template(config, "pair", 2);
  }

  std::vector<Encoding> process(std::vector<Encoding> sequences, bool add_special) const override {
    if (sequences.size() > 2)
      throw Error{ErrorKind::unsupported, "TemplateProcessing after a step that already added tokens is not supported", ""};
    std::vector<Encoding> out;
    const std::vector<TemplatePiece>& pieces = sequences.size() == 2 ? pair_ : single_;
    for (const TemplatePiece& piece : pieces) {
      if (piece.special) {
        if (!add_special) continue;
        Encoding& added = out.emplace_back();
        for (size_t i = 0; i < piece.special->ids.size(); i++)
          added.add(piece.special->ids[i], piece.special->tokens[i], {}, piece.type_id, true, Encoding::kNone, Encoding::kNone);
      } else {
        Encoding& given = sequences[static_cast<size_t>(piece.sequence)];
        const bool again = std::any_of(&piece + 1, pieces.data() + pieces.size(), [&](const TemplatePiece& later) { return later.sequence == piece.sequence; });
        Encoding& sequence = again ? out.emplace_back(given) : out.emplace_back(std::move(given));
        sequence.type_ids.assign(sequence.size(), piece.type_id);
      }
    }
    return out;
  }

  size_t added_tokens(bool pair) const override {
    size_t count = 0;
    for (const TemplatePiece& piece : pair ? pair_ : single_)
      if (piece.special) count += piece.special->ids.size();
    return count;
  }

 private:
  std::vector<TemplatePiece> read_template(const Json& config, const char* name, int sequences) {
    constexpr const char* kExpected = "pieces {\"SpecialToken\": {id, type_id}} and {\"Sequence\": {id: A or B, type_id}}";
    std::vector<TemplatePiece> pieces;
    for (const Json& entry : list_field(config, name)) {
      if (!entry.is_object() || entry.size() != 1 || !entry.front().is_object()) bad_field(config, name, kExpected);
      const Json& fields = entry.front();
      TemplatePiece& piece = pieces.emplace_back();
      piece.type_id = static_cast<int32_t>(count_field(fields, "type_id", 0));
      const std::string id = text_field(fields, "id");
      if (entry.contains("Sequence")) {
        piece.sequence = id == "A" ? 0 : id == "B" ? 1 : -1;
        if (piece.sequence < 0 || piece.sequence >= sequences) bad_field(config, name, kExpected);
      } else if (entry.contains("SpecialToken")) {
        const auto special = specials_.find(id);
        if (special == specials_.end()) bad_field(config, "special_tokens", "an entry for '" + id + "'");
        piece.special = &special->second;
      } else {
        bad_field(config, name, kExpected);
      }
    }
    return pieces;
  }

  std::map<std::string, SpecialTokens> specials_;
  std::vector<TemplatePiece> single_, pair_;
};

}  // namespace

const StepKind& template_processing() {
  static const StepKind kind = {.type = "TemplateProcessing",
                                .post_processor = [](const Json& config) -> std::unique_ptr<PostProcessor> {
                                  return std::make_unique<TemplateProcessing>(config);
                                }};
  return kind;
}

}  // namespace orrery::steps
