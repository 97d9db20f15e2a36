#include "tokenize/tokenizer.h"

#include <algorithm>

#include "base/base64.h"
#include "base/file.h"
#include "base/utf8.h"
#include "tokenize/gguf_vocab.h"
#include "tokenize/offset_map.h"
#include "tokenize/sentencepiece.h"
#include "tokenize/tokenizer_json_text.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {

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

// A TemplateProcessing that puts these tokens around each text; name_of says what an id's token is called.
template <class Name>
Json bos_eos_json(std::optional<int32_t> bos, std::optional<int32_t> eos, Name name_of) {
  Json single = Json::array(), pair = Json::array(), specials = Json::object();
  // Member by member: of braces within braces clang 14 leaves some behind.
  const auto add = [](Json& list, const char* kind, const std::string& id, int type) {
    Json piece = Json::object();
    piece["id"] = id;
    piece["type_id"] = type;
    Json named = Json::object();
    named[kind] = std::move(piece);
    list.push_back(std::move(named));
  };
  const auto special = [&](Json& list, std::optional<int32_t> id, int type) {
    if (!id) return;
    const std::string name = name_of(*id);
    add(list, "SpecialToken", name, type);
    Json& about = specials[name] = Json::object();
    about["id"] = name;
    about["ids"].push_back(*id);
    about["tokens"].push_back(name);
  };
  const auto around = [&](Json& list, const char* text, int type) {
    special(list, bos, type);
    add(list, "Sequence", text, type);
    special(list, eos, type);
  };
  around(single, "A", 0);
  around(pair, "A", 0);
  around(pair, "B", 1);
  Json made = Json::object();
  made["type"] = "TemplateProcessing";
  made["single"] = std::move(single);
  made["pair"] = std::move(pair);
  made["special_tokens"] = std::move(specials);
  return made;
}

uint64_t stream_of(int32_t sequence, uint32_t stream) { return uint64_t(static_cast<uint32_t>(sequence)) << 32 | stream; }

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
  own_id_limit = model->vocab().max_id() + 1;
  for (const AddedToken& token : added.all())
    if (std::find(file.config_tokens.begin(), file.config_tokens.end(), token.content) == file.config_tokens.end())
      own_id_limit = std::max(own_id_limit, token.id + 1);
  roles = find_roles(config, added, model->vocab());
  if (const SentencePiece* spm = model->sentencepiece()) {
    const auto fill = [&](std::optional<int32_t>& role, const char* name, int32_t id) {
      if (!role && !config.contains(name) && id >= 0) role = id;
    };
    fill(roles.bos, "bos_token", spm->bos_id());
    fill(roles.eos, "eos_token", spm->eos_id());
    fill(roles.pad, "pad_token", spm->pad_id());
    fill(roles.unk, "unk_token", spm->unknown_id());
  }
  const std::optional<int32_t> bos = file.add_bos ? roles.bos : std::nullopt, eos = file.add_eos ? roles.eos : std::nullopt;
  if (!post_processor && (bos || eos)) {
    json["post_processor"] = bos_eos_json(bos, eos, [&](int32_t id) {
      const AddedToken* token = added.find(id);
      return token ? token->content : std::string(model->vocab().token(id).value_or(""));
    });
    post_processor = make_post_processor(json["post_processor"]);
  }
  specials_as_text = config.contains("split_special_tokens") && config["split_special_tokens"] == true;
  reads_bytes = config.contains("invalid_utf8") && config["invalid_utf8"] == "tiktoken" && model->reads_bytes();
  const auto given = [&](const char* name) { return json.contains(name) && !json[name].is_null(); };
  if (given("truncation")) truncation = Truncation::from_json(json["truncation"]);
  if (given("padding")) padding = Padding::from_json(json["padding"]);
  words = plan_words();
  for (const bool add_special : {false, true}) around_text[add_special] = plan_around(add_special);
}

void Tokenizer::Parts::normalize(Pieces& pieces, const EncodeOptions& options) const {
  added.cut_raw(pieces, options.specials_as_text || specials_as_text);
  if (normalizer) pieces.rewrite([&](AlignedText& piece) { normalizer->normalize(piece); });
  added.cut_normalized(pieces, options.specials_as_text || specials_as_text);
}

Encoding Tokenizer::Parts::encode_one(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only, uint32_t stream) const {
  if (model->sentencepiece()) return encode_sentencepiece(text, sequence, options, ids_only);
  if (!is_valid_utf8(text)) {
    if (reads_bytes) return encode_bytes(text, sequence, options, ids_only, stream);
    return encode_one(repair_utf8(text).text, sequence, options, ids_only, stream);
  }
  if (goes_by_parts(text)) {
    if (ids_only) {
      Encoding out;
      out.ids = quick_ids(text, options, {});
      return out;
    }
    if (words.how != WordWay::pieces || is_left(text)) return encode_parts(text, sequence, options);
  }
  Pieces pieces(text, !ids_only || (pre_tokenizer && pre_tokenizer->needs_origins()));
  normalize(pieces, options);
  if (pre_tokenizer) pre_tokenizer->pre_tokenize(pieces);
  if (!model->reads_bytes()) pieces.spell_bytes();

  Encoding out;
  out.texts = TokenTexts({model, &model->vocab()});
  const RunPool::Lease run = runs.take(*model);
  run->model->begin_text(options.seed, stream_of(sequence, stream));
  std::vector<TokenSpan> tokens;
  constexpr size_t kSpecials = 8;   // a post-processor's tokens find room
  const OffsetMap offsets_of(ids_only ? std::string_view() : text, options.unit);
  int32_t word = 0;
  for (const Piece& piece : pieces.all()) {
    const std::string_view piece_text = pieces.text(piece);
    tokens.clear();
    if (piece.token == Piece::kOpen)
      run->model->tokenize(piece_text, pieces.bytes(), tokens);
    else
      tokens.push_back({piece.token, 0, static_cast<uint32_t>(piece_text.size())});
    if (ids_only) {
      if (out.ids.empty()) out.ids.reserve(tokens.size() + kSpecials);   // of one long piece; its room is not touched before it is filled
      for (const TokenSpan& token : tokens) out.ids.push_back(token.id);
      word++;
      continue;
    }
    for (const TokenSpan& token : tokens) {
      // Past the piece, where the reference's spans run too, its offsets are those of the piece, taken for the text's.
      const bool inside = token.begin < token.end && token.end <= piece_text.size();
      const Span span = inside ? pieces.origin(piece.begin + token.begin, piece.begin + token.end) : Span{token.begin, token.end};
      const std::string_view covered = inside ? piece_text.substr(token.begin, token.end - token.begin) : piece_text;
      if (piece.token != Piece::kOpen) out.texts.keep(out.size(), std::string(piece_text));
      else if (token.id == model->told_by_text()) out.texts.keep(out.size(), std::string(covered));
      out.add(token.id, offsets_of(span), sequence, false, word, sequence);
    }
    word++;
  }
  return out;
}

// As tiktoken's _encode_bytes: the valid text before the first wrong byte is cut into words as ever, without special tokens;
// then the bytes of its last word (with the white space before it, if it is that) and all that follows are one word.
Encoding Tokenizer::Parts::encode_bytes(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only, uint32_t stream) const {
  size_t valid = 0;
  while (decode_utf8(text, valid).valid) valid += decode_utf8(text, valid).size;
  EncodeOptions in_bytes = options;
  in_bytes.unit = OffsetUnit::bytes;
  in_bytes.specials_as_text = true;
  Encoding out = encode_one(text.substr(0, valid), sequence, in_bytes, false, stream);
  const auto is_blank = [&](size_t i) {
    const std::string bytes = token_bytes(out.ids[i]);
    return bytes.find_first_not_of(" \n\t") == std::string::npos;
  };
  size_t kept = out.size();
  while (kept > 0 && out.words[kept - 1] == out.words.back()) kept--;
  if (kept < out.size() && is_blank(kept))
    while (kept > 0 && is_blank(kept - 1)) kept--;
  std::string rest;
  for (size_t i = kept; i < out.size(); i++) rest += token_bytes(out.ids[i]);
  const auto begin = static_cast<uint32_t>(valid - rest.size());
  const int32_t word = kept == 0 ? 0 : out.words[kept - 1] + 1;
  rest += text.substr(valid);
  out = out.part(0, kept);
  std::vector<TokenSpan> tokens;
  const RunPool::Lease run = runs.take(*model);
  run->model->begin_text(options.seed, stream_of(sequence, stream) | uint64_t(1) << 63);
  run->model->tokenize(rest, true, tokens);
  for (const TokenSpan& token : tokens)
    out.add(token.id, {begin + token.begin, begin + token.end}, sequence, false, word, sequence);
  const OffsetMap offsets_of(text, options.unit);
  for (Offsets& at : out.offsets) at = offsets_of({at.begin, at.end});
  if (ids_only) {
    Encoding ids;
    ids.ids = std::move(out.ids);
    return ids;
  }
  return out;
}

// A sentencepiece model does all steps itself. Added tokens, which only a config can name, stand between its texts; a word
// begins with each piece that begins with a space.
Encoding Tokenizer::Parts::encode_sentencepiece(std::string_view text, int32_t sequence, const EncodeOptions& options, bool ids_only) const {
  constexpr std::string_view kSpace = "\xE2\x96\x81";
  Encoding out;
  const OffsetMap offsets_of(ids_only ? std::string_view() : text, options.unit);
  int32_t word = -1;
  const auto add = [&](std::string_view part, size_t begin) {
    if (ids_only) return model->sentencepiece()->encode_ids(part, out.ids);
    bool first = true;
    for (SentencePiece::Token& token : model->sentencepiece()->encode(part)) {
      if (first || token.piece.starts_with(kSpace)) word++;
      first = false;
      const Span span{static_cast<uint32_t>(begin + token.begin), static_cast<uint32_t>(begin + token.end)};
      out.add(token.id, std::move(token.piece), offsets_of(span), sequence, false, word, sequence);
    }
  };
  if (added.all().empty() || !is_valid_utf8(text)) {
    add(text, 0);
    return out;
  }
  Pieces pieces(text, !ids_only);
  added.cut_raw(pieces, options.specials_as_text || specials_as_text);
  for (const Piece& piece : pieces.all()) {
    const std::string_view part = pieces.text(piece);
    if (piece.token == Piece::kOpen)
      add(part, piece.begin);
    else if (ids_only)
      out.ids.push_back(piece.token);
    else
      out.add(piece.token, std::string(part), offsets_of({piece.begin, piece.end}), sequence, false, ++word, sequence);
  }
  return out;
}

Encoding Tokenizer::Parts::encode(std::string_view text, const EncodeOptions& options, bool ids_only) const {
  if (!ids_only)
    if (std::optional<Encoding> quick = quick_encoding(text, options)) return std::move(*quick);
  if (const std::optional<Around>& around = around_text[options.add_special]; ids_only && around && !options.pair && !options.truncation) {
    Encoding out = encode_one(text, 0, options, ids_only);
    out.ids.insert(out.ids.begin(), around->before.ids.begin(), around->before.ids.end());
    out.ids.insert(out.ids.end(), around->after.ids.begin(), around->after.ids.end());
    return out;
  }
  std::vector<Encoding> sequences;
  const auto add = [&](std::string_view one) {
    const auto index = static_cast<int32_t>(sequences.size());
    sequences.push_back(encode_one(one, index, options, ids_only));
  };
  add(text);
  if (options.pair) add(*options.pair);
  return finish(std::move(sequences), options);
}

Encoding Tokenizer::Parts::encode_words(std::span<const std::string> given, int32_t sequence, const EncodeOptions& options) const {
  Encoding out;
  for (size_t i = 0; i < given.size(); i++) {
    Encoding word = encode_one(given[i], sequence, options, false, static_cast<uint32_t>(i));
    word.words.assign(word.size(), static_cast<int32_t>(i));
    out.append(word);
  }
  return out;
}

// Cuts, adds the special tokens and joins.
Encoding Tokenizer::Parts::finish(std::vector<Encoding> sequences, const EncodeOptions& options) const {
  if (options.truncation) {
    Truncation left = *options.truncation;
    const size_t reserved = options.add_special && post_processor ? post_processor->added_tokens(sequences.size() == 2) : 0;
    if (reserved <= left.max_length) {
      left.max_length -= reserved;
      truncate(sequences, left);
    }
  }
  if (post_processor) sequences = post_processor->process(std::move(sequences), options.add_special);
  if (sequences.size() == 1) {
    sequences[0].bare = !post_processor;
    return std::move(sequences[0]);
  }
  Encoding out;
  for (Encoding& sequence : sequences) out.append(std::move(sequence));
  return out;
}

std::optional<std::string_view> Tokenizer::Parts::text_of(int32_t id) const {
  if (const AddedToken* token = added.find(id)) return added.text(*token);
  return model->vocab().token(id);
}

const DecodeTable* Tokenizer::Parts::decode_table() const {
  std::call_once(decoding_made_, [&] {
    const auto limit = static_cast<size_t>(std::max(model->vocab().max_id(), added.all().empty() ? -1 : added.all().back().id)) + 1;
    if (!decoder || limit > 2 * (model->vocab().size() + added.all().size()) + 1024) return;   // ids with many holes
    std::vector<DecodeTable::Token> tokens(limit);
    for (size_t id = 0; id < limit; ++id)
      if (const auto text = text_of(static_cast<int32_t>(id))) tokens[id] = {text, added.is_special_text(std::string(*text))};
    decoding_ = DecodeTable::make(json["decoder"], *decoder, tokens);
  });
  return decoding_ ? &*decoding_ : nullptr;
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

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& path, const std::optional<RankOptions>& ranks) {
  return build(read_tokenizer_files(path, ranks));
}

Result<Tokenizer> Tokenizer::from_gguf(const Json& metadata, std::string_view where) {
  return build(describe_gguf_vocab(metadata, where));
}

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
  const Json whole = to_json();
  const bool is_sentencepiece = parts_->model->sentencepiece() != nullptr;
  // A .model says its special tokens itself; one named in the configuration would be found in texts too.
  if (!is_sentencepiece || !whole["added_tokens"].empty()) {
    if (!config.contains("tokenizer_class")) config["tokenizer_class"] = "PreTrainedTokenizerFast";
    const SpecialRoles& r = parts_->roles;
    for (const auto& [name, id] : {std::pair("bos_token", r.bos), {"eos_token", r.eos}, {"unk_token", r.unk}, {"pad_token", r.pad},
                                   {"cls_token", r.cls}, {"sep_token", r.sep}, {"mask_token", r.mask}})
      if (!config.contains(name)) config[name] = id ? Json(*token_of(*id)) : Json();
  }
  const Status written = is_sentencepiece
                             ? write_file(folder / "tokenizer.model", *decode_base64(whole["model"]["proto"].get<std::string>()))
                             : write_file(folder / "tokenizer.json", tokenizer_json_text(whole));
  if (!written) return written;
  return write_file(folder / "tokenizer_config.json", to_text(config));
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  return parts_->encode(text, options, false);
}

std::vector<int32_t> Tokenizer::encode_ids(std::string_view text, const EncodeOptions& options) const {
  if (std::optional<std::vector<int32_t>> ids = parts_->quick_ids(text, options)) return std::move(*ids);
  return parts_->encode(text, options, true).ids;
}

void Tokenizer::encode_each(std::span<const std::string_view> texts, const EncodeOptions& options, const EachEncoding& each) const {
  if (const Parts::Around* const around = parts_->quick_around(options); around && !options.pool && parts_->words.how != WordWay::whole)
    return parts_->encode_each(texts, options, *around, each);
  EncodeOptions own = options;
  for (size_t i = 0; i < texts.size(); ++i, ++own.seed) {
    Encoding one = encode(texts[i], own);
    each(i, one);
  }
}

IdLists Tokenizer::encode_ids(std::span<const std::string_view> texts, const EncodeOptions& options) const {
  if (const auto& around = parts_->around_text[options.add_special]; around && !options.pair && !options.truncation && !options.pool && parts_->words.how != WordWay::whole)
    return parts_->ids_of_each(texts, options, *around);
  IdLists all;
  EncodeOptions own = options;
  for (const std::string_view text : texts) {
    all.ids.append(encode_ids(text, own));
    all.ends.push_back(all.ids.size());
    ++own.seed;
  }
  return all;
}

Encoding Tokenizer::encode_words(std::span<const std::string> words, const EncodeOptions& options) const {
  std::vector<Encoding> sequences;
  sequences.push_back(parts_->encode_words(words, 0, options));
  return parts_->finish(std::move(sequences), options);
}

Encoding Tokenizer::encode_words(std::span<const std::string> words, std::span<const std::string> pair, const EncodeOptions& options) const {
  std::vector<Encoding> sequences;
  sequences.push_back(parts_->encode_words(words, 0, options));
  sequences.push_back(parts_->encode_words(pair, 1, options));
  return parts_->finish(std::move(sequences), options);
}

const SentencePiece* Tokenizer::sentencepiece() const { return parts_->model->sentencepiece(); }

const std::optional<Truncation>& Tokenizer::truncation() const { return parts_->truncation; }
const std::optional<Padding>& Tokenizer::padding() const { return parts_->padding; }

TokenizerStages Tokenizer::stages(std::string_view text, const EncodeOptions& options) const {
  if (!is_valid_utf8(text)) return stages(repair_utf8(text).text, options);
  if (const SentencePiece* spm = parts_->model->sentencepiece()) return {spm->normalize(text), {std::string(text)}, {OffsetMap(text, options.unit)({0, static_cast<uint32_t>(text.size())})}};
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
  if (const SentencePiece* spm = parts_->model->sentencepiece(); spm && skip_special && spm->is_control(id)) return false;
  const auto text = parts_->text_of(id);
  return text && (!skip_special || !parts_->added.is_special_text(std::string(*text)));
}

// Added and control tokens stand between the texts of the others.
std::string Tokenizer::Parts::decode_sentencepiece(std::span<const int32_t> ids, bool skip_special) const {
  const SentencePiece& spm = *model->sentencepiece();
  std::string out;
  size_t from = 0;
  for (size_t i = 0; i <= ids.size(); i++) {
    const bool is_text = i < ids.size() && !added.find(ids[i]) && !spm.is_control(ids[i]);
    if (is_text) continue;
    if (i > from) out += spm.decode(ids.subspan(from, i - from));
    from = i + 1;
    if (i == ids.size()) break;
    const AddedToken* token = added.find(ids[i]);
    if (!skip_special || (token && !token->special)) out += text_of(ids[i]).value_or("");
  }
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  if (parts_->model->sentencepiece()) return parts_->decode_sentencepiece(ids, skip_special);
  if (const DecodeTable* table = parts_->decode_table()) return table->decode(ids, skip_special);
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

std::string Tokenizer::Parts::token_bytes(int32_t id) const {
  const auto text = text_of(id);
  if (!text) return {};
  if (const SentencePiece* spm = model->sentencepiece(); spm && !added.find(id)) return spm->token_bytes(id);
  return decoder ? decoder->token_bytes(std::string(*text)) : std::string(*text);
}

std::string Tokenizer::token_bytes(int32_t id) const { return parts_->token_bytes(id); }

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
  const SentencePiece* spm = parts_->model->sentencepiece();
  return found ? found->special : spm && spm->is_control(id);
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

int32_t Tokenizer::own_id_limit() const { return parts_->own_id_limit; }

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
