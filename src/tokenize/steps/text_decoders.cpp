// Decoders that need a few lines each:
//   WordPiece     tokens apart by spaces, continuations ("##ing") joined; `cleanup` tidies English punctuation
//   BPEDecoder    the end-of-word suffix becomes a space, and nothing after the last token
//   ByteFallback  runs of "<0xE4>" tokens become text, or U+FFFD for each byte where they are not valid UTF-8
//   Fuse          all tokens into one
//   CTC           repeats and padding go, the word delimiter becomes a space
#include <algorithm>

#include "base/utf8.h"
#include "tokenize/step.h"

namespace orrery::steps {

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  if (what.empty()) return;
  size_t at = text.find(what);
  if (at == std::string::npos) return;
  std::string out;
  size_t kept = 0;
  for (; at != std::string::npos; at = text.find(what, kept)) {
    out.append(text, kept, at - kept).append(with);
    kept = at + what.size();
  }
  text = out.append(text, kept);
}

// The rules of Hugging Face's clean-up, in their order.
void clean_up(std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},           {" ,", ","},   {" ' ", "'"},  {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [what, with] : kRules) replace_all(text, what, with);
}

struct WordPiece : Decoder {
  std::string prefix = "##";
  bool cleanup = true;

  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); i++) {
      if (i > 0) tokens[i] = token_bytes(std::move(tokens[i]));
      if (cleanup) clean_up(tokens[i]);
    }
  }
  std::string token_bytes(std::string token) const override {
    return token.starts_with(prefix) ? token.substr(prefix.size()) : " " + token;
  }
};

struct BpeDecoder : Decoder {
  std::string suffix;

  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); i++) replace_all(tokens[i], suffix, i + 1 == tokens.size() ? "" : " ");
  }
  std::string token_bytes(std::string token) const override {
    replace_all(token, suffix, " ");
    return token;
  }
};

// The byte that a token like "<0x0A>" stands for, or -1.
int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  int byte = 0;
  for (const char c : token.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return -1;
    byte = byte * 16 + digit;
  }
  return byte;
}

struct ByteFallback : Decoder {
  void decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (is_valid_utf8(bytes)) {
        if (!bytes.empty()) out.push_back(bytes);
      } else {
        out.insert(out.end(), bytes.size(), std::string(kReplacementText));
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = fallback_byte(token); byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
  std::string token_bytes(std::string token) const override {
    const int byte = fallback_byte(token);
    return byte < 0 ? token : std::string(1, static_cast<char>(byte));
  }
};

struct Fuse : Decoder {
  void decode(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens.assign(1, all);
  }
};

struct Ctc : Decoder {
  std::string pad, delimiter;
  bool cleanup = true;

  void decode(std::vector<std::string>& tokens) const override {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) token = token_bytes(std::move(token));
    std::erase(tokens, "");
  }
  std::string token_bytes(std::string token) const override {
    replace_all(token, pad, "");
    if (cleanup) {
      clean_up(token);
      replace_all(token, delimiter, " ");
    }
    return token;
  }
};

}  // namespace

const StepKind& word_piece() {
  static const StepKind kind = {.type = "WordPiece", .decoder = [](const Json& config) -> std::unique_ptr<Decoder> {
                                  auto step = std::make_unique<WordPiece>();
                                  step->prefix = text_field(config, "prefix");
                                  step->cleanup = flag_field(config, "cleanup");
                                  return step;
                                }};
  return kind;
}

const StepKind& bpe_decoder() {
  static const StepKind kind = {.type = "BPEDecoder", .decoder = [](const Json& config) -> std::unique_ptr<Decoder> {
                                  auto step = std::make_unique<BpeDecoder>();
                                  step->suffix = text_field(config, "suffix");
                                  if (step->suffix.empty()) bad_field(config, "suffix", "a string that is not empty");
                                  return step;
                                }};
  return kind;
}

const StepKind& byte_fallback() {
  static const StepKind kind = {.type = "ByteFallback", .decoder = [](const Json&) -> std::unique_ptr<Decoder> {
                                  return std::make_unique<ByteFallback>();
                                }};
  return kind;
}

const StepKind& fuse() {
  static const StepKind kind = {.type = "Fuse", .decoder = [](const Json&) -> std::unique_ptr<Decoder> {
                                  return std::make_unique<Fuse>();
                                }};
  return kind;
}

const StepKind& ctc() {
  static const StepKind kind = {.type = "CTC", .decoder = [](const Json& config) -> std::unique_ptr<Decoder> {
                                  auto step = std::make_unique<Ctc>();
                                  step->pad = text_field(config, "pad_token");
                                  step->delimiter = text_field(config, "word_delimiter_token");
                                  step->cleanup = flag_field(config, "cleanup");
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
