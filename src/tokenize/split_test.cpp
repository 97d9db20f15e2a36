#include "tokenize/split.h"

#include <doctest/doctest.h>

#include "tokenize/scanners.h"

namespace orrery {
namespace {

using Texts = std::vector<std::string>;

template <class Apply>
Texts cut(const std::string& text, Apply apply) {
  Pieces pieces(text, false);
  apply(pieces);
  Texts out;
  for (const Piece& piece : pieces.all()) out.emplace_back(pieces.text(piece));
  return out;
}

Texts at_dash(SplitBehavior behavior, bool invert = false) {
  return cut("the-final--countdown", [&](Pieces& p) { split_pieces(p, behavior, invert, each_string("-")); });
}

Texts gpt2(const std::string& text) {
  return cut(text, [](Pieces& p) { p.split([](std::string_view t, auto emit) { scan_gpt2(t, emit); }); });
}

Texts pre_tokenized(const char* config, const std::string& text) {
  const auto step = make_pre_tokenizer(parse_json(config, "test").value());
  return cut(text, [&](Pieces& p) {
    step->pre_tokenize(p);
    p.spell_bytes();
  });
}

}  // namespace

TEST_CASE("the five behaviours at a delimiter") {
  CHECK(at_dash(SplitBehavior::removed) == Texts{"the", "final", "countdown"});
  CHECK(at_dash(SplitBehavior::isolated) == Texts{"the", "-", "final", "-", "-", "countdown"});
  CHECK(at_dash(SplitBehavior::merged_with_previous) == Texts{"the-", "final-", "-", "countdown"});
  CHECK(at_dash(SplitBehavior::merged_with_next) == Texts{"the", "-final", "-", "-countdown"});
  CHECK(at_dash(SplitBehavior::contiguous) == Texts{"the", "-", "final", "--", "countdown"});
  CHECK(at_dash(SplitBehavior::removed, true) == Texts{"-", "-", "-"});
}

TEST_CASE("GPT-2's expression is scanned as it would match") {
  CHECK(gpt2("Hello world") == Texts{"Hello", " world"});
  CHECK(gpt2("a   b") == Texts{"a", "  ", " b"});
  CHECK(gpt2("b\n\n c") == Texts{"b", "\n\n", " c"});
  CHECK(gpt2("end  ") == Texts{"end", "  "});
  CHECK(gpt2("\n x") == Texts{"\n", " x"});
  CHECK(gpt2("\tx") == Texts{"\t", "x"});
  CHECK(gpt2("I'm sure you've") == Texts{"I", "'m", " sure", " you", "'ve"});
  CHECK(gpt2("I'M 'll '") == Texts{"I", "'", "M", " '", "ll", " '"});
  CHECK(gpt2("x1234 5.6") == Texts{"x", "1234", " 5", ".", "6"});
  CHECK(gpt2("!'s") == Texts{"!'", "s"});
  CHECK(gpt2("\u0928\u093F") == Texts{"\u0928", "\u093F"});   // a mark is no letter
  CHECK(gpt2("a\u3000b") == Texts{"a", "\u3000", "b"});
  CHECK(gpt2("").empty());
}

TEST_CASE("Llama 3's expression is scanned as it would match") {
  const auto llama3 = [](const std::string& text) {
    return cut(text, [](Pieces& p) { p.split([](std::string_view t, auto emit) { scan_llama3(t, 3, emit); }); });
  };
  CHECK(llama3("(hello \tworld") == Texts{"(hello", " ", "\tworld"});
  CHECK(llama3("1234567 8") == Texts{"123", "456", "7", " ", "8"});
  CHECK(llama3("I'LL 'll it'\u017F") == Texts{"I", "'LL", " '", "ll", " it", "'\u017F"});
  CHECK(llama3("a.\n\n b \n c") == Texts{"a", ".\n\n", " b", " \n", " c"});
  CHECK(llama3(" \n \n  x") == Texts{" \n \n", " ", " x"});
  CHECK(llama3("\nx  ") == Texts{"\n", "x", "  "});
}

TEST_CASE("pre-tokenizers cut where the reference does") {
  CHECK(pre_tokenized(R"({"type": "Whitespace"})", "Hi_you, c'est 5½!") == Texts{"Hi_you", ",", "c", "'", "est", "5", "½!"});
  CHECK(pre_tokenized(R"({"type": "WhitespaceSplit"})", " a\tb\u00A0c ") == Texts{"a", "b", "c"});
  CHECK(pre_tokenized(R"({"type": "BertPreTokenizer"})", "don't c€d $5") == Texts{"don", "'", "t", "c€d", "$", "5"});
  CHECK(pre_tokenized(R"({"type": "Digits", "individual_digits": true})", "a12") == Texts{"a", "1", "2"});
  CHECK(pre_tokenized(R"({"type": "Digits", "individual_digits": false})", "a12b") == Texts{"a", "12", "b"});
  CHECK(pre_tokenized(R"({"type": "Punctuation"})", "a!!b") == Texts{"a", "!", "!", "b"});
  CHECK(pre_tokenized(R"({"type": "FixedLength", "length": 2})", "äbcde") == Texts{"äb", "cd", "e"});
  CHECK(pre_tokenized(R"({"type": "CharDelimiterSplit", "delimiter": "-"})", "a-b--c") == Texts{"a", "b", "c"});
  CHECK(pre_tokenized(R"({"type": "Split", "pattern": {"String": "."}, "behavior": "Isolated", "invert": false})", "a.b") ==
        Texts{"a", ".", "b"});
  CHECK(pre_tokenized(R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true})", "a  b") ==
        Texts{"▁a", "▁", "▁b"});
  CHECK(pre_tokenized(R"({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": false})", "a b") ==
        Texts{"a▁b"});
  CHECK(pre_tokenized(R"({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true})", "é a") == Texts{"ĠÃ©", "Ġa"});
  CHECK(pre_tokenized(R"({"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
                          {"type": "Digits", "individual_digits": true}]})", "a 12") == Texts{"a", "Ġ", "1", "2"});
}

TEST_CASE("a step that is not known, or lacks a field, is refused by name") {
  const auto refusal = [](const char* config) {
    try {
      make_pre_tokenizer(parse_json(config, "test").value());
    } catch (const Error& error) {
      return error;
    }
    return Error{ErrorKind::io, "it was taken", ""};
  };
  CHECK(refusal(R"({"type": "Scissors"})").kind == ErrorKind::unsupported);
  CHECK(refusal(R"({"type": "Scissors"})").what.find("Scissors") != std::string::npos);
  CHECK(refusal(R"({"type": "Split", "pattern": {"Regex": "\\X"}, "behavior": "Isolated", "invert": false})").kind == ErrorKind::unsupported);
  CHECK(refusal(R"({"type": "Split", "pattern": 5, "behavior": "Isolated", "invert": false})").kind == ErrorKind::bad_file);
  CHECK(refusal(R"({"type": "Split", "pattern": {"String": "."}, "behavior": "Sideways", "invert": false})").kind == ErrorKind::bad_file);
  CHECK(refusal(R"({"type": "Digits"})").what.find("individual_digits") != std::string::npos);
  CHECK(refusal(R"({"type": "FixedLength", "length": 0})").kind == ErrorKind::bad_file);
  CHECK(refusal(R"({"no": "type"})").kind == ErrorKind::bad_file);
  CHECK(refusal("[]").kind == ErrorKind::bad_file);
}

}  // namespace orrery
