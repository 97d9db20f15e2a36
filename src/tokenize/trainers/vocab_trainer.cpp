#include "tokenize/trainers/vocab_trainer.h"

#include <algorithm>

#include "base/options.h"
#include "base/utf8.h"
#include "tokenize/trainers/text_source.h"

namespace orrery {

namespace trainers {
#define TRAINER(name) const TrainerKind& name();
#include "tokenize/trainers/trainers.inc"
#undef TRAINER
}  // namespace trainers

namespace {

// Bytes of texts that are counted together, and of those that one thread counts.
constexpr int64_t kLeastBatch = 1 << 16, kMostBatch = 1 << 23;
constexpr size_t kTask = 1 << 17;

[[noreturn]] void refuse(const std::string& what) { throw Error{ErrorKind::bad_usage, what, "vocabulary training"}; }

void check(const VocabOptions& options) {
  if (options.vocab_size < 1 || options.vocab_size > (1 << 24))
    refuse("vocab_size is " + std::to_string(options.vocab_size) + ", expected 1 to 16777216");
  const auto& special = *options.special_tokens;
  for (const std::string& token : special)
    if (token.empty() || !is_valid_utf8(token)) refuse("a special token is empty or not valid UTF-8");
  if (options.unk_token && !options.unk_token->empty() && std::find(special.begin(), special.end(), *options.unk_token) == special.end())
    refuse("the unknown token '" + *options.unk_token + "' is not among the special tokens");
  if (static_cast<int64_t>(special.size()) > options.vocab_size)
    refuse(std::to_string(special.size()) + " special tokens do not fit in a vocabulary of " + std::to_string(options.vocab_size));
  if (!is_valid_utf8(options.initial_alphabet + options.continuing_subword_prefix + options.end_of_word_suffix))
    refuse("an option is not valid UTF-8");
  if (options.shrinking_factor <= 0 || options.shrinking_factor >= 1) refuse("shrinking_factor must lie between 0 and 1");
}

// A post-processor that puts special tokens around each text.
Json template_of(const std::vector<std::string>& before, const std::vector<std::string>& after, const Json& vocabulary_ids) {
  const auto part = [](const char* kind, const std::string& id, int type) { return Json{{kind, {{"id", id}, {"type_id", type}}}}; };
  Json single = Json::array(), pair = Json::array(), tokens = Json::object();
  for (const std::string& token : before) single.push_back(part("SpecialToken", token, 0));
  single.push_back(part("Sequence", "A", 0));
  for (const std::string& token : after) single.push_back(part("SpecialToken", token, 0));
  pair = single;
  if (after.empty())
    for (const std::string& token : before) pair.push_back(part("SpecialToken", token, 0));
  pair.push_back(part("Sequence", "B", 1));
  for (const std::string& token : after) pair.push_back(part("SpecialToken", token, 1));
  for (const auto* list : {&before, &after})
    for (const std::string& token : *list)
      tokens[token] = {{"id", token}, {"ids", Json::array({vocabulary_ids.at(token)})}, {"tokens", Json::array({token})}};
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", tokens}};
}

}  // namespace

const TrainerKind& trainer_named(std::string_view name) {
  static const std::vector<const TrainerKind*> all = {
#define TRAINER(name) &trainers::name(),
#include "tokenize/trainers/trainers.inc"
#undef TRAINER
  };
  std::vector<std::string> names;
  for (const TrainerKind* kind : all) {
    if (kind->name == name) return *kind;
    names.emplace_back(kind->name);
  }
  throw Error{ErrorKind::bad_usage, "no algorithm '" + std::string(name) + "' learns vocabularies", "", "there are " + join_or(names)};
}

Json normalizer_named(std::string_view name) {
  if (name == "nfc") return {{"type", "NFC"}};
  if (name == "nfkc") return {{"type", "NFKC"}};
  if (name == "lowercase") return {{"type", "Lowercase"}};
  if (name == "bert" || name == "bert-cased")
    return {{"type", "BertNormalizer"}, {"clean_text", true}, {"handle_chinese_chars", true}, {"strip_accents", nullptr}, {"lowercase", name == "bert"}};
  return nullptr;
}

Json pre_tokenizer_named(std::string_view name) {
  if (name == "byte-level") return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  if (name == "metaspace") return {{"type", "Metaspace"}, {"replacement", "\xE2\x96\x81"}, {"prepend_scheme", "always"}, {"split", true}};
  if (name == "whitespace") return {{"type", "Whitespace"}};
  if (name == "whitespace-split") return {{"type", "WhitespaceSplit"}};
  if (name == "bert") return {{"type", "BertPreTokenizer"}};
  return nullptr;
}

Tokenizer LearnedVocab::tokenizer() const { return Tokenizer::from_json(tokenizer_json, config).value(); }

template <class F>
void VocabTrainer::each_word(std::string_view text, F f) const {
  if (scan_) return orrery::each_word(scan_, text, [&](size_t begin, size_t end) { f(text.substr(begin, end - begin)); });
  Pieces pieces(text, pre_tokenizer_ && pre_tokenizer_->needs_origins());
  if (normalizer_) pieces.rewrite([&](AlignedText& piece) { normalizer_->normalize(piece); });
  if (pre_tokenizer_) pre_tokenizer_->pre_tokenize(pieces);
  if (!kind_->reads_bytes) pieces.spell_bytes();
  if (kind_->reads_bytes && !pieces.bytes() && !pieces.all().empty()) refuse("byte-bpe needs a pre-tokenizer that ends in ByteLevel");
  for (const Piece& piece : pieces.all()) f(pieces.text(piece));
}

VocabTrainer::VocabTrainer(VocabOptions options) : kind_(&trainer_named(options.algorithm)), options_(std::move(options)) {
  kind_->settle(options_);
  check(options_);
  if (options_.normalizer && !options_.normalizer->is_null()) normalizer_ = make_normalizer(*options_.normalizer);
  if (options_.pre_tokenizer && !options_.pre_tokenizer->is_null()) pre_tokenizer_ = make_pre_tokenizer(*options_.pre_tokenizer);
  if (!normalizer_ && pre_tokenizer_ && kind_->reads_bytes)
    if (const Words own = pre_tokenizer_->words(); own.bytes) scan_ = own.scan;
  if (!kind_->learn_languages) words_.emplace_back(options_.memory);
  each_word("a\nb", [&](std::string_view word) { keeps_line_ends_ = keeps_line_ends_ || word.find('\n') != std::string_view::npos; });
}

void VocabTrainer::count(std::string_view text, WordCounts& counts) const {
  if (!is_valid_utf8(text)) return count(repair_utf8(text).text, counts);
  each_word(text, [&](std::string_view word) { counts.add(word); });
}

void VocabTrainer::add(std::string_view text) {
  if (words_.empty()) words_.emplace_back(options_.memory);
  count(text, words_.back());
}

void VocabTrainer::count_file_text(std::string_view text, WordCounts& counts) const {
  if (!options_.lines && kind_->reads_bytes) return count(text, counts);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    count(text.substr(at, end - at), counts);
    if (keeps_line_ends_ && !options_.lines && end < text.size()) counts.add("\n");
    at = end + 1;
  }
}

Status VocabTrainer::add_file(const std::filesystem::path& path, ThreadPool& pool, const std::function<void(uint64_t)>& read) {
  if (kind_->learn_languages) words_.emplace_back(options_.memory);
  return count_file(path, words_.back(), pool, read);
}

Status VocabTrainer::add_held_out_file(const std::filesystem::path& path, ThreadPool& pool) {
  if (!kind_->learn_languages) refuse(options_.algorithm + " tells no languages apart: no held-out texts");
  return count_file(path, held_out_.emplace_back(options_.memory), pool, {});
}

// Texts are gathered, and counted when there are many: by threads, each some texts into counts of its own.
Status VocabTrainer::count_file(const std::filesystem::path& path, WordCounts& counts, ThreadPool& pool, const std::function<void(uint64_t)>& read) const {
  const auto batch = static_cast<size_t>(std::clamp<int64_t>(counts.limit() / 8, kLeastBatch, kMostBatch));
  std::string texts;
  std::vector<size_t> ends, last;   // of the texts; the last text of each task
  const auto count_all = [&] {
    last.clear();
    for (size_t i = 0, begun = 0; i < ends.size(); i++) {
      if (ends[i] - begun < kTask && i + 1 < ends.size()) continue;
      begun = ends[i];
      last.push_back(i);
    }
    std::vector<WordCounts> parts(last.size());
    std::vector<std::optional<Error>> failed(last.size());
    pool.parallel(static_cast<int64_t>(last.size()), [&](int64_t index) {
      const auto task = static_cast<size_t>(index);
      try {
        for (size_t i = task == 0 ? 0 : last[task - 1] + 1; i <= last[task]; i++) {
          const size_t begin = i == 0 ? 0 : ends[i - 1];
          count_file_text(std::string_view(texts).substr(begin, ends[i] - begin), parts[task]);
        }
      } catch (const Error& error) {
        failed[task] = error;
      }
    });
    for (const auto& error : failed)
      if (error) throw *error;
    counts.add(parts, pool);
    texts.clear();
    ends.clear();
  };
  const Status status = read_texts(path, [&](std::string_view text, uint64_t bytes) {
    texts += text;
    ends.push_back(texts.size());
    if (texts.size() >= batch) count_all();
    if (read) read(bytes);
  });
  if (status) count_all();
  return status;
}

LearnedVocab VocabTrainer::train(ThreadPool& pool, const TrainingProgress& progress) const {
  const auto learn = [&] {
    if (!kind_->learn_languages) return kind_->learn(options_, words_.front().sorted(), pool, progress);
    LanguageWords words;
    for (const WordCounts& counts : words_) words.languages.push_back(counts.sorted());
    for (const WordCounts& counts : held_out_) words.held_out.push_back(counts.sorted());
    return kind_->learn_languages(options_, words, pool, progress);
  };
  Json model = learn();
  const auto id_of = [&, list = model["vocab"].is_array()](const std::string& token) -> Json {
    if (!list) return model["vocab"].contains(token) ? model["vocab"][token] : Json();
    for (size_t id = 0; id < model["vocab"].size(); id++)
      if (model["vocab"][id][0] == token) return id;
    return nullptr;
  };
  Json ids = Json::object(), added = Json::array();
  for (const std::string& token : *options_.special_tokens) {
    ids[token] = id_of(token);
    added.push_back({{"id", ids[token]}, {"content", token}, {"single_word", false}, {"lstrip", false}, {"rstrip", false}, {"normalized", false}, {"special", true}});
  }

  LearnedVocab learned;
  learned.config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  for (const char* role : {"bos_token", "eos_token", "unk_token", "pad_token", "cls_token", "sep_token", "mask_token"}) learned.config[role] = nullptr;
  for (const auto& [role, token] : kind_->roles)
    if (ids.contains(token)) learned.config[role] = token;
  if (kind_->reads_bytes && !options_.special_tokens->empty())   // one token parts texts, as GPT-2's
    learned.config["bos_token"] = learned.config["eos_token"] = options_.special_tokens->front();
  if (options_.unk_token && !options_.unk_token->empty()) learned.config["unk_token"] = *options_.unk_token;

  std::vector<std::string> before, after;
  if (options_.add_special) {
    before = kind_->before;
    after = kind_->after;
    if (kind_->reads_bytes && !options_.special_tokens->empty()) before = {options_.special_tokens->front()};
    for (auto* list : {&before, &after}) std::erase_if(*list, [&](const std::string& token) { return !ids.contains(token); });
  }
  Json post_processor;
  if (!before.empty() || !after.empty()) {
    post_processor = template_of(before, after, ids);
  } else if (kind_->reads_bytes) {
    post_processor = pre_tokenizer_named("byte-level");
    post_processor["trim_offsets"] = false;
  }
  const auto or_null = [](const std::optional<Json>& step) { return step ? *step : Json(); };
  learned.tokenizer_json = {{"version", "1.0"},
                            {"truncation", nullptr},
                            {"padding", nullptr},
                            {"added_tokens", std::move(added)},
                            {"normalizer", or_null(options_.normalizer)},
                            {"pre_tokenizer", or_null(options_.pre_tokenizer)},
                            {"post_processor", std::move(post_processor)},
                            {"decoder", or_null(options_.decoder)},
                            {"model", std::move(model)}};
  return learned;
}

}  // namespace orrery
