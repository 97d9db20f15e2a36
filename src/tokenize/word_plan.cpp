// Which tokenizers may read a text part by part, and where they may cut it.
#include "base/unicode.h"
#include "base/utf8.h"
#include "tokenize/tokenizer_parts.h"

namespace orrery {

namespace {
constexpr std::string_view kMetaspace = "\xE2\x96\x81";

// The normaliser of Llama 2's tokenizer.json: a ▁ in front, and for each space.
const Json& metaspace_normalizer() {
  static const Json made = {{"type", "Sequence"},
                            {"normalizers", Json::array({{{"type", "Prepend"}, {"prepend", kMetaspace}}, {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kMetaspace}}})}};
  return made;
}

std::string normalized(const Normalizer& normalizer, std::string text) {
  AlignedText made{.text = std::move(text), .origin = {}, .tracked = false};
  normalizer.normalize(made);
  return made.text;
}

}  // namespace

// Whether white space is left in its place, so that a text cut before it becomes what it becomes as a whole.
bool Tokenizer::Parts::keeps_white_space() const {
  for (const char space : {' ', '\n', '\r', '\t'}) {
    const std::string made = normalized(*normalizer, std::string("a") + space + "b");
    if (made.size() != 3 || !is(static_cast<unsigned char>(made[1]), kWhitespace) || (space == ' ' && made[1] != ' ')) return false;
  }
  return true;
}

// The cuts that white space does not make: around characters that the pre-tokenizer sets apart, or where the model never has a token.
void Tokenizer::Parts::plan_cuts(WordPlan& plan) const {
  PartCuts& cuts = plan.cuts;
  std::array<bool, 128> apart{}, visible{};
  std::array<unsigned char, 128> read{};   // what the normaliser makes of a character
  bool any_apart = false;
  for (unsigned char c = '!'; c < 127; ++c) {
    const std::string made = normalizer && plan.how == WordWay::apart ? normalized(*normalizer, std::string(1, static_cast<char>(c))) : std::string(1, static_cast<char>(c));
    visible[c] = made.size() == 1 && made[0] > ' ' && made[0] < 127;
    read[c] = visible[c] ? static_cast<unsigned char>(made[0]) : 0;
    apart[c] = visible[c] && read[c] == c && pre_tokenizer && pre_tokenizer->isolates(static_cast<char>(c));
    any_apart = any_apart || apart[c];
  }
  if (any_apart) {
    cuts.keeps_apart = normalizer && !normalizer->is_local_at_ascii();
    for (unsigned c = '!'; c < 127; ++c)
      for (unsigned other = 0; apart[c] && other < 256; ++other) {
        if (cuts.is_space(static_cast<char>(other))) continue;
        cuts.allow(static_cast<unsigned char>(other), static_cast<unsigned char>(c));
        if (other < 0x80 || !cuts.keeps_apart) cuts.allow(static_cast<unsigned char>(c), static_cast<unsigned char>(other));
      }
    return;
  }
  if (pre_tokenizer && !pre_tokenizer->cuts_at_spaces_alone()) return;
  const SafePairs safe = model->safe_pairs();
  plan.longest = safe.longest;
  plan.goes_on = plan.how == WordWay::apart;
  cuts.keeps_apart = normalizer && plan.how == WordWay::apart;
  if (plan.how == WordWay::metaspace)   // what is no space is left as it is
    for (unsigned char c = 0; c < 128; ++c) visible[c] = c != ' ', read[c] = c;
  for (unsigned char first = 0; first < 128; ++first)
    for (unsigned char second = 0; second < 128; ++second)
      if (visible[first] && visible[second] && safe.pairs.has(read[first], read[second])) cuts.allow(first, second);
}

WordPlan Tokenizer::Parts::plan_words() const {
  WordPlan plan;
  if (model->sentencepiece() || model->draws()) return plan;
  if (pre_tokenizer)
    if (const Words own = pre_tokenizer->words(); own.scan && own.bytes && model->reads_bytes()) {
      plan.how = WordWay::pieces;
      plan.scan = own.scan;
      return plan;
    }
  if (!pre_tokenizer) {
    if (!json.contains("normalizer") || json["normalizer"] != metaspace_normalizer() || !model->parts_at_metaspace()) return plan;
    // Added tokens in their normalised form stand where the rest of it does, in the text itself.
    for (const std::string& text : added.normalized_texts()) {
      std::string_view rest = text;
      while (rest.starts_with(kMetaspace)) rest.remove_prefix(kMetaspace.size());
      if (rest.empty() || rest.find(kMetaspace) != std::string_view::npos) return plan;
      plan.refused.add(rest, 0);
    }
    plan.how = WordWay::metaspace;
  } else {
    const SafeCuts safe = pre_tokenizer->safe_cuts();
    if (added.look_at_normalized() || safe == SafeCuts::none || (normalizer && !(normalizer->is_local() && keeps_white_space()))) return plan;
    plan.how = WordWay::apart;
    plan.cuts.lines = safe == SafeCuts::white_space;
    plan.cuts.drops_spaces = pre_tokenizer->drops_white_space();
  }
  plan.wide_cuts = plan.cuts;
  plan_cuts(plan);
  return plan;
}

// What the post-processor puts around the tokens of any text, where it leaves their ids as they are.
std::optional<Tokenizer::Parts::Around> Tokenizer::Parts::plan_around(bool add_special) const {
  const TokenTexts texts({model, &model->vocab()});
  Around around;
  around.before.texts = around.after.texts = texts;
  around.is_all = true;
  if (!post_processor) return around;
  constexpr int32_t kText = INT32_MIN;
  std::vector<Encoding> text(1);
  text[0].texts = texts;
  text[0].add(kText, {1, 2}, 0, false, 3, 0);
  size_t found = 0;
  try {
    for (const Encoding& part : post_processor->process(std::move(text), add_special))
      for (size_t i = 0; i < part.size(); ++i) {
        if (part.ids[i] == kText) {
          ++found;
          around.type_id = part.type_ids[i];
          around.is_all = post_processor->keeps_offsets() && part.offsets[i] == Offsets{1, 2} && !part.special[i] && part.words[i] == 3 && part.sequences[i] == 0;
          continue;
        }
        Encoding& to = found == 0 ? around.before : around.after;
        const std::string_view token = part.token(i);
        if (model->vocab().token(part.ids[i]) != token) to.texts.keep(to.size(), std::string(token));
        to.add(part.ids[i], part.offsets[i], part.type_ids[i], part.special[i], part.words[i], part.sequences[i]);
      }
  } catch (const Error&) {
    return std::nullopt;   // encoding will tell it
  }
  return found == 1 ? std::optional(around) : std::nullopt;
}

// Whether the normaliser takes the first character away. A character map then shifts the places of all that follows, as the reference's does.
bool Tokenizer::Parts::begins_with_nothing(std::string_view text) const {
  if (!normalizer || (text[0] >= '!' && text[0] <= '~')) return false;
  return normalized(*normalizer, std::string(text.substr(0, decode_utf8(text, 0).size))).empty();
}

bool Tokenizer::Parts::goes_by_parts(std::string_view text) const {
  return words.how != WordWay::whole && text.size() <= INT32_MAX && !words.refused.is_in(text);
}

}  // namespace orrery
