#include "tokenize/model.h"

#include "base/error.h"

namespace orrery {

namespace token_models {
#define TOKEN_MODEL(name) const ModelKind& name();
#include "tokenize/models/models.inc"
#undef TOKEN_MODEL
}  // namespace token_models

namespace {

const std::vector<const ModelKind*>& kinds() {
  static const std::vector<const ModelKind*> all = {
#define TOKEN_MODEL(name) &token_models::name(),
#include "tokenize/models/models.inc"
#undef TOKEN_MODEL
  };
  return all;
}

// Files of before 2020 do not name the type: it is told by the fields.
std::string guess_type(const ModelConfig& config) {
  if (!config.merges.empty() || config.fields.contains("fuse_unk")) return "BPE";
  if (!config.scores.empty() || config.fields.contains("unk_id")) return "Unigram";
  if (config.fields.contains("max_input_chars_per_word")) return "WordPiece";
  return "WordLevel";
}

}  // namespace

std::unique_ptr<TokenModel> make_model(ModelConfig config) {
  const auto type = config.fields.find("type");
  if (type != config.fields.end() && !type->is_string())
    throw Error{ErrorKind::bad_file, "the model's \"type\" is no string", ""};
  const std::string name = type == config.fields.end() ? guess_type(config) : type->get<std::string>();
  for (const ModelKind* kind : kinds())
    if (kind->type == name) return kind->make(std::move(config));
  throw Error{ErrorKind::unsupported, "the tokenizer model '" + name + "' is not supported", ""};
}

std::string_view TokenModel::shown(int32_t id, std::string_view covered) const {
  return id == told_by_text() ? covered : vocab().token(id).value_or("");
}

Json vocab_json(const Vocab& vocab) {
  // Json's own insertion looks for the key from the front: a second each for the usual vocabularies.
  Json::object_t::Container entries;
  entries.reserve(vocab.size());
  vocab.each([&](std::string_view token, int32_t id) { entries.emplace_back(std::string(token), id); });
  Json json = Json::object();
  static_cast<Json::object_t::Container&>(json.get_ref<Json::object_t&>()).swap(entries);
  return json;
}

int32_t UnknownToken::id(std::string_view unknown) const {
  if (id_ == Vocab::kAbsent)
    throw Error{ErrorKind::bad_file,
                "the vocabulary lacks " + (unknown.empty() ? "a part of the text" : "'" + std::string(unknown.substr(0, 200)) + "'") + ", and the unknown token '" + token_ + "' too", ""};
  return id_;
}

}  // namespace orrery
