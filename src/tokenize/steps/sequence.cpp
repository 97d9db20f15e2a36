// Sequence: steps of one role, one after the other.
#include <algorithm>

#include "tokenize/step.h"

namespace orrery::steps {

namespace {

template <class Role>
std::vector<std::unique_ptr<Role>> make_all(const Json& config, const char* field, std::unique_ptr<Role> (*make)(const Json&)) {
  std::vector<std::unique_ptr<Role>> all;
  for (const Json& one : list_field(config, field)) all.push_back(make(one));
  return all;
}

struct NormalizerSequence : Normalizer {
  std::vector<std::unique_ptr<Normalizer>> all;
  bool is_local() const override {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->is_local(); });
  }
  bool is_local_at_ascii() const override {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->is_local_at_ascii(); });
  }
  bool leaves(std::string_view text) const override {
    return std::all_of(all.begin(), all.end(), [&](const auto& one) { return one->leaves(text); });
  }
  void normalize(AlignedText& text) const override {
    for (const auto& one : all) one->normalize(text);
  }
};

struct PreTokenizerSequence : PreTokenizer {
  std::vector<std::unique_ptr<PreTokenizer>> all;
  Words words() const override {   // of one that cuts and one that reads bytes
    if (all.size() != 2) return {};
    const Words first = all[0]->words(), second = all[1]->words();
    return first.scan && !first.bytes && !second.scan && second.bytes ? Words{.scan = first.scan, .bytes = true} : Words{};
  }
  SafeCuts safe_cuts() const override {   // the first step's, where the others look at its pieces alone
    if (all.empty() || !std::all_of(all.begin() + 1, all.end(), [](const auto& one) { return one->is_local(); })) return SafeCuts::none;
    return all[0]->safe_cuts();
  }
  bool is_local() const override {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->is_local(); });
  }
  bool drops_white_space() const override { return !all.empty() && all[0]->drops_white_space(); }
  bool cuts_at_spaces_alone() const override {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->cuts_at_spaces_alone(); });
  }
  bool adds_prefix() const override {
    return std::any_of(all.begin(), all.end(), [](const auto& one) { return one->adds_prefix(); });
  }
  bool isolates(char c) const override {   // before any step puts something in front of what it is given
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) { return one->isolates(c) || one->adds_prefix(); });
    return is_local() && found != all.end() && (*found)->isolates(c);
  }
  std::optional<std::string_view> before_whole(std::string_view text) const override {   // of one step at most, the last
    std::string_view before;
    for (const auto& one : all) {
      const auto own = before.empty() ? one->before_whole(text) : std::nullopt;
      if (!own) return std::nullopt;
      before = *own;
    }
    return before;
  }
  void pre_tokenize(Pieces& pieces) const override {
    for (const auto& one : all) one->pre_tokenize(pieces);
  }
  bool needs_origins() const override {
    for (const auto& one : all)
      if (one->needs_origins()) return true;
    return false;
  }
};

struct PostProcessorSequence : PostProcessor {
  std::vector<std::unique_ptr<PostProcessor>> all;
  std::vector<Encoding> process(std::vector<Encoding> sequences, bool add_special) const override {
    for (const auto& one : all) sequences = one->process(std::move(sequences), add_special);
    return sequences;
  }
  size_t added_tokens(bool pair) const override {
    size_t count = 0;
    for (const auto& one : all) count += one->added_tokens(pair);
    return count;
  }
  bool keeps_offsets() const override {
    return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->keeps_offsets(); });
  }
};

struct DecoderSequence : Decoder {
  std::vector<std::unique_ptr<Decoder>> all;
  void decode(std::vector<std::string>& tokens) const override {
    const auto size = [&] {
      size_t bytes = 0;
      for (const std::string& token : tokens) bytes += token.size();
      return bytes;
    };
    const size_t limit = (size_t(1) << 20) + 64 * size();
    for (const auto& one : all) {
      one->decode(tokens);
      check_growth(size(), limit);
    }
  }
  std::string token_bytes(std::string token) const override {
    for (const auto& one : all) token = one->token_bytes(std::move(token));
    return token;
  }
};

}  // namespace

const StepKind& sequence() {
  static const StepKind kind = {.type = "Sequence",
                                .normalizer = [](const Json& config) -> std::unique_ptr<Normalizer> {
                                  auto step = std::make_unique<NormalizerSequence>();
                                  step->all = make_all(config, "normalizers", make_normalizer);
                                  return step;
                                },
                                .pre_tokenizer = [](const Json& config) -> std::unique_ptr<PreTokenizer> {
                                  auto step = std::make_unique<PreTokenizerSequence>();
                                  step->all = make_all(config, "pretokenizers", make_pre_tokenizer);
                                  return step;
                                },
                                .post_processor = [](const Json& config) -> std::unique_ptr<PostProcessor> {
                                  auto step = std::make_unique<PostProcessorSequence>();
                                  step->all = make_all(config, "processors", make_post_processor);
                                  return step;
                                },
                                .decoder = [](const Json& config) -> std::unique_ptr<Decoder> {
                                  auto step = std::make_unique<DecoderSequence>();
                                  step->all = make_all(config, "decoders", make_decoder);
                                  return step;
                                }};
  return kind;
}

}  // namespace orrery::steps
