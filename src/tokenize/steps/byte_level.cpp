// ByteLevel: texts as bytes, spelled in 256 printable characters (GPT-2). Four roles:
//   normalizer      spells the text in the byte alphabet
//   pre-tokenizer   puts a space in front, cuts by GPT-2's expression, spells the pieces in the byte alphabet
//   post-processor  trims white space off the offsets
//   decoder         turns the spelling back into bytes and these into text, U+FFFD for each maximal invalid part
#include "tokenize/steps/byte_level.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

struct ByteLevelNormalizer : Normalizer {
  void normalize(AlignedText& text) const override { bytes_to_chars(text); }
};

struct ByteLevelPreTokenizer : PreTokenizer {
  bool add_prefix_space = true, use_regex = true;

  Words words() const override {
    if (add_prefix_space) return {};
    return {.scan = use_regex ? words_gpt2 : nullptr, .bytes = true};
  }

  void pre_tokenize(Pieces& pieces) const override {
    if (add_prefix_space)
      pieces.rewrite([](AlignedText& text) {
        if (!text.text.starts_with(' ')) text.prepend(" ");
      });
    if (use_regex) pieces.split([](std::string_view text, auto emit) { each_word(words_gpt2, text, emit); });
    pieces.spell_bytes();   // an earlier ByteLevel's spelling is spelled again
    pieces.read_as_bytes();
  }
};

struct ByteLevelProcessor : PostProcessor {
  bool add_prefix_space = true, trims = true;

  std::vector<Encoding> process(std::vector<Encoding> sequences, bool) const override {
    if (trims)
      for (Encoding& sequence : sequences) trim_offsets(sequence, add_prefix_space);
    return sequences;
  }
  bool keeps_offsets() const override { return !trims; }
};

struct ByteLevelDecoder : Decoder {
  void decode(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (std::string& token : tokens) bytes += token_bytes(std::move(token));
    tokens.assign(1, repair_utf8(bytes).text);
  }

  // A token with any character outside the alphabet is plain text: an added token.
  std::string token_bytes(std::string token) const override {
    std::string bytes;
    for (size_t at = 0; at < token.size();) {
      const CodePoint c = decode_utf8(token, at);
      const int byte = char_to_byte(c.value);
      if (byte < 0) return token;
      bytes.push_back(static_cast<char>(byte));
      at += c.size;
    }
    return bytes;
  }
};

}  // namespace

void trim_offsets(Encoding& encoding, bool add_prefix_space) {
  const auto is_space = [](char32_t c) { return c == byte_to_char(' ') || is(c, kWhitespace); };
  for (size_t i = 0; i < encoding.offsets.size(); i++) {   // none in an encoding of ids alone
    const std::string_view token = encoding.token(i);
    Offsets& offsets = encoding.offsets[i];
    uint32_t leading = 0, trailing = 0;
    for (size_t at = 0; at < token.size(); leading++) {
      const CodePoint c = decode_utf8(token, at);
      if (!is_space(c.value)) break;
      at += c.size;
    }
    for (size_t end = token.size(); end > 0; trailing++) {
      const size_t last = previous_utf8(token, end);
      if (!is_space(decode_utf8(token, last).value)) break;
      end = last;
    }
    if (leading > 0) {
      const bool is_first = i == 0 || offsets.begin == 0;
      if (is_first && add_prefix_space && leading == 1) leading = 0;
      offsets.begin = std::min(offsets.begin + leading, offsets.end);
    }
    if (trailing > 0 && offsets.end >= trailing) offsets.end = std::max(offsets.end - trailing, offsets.begin);
  }
  for (Encoding& window : encoding.overflow) trim_offsets(window, add_prefix_space);
}

const StepKind& byte_level() {
  static const StepKind kind = {
      .type = "ByteLevel",
      .normalizer = [](const Json&) -> std::unique_ptr<Normalizer> { return std::make_unique<ByteLevelNormalizer>(); },
      .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
        auto step = std::make_unique<ByteLevelPreTokenizer>();
        step->add_prefix_space = flag_field(config, "add_prefix_space");
        step->use_regex = flag_field(config, "use_regex", true);
        return step;
      },
      .post_processor = [](const Json& config) -> std::unique_ptr<PostProcessor> {
        auto step = std::make_unique<ByteLevelProcessor>();
        step->add_prefix_space = flag_field(config, "add_prefix_space");
        step->trims = flag_field(config, "trim_offsets");
        return step;
      },
      .decoder = [](const Json&) -> std::unique_ptr<Decoder> { return std::make_unique<ByteLevelDecoder>(); }};
  return kind;
}

}  // namespace orrery::steps
