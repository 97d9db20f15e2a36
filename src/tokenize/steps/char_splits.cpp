// The pre-tokenizers that cut at characters of a class:
//   WhitespaceSplit     white space, dropped
//   Punctuation         punctuation, `behavior` (Isolated)
//   Digits              numeric characters, each alone or in runs
//   CharDelimiterSplit  one given character, dropped
//   BertPreTokenizer    white space dropped, then punctuation alone
#include "tokenize/split.h"

namespace orrery::steps {

namespace {

struct WhitespaceSplit : PreTokenizer {
  SafeCuts safe_cuts() const override { return SafeCuts::white_space; }
  bool is_local() const override { return true; }
  bool drops_white_space() const override { return true; }
  bool cuts_at_spaces_alone() const override { return true; }
  std::optional<std::string_view> before_whole(std::string_view text) const override {
    bool found = false;
    each_of(kWhitespace)(text, [&](size_t, size_t) { found = true; });
    return found ? std::nullopt : std::optional<std::string_view>("");
  }
  void pre_tokenize(Pieces& pieces) const override {
    split_at(pieces, SplitBehavior::removed, kWhitespace);
  }
};

struct Punctuation : PreTokenizer {
  bool is_local() const override { return true; }
  bool isolates(char c) const override { return behavior == SplitBehavior::isolated && is(static_cast<unsigned char>(c), kPunctuation); }
  SplitBehavior behavior = SplitBehavior::isolated;
  void pre_tokenize(Pieces& pieces) const override { split_at(pieces, behavior, kPunctuation); }
};

struct Digits : PreTokenizer {
  bool is_local() const override { return true; }
  SplitBehavior behavior = SplitBehavior::contiguous;
  void pre_tokenize(Pieces& pieces) const override { split_at(pieces, behavior, kNumeric); }
};

struct CharDelimiterSplit : PreTokenizer {
  std::string delimiter;
  void pre_tokenize(Pieces& pieces) const override {
    split_pieces(pieces, SplitBehavior::removed, false, each_string(delimiter));
  }
};

struct BertPreTokenizer : PreTokenizer {
  SafeCuts safe_cuts() const override { return SafeCuts::white_space; }
  bool is_local() const override { return true; }
  bool drops_white_space() const override { return true; }
  bool isolates(char c) const override { return is(static_cast<unsigned char>(c), kPunctuation); }
  void pre_tokenize(Pieces& pieces) const override {
    pieces.split([](std::string_view text, auto emit) {
      size_t word = 0;   // where the open word begins
      for (size_t at = 0; at < text.size();) {
        const CodePoint c = decode_valid_utf8(text, at);
        const size_t end = at + c.size;
        if (is(c.value, kWhitespace | kPunctuation)) {
          emit(word, at);
          if (!is(c.value, kWhitespace)) emit(at, end);
          word = end;
        }
        at = end;
      }
      emit(word, text.size());
    });
  }
};

}  // namespace

const StepKind& whitespace_split() {
  static const StepKind kind = {.type = "WhitespaceSplit", .pre_tokenizer = [](const Json&) -> std::unique_ptr<PreTokenizer> {
                                  return std::make_unique<WhitespaceSplit>();
                                }};
  return kind;
}

const StepKind& punctuation() {
  static const StepKind kind = {.type = "Punctuation",
                                .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
                                  auto step = std::make_unique<Punctuation>();
                                  if (config.contains("behavior")) step->behavior = behavior_field(config, "behavior");
                                  return step;
                                }};
  return kind;
}

const StepKind& digits() {
  static const StepKind kind = {
      .type = "Digits", .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
        auto step = std::make_unique<Digits>();
        if (flag_field(config, "individual_digits")) step->behavior = SplitBehavior::isolated;
        return step;
      }};
  return kind;
}

const StepKind& char_delimiter_split() {
  static const StepKind kind = {.type = "CharDelimiterSplit",
                                .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
                                  auto step = std::make_unique<CharDelimiterSplit>();
                                  step->delimiter = to_utf8(char_field(config, "delimiter"));
                                  return step;
                                }};
  return kind;
}

const StepKind& bert_pre_tokenizer() {
  static const StepKind kind = {
      .type = "BertPreTokenizer", .pre_tokenizer = [](const Json&) -> std::unique_ptr<PreTokenizer> {
        return std::make_unique<BertPreTokenizer>();
      }};
  return kind;
}

}  // namespace orrery::steps
