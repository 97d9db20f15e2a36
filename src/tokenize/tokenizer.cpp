#include "tokenize/tokenizer.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "base/file.h"
#include "base/utf8.h"
#include "tokenize/added_tokens.h"
#include "tokenize/model.h"
#include "tokenize/pieces.h"
#include "tokenize/step.h"
#include "tokenize/tokenizer_file.h"

namespace orrery {

namespace {

// Model runs that wait for the next caller, warm. At most one for each thread that ever encoded at the same time.
class RunPool {
 public:
  class Lease {
   public:
    Lease(RunPool& pool, std::unique_ptr<ModelRun> run) : pool_(pool), run_(std::move(run)) {}
    ~Lease() { pool_.give_back(std::move(run_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ModelRun* operator->() const { return run_.get(); }

   private:
    RunPool& pool_;
    std::unique_ptr<ModelRun> run_;
  };

  Lease take(const TokenModel& model) {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {*this, model.run()};
    std::unique_ptr<ModelRun> run = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(run)};
  }

 private:
  void give_back(std::unique_ptr<ModelRun> run) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(run));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<ModelRun>> idle_;
};

}  // namespace

struct Tokenizer::Parts {
  explicit Parts(TokenizerFile file);

  Encoding encode(std::string_view text, const EncodeOptions& options, bool ids_only) const;
  Encoding encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only) const;
  void normalize(Pieces& pieces, const EncodeOptions& options) const;
  std::vector<int32_t> ids_of_words(std::string_view text, const EncodeOptions& options) const;   // encode_one's ids, quickly

  std::optional<std::string_view> text_of(int32_t id) const;   // what decoding begins with

  Json json;     // all of tokenizer.json but the model and the added tokens
  Json config;   // tokenizer_config.json
  std::unique_ptr<Normalizer> normalizer;
  std::unique_ptr<PreTokenizer> pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  std::unique_ptr<PostProcessor> post_processor;
  std::unique_ptr<Decoder> decoder;
  AddedTokens added;
  SpecialRoles roles;
  bool reads_words = false;   // the pre-tokenizer only cuts, by a scanner, and the model reads bytes
  mutable RunPool runs;   // guarded by itself
};

namespace {

// Turns byte offsets into the unit that was asked for, as the reference's converter does.
class OffsetMap {
 public:
  OffsetMap(std::string_view text, OffsetUnit unit) : size_(static_cast<uint32_t>(text.size())) {
    if (unit == OffsetUnit::bytes || is_ascii(text)) return;
    before_.resize(text.size());
    uint32_t count = 0;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      std::fill_n(before_.begin() + static_cast<std::ptrdiff_t>(at), c.size, count);
      count += unit == OffsetUnit::utf16 && c.value > 0xFFFF ? 2 : 1;
      at += c.size;
    }
    total_ = count;
  }

  Offsets operator()(Span span) const {
    if (before_.empty() || span.begin >= size_) return {span.begin, span.end};
    return {before_[span.begin], span.end < size_ ? before_[span.end] : total_};
  }

 private:
  std::vector<uint32_t> before_;   // for each byte, the units before its character; empty when units are bytes
  uint32_t size_, total_ = 0;
};

// The token with which a role is filled: named by the config, else the first special token of a usual name.
std::optional<int32_t> role(const Json& config, const char* name, const AddedTokens& added, const Vocab& vocab,
                            std::initializer_list<std::string_view> usual) {
  const auto id_of = [&](std::string_view token) -> std::optional<int32_t> {
    if (const AddedToken* found = added.find(token)) return found->id;
    const int32_t id = vocab.find(token);
    return id == Vocab::kAbsent ? std::nullopt : std::optional(id);
  };
  if (const auto field = config.find(name); field != config.end()) {
    if (field->is_string()) return id_of(field->get<std::string>());
    if (field->is_object() && field->contains("content") && (*field)["content"].is_string())
      return id_of((*field)["content"].get<std::string>());
    return std::nullopt;   // null: there is none
  }
  for (const std::string_view token : usual)
    if (const AddedToken* found = added.find(token); found && found->special) return found->id;
  return std::nullopt;
}

SpecialRoles find_roles(const Json& config, const AddedTokens& added, const Vocab& vocab) {
  const auto find = [&](const char* name, std::initializer_list<std::string_view> usual) {
    return role(config, name, added, vocab, usual);
  };
  return {.bos = find("bos_token", {"<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>", "<|endoftext|>"}),
          .eos = find("eos_token", {"</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>", "<|im_end|>"}),
          .unk = find("unk_token", {"<unk>", "[UNK]"}),
          .pad = find("pad_token", {"<pad>", "[PAD]"}),
          .cls = find("cls_token", {"[CLS]"}),
          .sep = find("sep_token", {"[SEP]"}),
          .mask = find("mask_token", {"[MASK]", "<mask>"})};
}

template <class Step>
std::unique_ptr<Step> make_optional(const Json& json, const char* name, std::unique_ptr<Step> (*make)(const Json&)) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : make(*found);
}

}  // namespace

Tokenizer::Parts::Parts(TokenizerFile file) : json(std::move(file.json)), config(std::move(file.config)) {
  if (json.contains("version") && json["version"] != "1.0")
    throw Error{ErrorKind::unsupported, "tokenizer.json of version " + to_line(json["version"]) + ", expected \"1.0\"", ""};
  normalizer = make_optional(json, "normalizer", make_normalizer);
  pre_tokenizer = make_optional(json, "pre_tokenizer", make_pre_tokenizer);
  post_processor = make_optional(json, "post_processor", make_post_processor);
  decoder = make_optional(json, "decoder", make_decoder);
  model = make_model(std::move(file.model));
  if (json.contains("added_tokens")) added = AddedTokens(json["added_tokens"], model->vocab(), normalizer.get());
  roles = find_roles(config, added, model->vocab());
  const Words words = pre_tokenizer ? pre_tokenizer->words() : Words();
  reads_words = words.scan && words.bytes && model->reads_bytes();
}

void Tokenizer::Parts::normalize(Pieces& pieces, const EncodeOptions& options) const {
  added.cut_raw(pieces, options.specials_as_text);
  if (normalizer) pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
  added.cut_normalized(pieces, options.specials_as_text);
}

std::vector<int32_t> Tokenizer::Parts::ids_of_words(std::string_view text, const EncodeOptions& options) const {
  const WordScanner scan = pre_tokenizer->words().scan;
  Pieces pieces(text, /*tracked=*/false);
  normalize(pieces, options);
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3);
  const RunPool::Lease run = runs.take(*model);
  std::array<uint32_t, 256> ends;
  for (const Piece& piece : pieces.all()) {
    if (piece.token != Piece::kOpen) {
      ids.push_back(piece.token);
      continue;
    }
    const std::string_view open = pieces.text(piece);
    for (size_t at = 0; const size_t count = scan(open, at, ends.data(), ends.size()); at = ends[count - 1]) run->tokenize_words(open, at, std::span(ends.data(), count), ids);
  }
  return ids;
}

Encoding Tokenizer::Parts::encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only) const {
  if (ids_only && reads_words && text.size() <= UINT32_MAX) {
    Encoding out;
    out.ids = ids_of_words(text, options);
    return out;
  }
  Pieces pieces(text, !ids_only || (pre_tokenizer && pre_tokenizer->needs_origins()));
  normalize(pieces, options);
  if (pre_tokenizer) pre_tokenizer->pre_tokenize(pieces);
  if (!model->reads_bytes()) pieces.spell_bytes();

  Encoding out;
  const RunPool::Lease run = runs.take(*model);
  std::vector<TokenSpan> tokens;
  const OffsetMap offsets_of(ids_only ? std::string_view() : text, options.unit);
  int32_t word = 0;
  for (const Piece& piece : pieces.all()) {
    const std::string_view piece_text = pieces.text(piece);
    tokens.clear();
    if (piece.token == Piece::kOpen)
      run->tokenize(piece_text, pieces.bytes(), tokens);
    else
      tokens.push_back({piece.token, 0, static_cast<uint32_t>(piece_text.size())});
    for (const TokenSpan& token : tokens) {
      if (ids_only) {
        out.ids.push_back(token.id);
        continue;
      }
      // Past the piece, where the reference's spans run too, its offsets are those of the piece, taken for the text's.
      const bool inside = token.begin < token.end && token.end <= piece_text.size();
      const Span span = inside ? pieces.origin(piece.begin + token.begin, piece.begin + token.end) : Span{token.begin, token.end};
      const std::string_view covered = inside ? piece_text.substr(token.begin, token.end - token.begin) : piece_text;
      std::string shown(piece.token == Piece::kOpen ? model->shown(token.id, covered) : piece_text);
      out.add(token.id, std::move(shown), offsets_of(span), sequence, false, word, sequence);
    }
    word++;
  }
  return out;
}

Encoding Tokenizer::Parts::encode(std::string_view text, const EncodeOptions& options, bool ids_only) const {
  std::vector<Encoding> sequences;
  const auto add = [&](std::string_view one) {
    const auto index = static_cast<int32_t>(sequences.size());
    if (is_valid_utf8(one))
      sequences.push_back(encode_one(one, index, options, ids_only));
    else
      sequences.push_back(encode_one(repair_utf8(one).text, index, options, ids_only));
  };
  add(text);
  if (options.pair) add(*options.pair);
  if (post_processor) sequences = post_processor->process(std::move(sequences), options.add_special);
  if (sequences.size() == 1) return std::move(sequences[0]);
  Encoding out;
  for (const Encoding& sequence : sequences) out.append(sequence);
  return out;
}

std::optional<std::string_view> Tokenizer::Parts::text_of(int32_t id) const {
  if (const AddedToken* token = added.find(id)) return added.text(*token);
  return model->vocab().token(id);
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::build(Result<TokenizerFile> file) {
  if (!file) return file.error();
  const std::string where = file->where;
  try {
    return Tokenizer(std::make_unique<Parts>(std::move(*file)));
  } catch (Error& error) {
    if (error.where.empty()) error.where = where;
    return error;
  }
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& path) { return build(read_tokenizer_files(path)); }

Result<Tokenizer> Tokenizer::parse(std::string_view text, std::string_view where) {
  return build(parse_tokenizer_json(text, where));
}

Result<Tokenizer> Tokenizer::from_json(const Json& json, const Json& config) { return build(split_tokenizer_json(json, config)); }

Json Tokenizer::to_json() const {
  Json out = {{"version", "1.0"}};
  const auto copy = [&](const char* name) { out[name] = parts_->json.contains(name) ? parts_->json[name] : Json(); };
  copy("truncation");
  copy("padding");
  out["added_tokens"] = parts_->added.to_json();
  for (const char* name : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) copy(name);
  out["model"] = parts_->model->to_json();
  return out;
}

Status Tokenizer::save(const std::filesystem::path& folder) const {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{ErrorKind::io, failed.message(), folder.string()};

  Json config = parts_->config;
  if (!config.contains("tokenizer_class")) config["tokenizer_class"] = "PreTrainedTokenizerFast";
  const SpecialRoles& r = parts_->roles;
  for (const auto& [name, id] : {std::pair("bos_token", r.bos), {"eos_token", r.eos}, {"unk_token", r.unk}, {"pad_token", r.pad},
                                 {"cls_token", r.cls}, {"sep_token", r.sep}, {"mask_token", r.mask}})
    if (!config.contains(name)) config[name] = id ? Json(*token_of(*id)) : Json();
  if (const Status written = write_file(folder / "tokenizer.json", to_text(to_json())); !written) return written;
  return write_file(folder / "tokenizer_config.json", to_text(config));
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return parts_->encode(text, options, false);
}

std::vector<int32_t> Tokenizer::encode_ids(std::string_view text, const EncodeOptions& options) const {
  return parts_->encode(text, options, true).ids;
}

TokenizerStages Tokenizer::stages(std::string_view text, const EncodeOptions& options) const {
  if (!is_valid_utf8(text)) return stages(repair_utf8(text).text, options);
  Pieces pieces(text, /*tracked=*/true);
  parts_->normalize(pieces, options);
  TokenizerStages made;
  for (const Piece& piece : pieces.all()) made.normalized += pieces.text(piece);
  if (parts_->pre_tokenizer) parts_->pre_tokenizer->pre_tokenize(pieces);
  const OffsetMap offsets_of(text, options.unit);
  for (const Piece& piece : pieces.all()) {
    made.pieces.emplace_back(pieces.text(piece));
    made.offsets.push_back(offsets_of(pieces.origin(piece.begin, piece.end)));
  }
  return made;
}

bool Tokenizer::decodes(int32_t id, bool skip_special) const {
  const auto text = parts_->text_of(id);
  return text && (!skip_special || !parts_->added.is_special_text(std::string(*text)));
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids)
    if (decodes(id, skip_special)) tokens.emplace_back(*parts_->text_of(id));
  if (parts_->decoder) parts_->decoder->decode(tokens);
  std::string out;
  for (size_t i = 0; i < tokens.size(); i++) {
    if (!parts_->decoder && i > 0) out += ' ';
    out += tokens[i];
  }
  return out;
}

std::string Tokenizer::token_bytes(int32_t id) const {
  const auto text = parts_->text_of(id);
  if (!text) return {};
  return parts_->decoder ? parts_->decoder->token_bytes(std::string(*text)) : std::string(*text);
}

std::optional<int32_t> Tokenizer::id_of(std::string_view token) const {
  if (const AddedToken* found = parts_->added.find(token)) return found->id;
  const int32_t id = parts_->model->vocab().find(token);
  return id == Vocab::kAbsent ? std::nullopt : std::optional(id);
}

std::optional<std::string> Tokenizer::token_of(int32_t id) const {
  if (const AddedToken* found = parts_->added.find(id)) return found->content;
  if (const auto token = parts_->model->vocab().token(id)) return std::string(*token);
  return std::nullopt;
}

bool Tokenizer::is_special(int32_t id) const {
  const AddedToken* found = parts_->added.find(id);
  return found && found->special;
}

int32_t Tokenizer::vocab_size() const {
  size_t size = parts_->model->vocab().size();
  for (const AddedToken& token : parts_->added.all()) size += parts_->model->vocab().find(token.content) == Vocab::kAbsent;
  return static_cast<int32_t>(size);
}

int32_t Tokenizer::id_limit() const {
  const auto& added = parts_->added.all();
  return std::max(parts_->model->vocab().max_id(), added.empty() ? -1 : added.back().id) + 1;
}

const SpecialRoles& Tokenizer::roles() const { return parts_->roles; }

DecodeStream::DecodeStream(const Tokenizer& tokenizer, bool skip_special) : tokenizer_(&tokenizer), skip_special_(skip_special) {}

// The window's decoded text begins with that of the tokens shown last; what follows is new. A text that ends in U+FFFD
// may end inside a character, so it waits.
std::string DecodeStream::push(int32_t id) {
  if (!tokenizer_->decodes(id, skip_special_)) return {};   // a window of such tokens would grow without end
  window_.push_back(id);
  std::string text = tokenizer_->decode(window_, skip_special_);
  if (!text.starts_with(prefix_)) {
    window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(shown_));
    shown_ = 0;
    prefix_.clear();
    text = tokenizer_->decode(window_, skip_special_);
  }
  if (text.size() <= prefix_.size() || text.ends_with(kReplacementText)) return {};
  text.erase(0, prefix_.size());
  window_.erase(window_.begin(), window_.begin() + static_cast<std::ptrdiff_t>(shown_));
  shown_ = window_.size();
  prefix_ = tokenizer_->decode(window_, skip_special_);
  return text;
}

std::string DecodeStream::finish() {
  std::string text = tokenizer_->decode(window_, skip_special_);
  if (text.starts_with(prefix_)) text.erase(0, prefix_.size());
  window_.clear();
  shown_ = 0;
  prefix_.clear();
  return text;
}

}  // namespace orrery
