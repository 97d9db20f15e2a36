// Byte-pair encoding: a piece begins as its characters; as long as two neighbours have a merge, the pair whose merge was
// learned first (lowest rank) joins, the leftmost of equals. Sennrich et al. 2016, in the details as Hugging Face does it:
//
//   continuing_subword_prefix, end_of_word_suffix   decorate the characters that begin; a merge drops its right half's prefix
//   byte_fallback   an unknown character becomes its bytes' tokens "<0xE4>", if all exist
//   unk_token       stands for other unknown characters, `fuse_unk` one for a run; without one they vanish, and what
//                   stood on their two sides may merge
//   ignore_merges   a piece that is a token as a whole is that token
//   dropout         how often the lowest pair is passed over, to be asked again after the next that is not: BPE-dropout,
//                   Provilkov et al. 2020. A whole piece is then no token, and nothing is remembered
#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <queue>
#include <unordered_set>

#include "base/random.h"
#include "base/utf8.h"
#include "tokenize/aligned_text.h"
#include "tokenize/model.h"
#include "tokenize/models/char_cuts.h"
#include "tokenize/models/char_tokens.h"
#include "tokenize/models/long_word.h"
#include "tokenize/short_bytes.h"
#include "tokenize/step.h"
#include "tokenize/word_cache.h"
#include "tokenize/zero_array.h"

namespace orrery::token_models {

namespace {

constexpr size_t kMostExplained = 2000;   // characters of a piece whose merges are told one by one
constexpr std::string_view kMetaspace = "\xE2\x96\x81";   // ▁, a space of the text

struct Merge {
  uint32_t rank = 0;
  int32_t product = Vocab::kAbsent;   // the id of the joined token
};

// (left id, right id) → merge. Open addressing; filled once. Most pairs have none: a set of bits, which stays near the processor, tells
// nearly all of those.
class MergeTable {
 public:
  explicit MergeTable(size_t count)
      : size_(std::bit_ceil(count + count / 2 + 2)), slots_(ZeroArray<Slot>::dense(size_)), maybe_((size_ * kBitsPerSlot + 63) / 64), shift_(64 - std::countr_zero(size_)) {}

  void set(int32_t left, int32_t right, Merge merge) {
    const uint64_t wanted = key(left, right), bit = bit_of(wanted);
    maybe_[bit / 64] |= uint64_t(1) << bit % 64;
    slots_[locate(wanted)] = {~wanted, merge};
  }
  // Asks the memory for a pair's place, before it is looked at.
  void ask(int32_t left, int32_t right) const {
    const uint64_t wanted = key(left, right);
    __builtin_prefetch(&slots_[static_cast<size_t>(mixed(wanted) >> shift_)], 1);
    __builtin_prefetch(&maybe_[bit_of(wanted) / 64], 1);
  }
  // product is kAbsent where the pair has no merge.
  Merge find(int32_t left, int32_t right) const {
    const uint64_t wanted = key(left, right), bit = bit_of(wanted);
    if ((maybe_[bit / 64] >> bit % 64 & 1) == 0) return {};
    const Slot& slot = slots_[locate(wanted)];
    return slot.free() ? Merge{} : slot.merge;
  }

  template <class F>
  void each(F f) const {
    for (size_t at = 0; at < size_; ++at)
      if (const Slot& slot = slots_[at]; !slot.free()) f(static_cast<int32_t>(~slot.key >> 32), static_cast<int32_t>(~slot.key & 0xFFFFFFFF), slot.merge);
  }

 private:
  struct Slot {
    uint64_t key;   // the pair's, all bits turned, so that free slots are zeros: ids are not negative
    Merge merge;
    bool free() const { return key == 0; }
  };
  static uint64_t key(int32_t left, int32_t right) { return uint64_t(uint32_t(left)) << 32 | uint32_t(right); }
  static uint64_t mixed(uint64_t wanted) { return wanted * 0x9E3779B97F4A7C15u; }
  uint64_t bit_of(uint64_t wanted) const { return mixed(wanted) >> (shift_ - std::countr_zero(kBitsPerSlot)); }
  size_t locate(uint64_t wanted) const {
    size_t at = static_cast<size_t>(mixed(wanted) >> shift_);
    while (slots_[at].key != ~wanted && !slots_[at].free()) at = (at + 1) & (size_ - 1);
    return at;
  }

  static constexpr uint64_t kBitsPerSlot = 8;

  size_t size_;
  ZeroArray<Slot> slots_;
  std::vector<uint64_t> maybe_;
  int shift_;
};

class Bpe : public TokenModel {
 public:
  explicit Bpe(ModelConfig config);
  std::unique_ptr<ModelRun> run() const override;
  bool reads_bytes() const override { return prefix_.empty() && !byte_fallback_; }
  bool draws() const override { return drop_ > 0; }
  bool parts_at_metaspace() const override { return words_begin_with_metaspace_; }
  SafePairs safe_pairs() const override;
  const Vocab& vocab() const override { return vocab_; }
  Json to_json() const override;
  Json explain(std::string_view piece, bool bytes) const override;

 private:
  struct Run;

  const CharCuts* char_cuts(bool bytes) const;   // null where there may be none

  Vocab vocab_;
  MergeTable merges_;
  Json dropout_;                          // as given
  float drop_ = 0;                        // the probability
  bool has_unknown_ = false;
  UnknownToken unknown_;
  std::string prefix_, suffix_;
  Json given_prefix_, given_suffix_;   // as the file has them: absent, null or a text
  bool fuse_unk_ = false, byte_fallback_ = false, ignore_merges_ = false;
  // A merge whose product is no longer than its left half: then the reference's answer depends on its heap's expired
  // entries (see merge_long).
  bool odd_products_ = false;
  bool in_order_ = true;                      // no merge makes a token that an earlier merge joins
  size_t merges_count_ = 0;
  bool words_begin_with_metaspace_ = false;   // no merge joins a ▁ to another character before it
  std::array<int32_t, 256> byte_ids_;      // the token of each byte-level character
  std::array<int32_t, 256> last_byte_ids_; // the same at the end of a word, with the suffix
  std::vector<Merge> byte_merges_;         // of two bytes, left * 256 + right; none where some byte has no token
  std::array<int32_t, 256> fallback_ids_;  // "<0xE4>"
  std::array<int32_t, 128> ascii_ids_;
  bool joins_fallbacks_ = false;           // some merge joins a "<0xE4>", and characters fall back to those
  struct LazyCuts {
    std::once_flag made;
    CharCuts cuts;
  };
  mutable std::array<LazyCuts, 2> char_cuts_;   // of characters and of bytes, made for the first word that asks
};

struct Bpe::Run : ModelRun {
  friend class Bpe;
  explicit Run(const Bpe& of) : model(of) {}

  void begin_text(uint64_t seed, uint64_t stream) override { random = Random(seed, stream); }

  void tokenize(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) override {
    if (model.draws()) return merge_word(piece, bytes, out);
    const auto tokenize_one = [&](std::string_view word, std::vector<TokenSpan>& tokens) { merge_word(word, bytes, tokens); };
    if (!model.words_begin_with_metaspace_ || bytes) return cache.tokenize(piece, out, tokenize_one);
    for (size_t begin = 0; begin < piece.size();) {
      const size_t end = word_end(piece, begin);
      const size_t before = out.size();
      cache.tokenize(piece.substr(begin, end - begin), out, tokenize_one);
      for (size_t i = before; i < out.size(); i++) {
        out[i].begin += static_cast<uint32_t>(begin);
        out[i].end += static_cast<uint32_t>(begin);
      }
      begin = end;
    }
  }

  void tokenize_once(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) override {
    if (!model.words_begin_with_metaspace_ || bytes || model.draws()) return merge_word(piece, bytes, out);
    tokenize(piece, bytes, out);
  }

 private:
  // Where a ▁ follows another character, after `begin`.
  static size_t word_end(std::string_view piece, size_t begin) {
    size_t at = begin;
    while (piece.substr(at).starts_with(kMetaspace)) at += kMetaspace.size();
    return std::min(piece.find(kMetaspace, at), piece.size());
  }

  void merge_word(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) {
    if (model.ignore_merges_ && !model.draws() && piece.size() <= model.vocab_.longest()) {
      const int32_t id = model.vocab_.find(bytes ? spelled(piece) : piece);
      if (id != Vocab::kAbsent) return out.push_back({id, 0, static_cast<uint32_t>(piece.size())});
    }
    if (piece.size() <= WordKey::kLongest || model.odd_products_ || model.draws() || !merge_by_parts(piece, bytes, out)) merge_range(piece, 0, piece.size(), bytes, out);
  }

  // Part by part, where that gives the tokens of the whole: between characters that no token joins, and else by windows. False, with
  // nothing appended, where the word has a part that is unknown: such parts join or vanish.
  bool merge_by_parts(std::string_view piece, bool bytes, std::vector<TokenSpan>& out) {
    const size_t before = out.size();
    if (piece.size() > kHuge && before == 0) out.reserve(piece.size());   // untouched, it costs nothing; growing copies
    const CharCuts* cuts = model.char_cuts(bytes);
    for (size_t begin = 0, end = 0; begin < piece.size(); begin = end) {
      end = cuts ? cuts->next(piece, begin) : piece.size();
      if (begin == 0 && end == piece.size() && end <= LongWord::kWindow) return false;
      if (!merge_part(piece, begin, end, bytes, out)) {
        out.resize(before);
        return false;
      }
    }
    return true;
  }

  bool merge_part(std::string_view piece, size_t begin, size_t end, bool bytes, std::vector<TokenSpan>& out) {
    const auto merge = [&](size_t from, size_t to, std::vector<TokenSpan>& tokens) { return merge_range(piece, from, to, bytes, tokens); };
    if (end - begin > LongWord::kWindow) return long_word.tokenize(piece, begin, end, out, merge);
    const bool is_whole = begin == 0 && end == piece.size(), is_marked = end == piece.size() && !model.suffix_.empty();
    if (end - begin > WordKey::kLongest || is_whole || is_marked) return merge(begin, end, out);
    const size_t before = out.size();
    bool known = true;
    const std::string_view part = piece.substr(begin, end - begin);
    const auto find = [&](std::string_view, std::vector<TokenSpan>& tokens) {
      const size_t first = tokens.size();
      known = merge_range(piece, begin, end, bytes, tokens);
      for (size_t i = first; i < tokens.size(); i++) tokens[i].begin -= static_cast<uint32_t>(begin), tokens[i].end -= static_cast<uint32_t>(begin);
      return known;
    };
    if (const size_t place = CharTokens::place(part); place != CharTokens::kNowhere) chars[bytes].tokenize(place, part, out, find);
    else parts[bytes].tokenize(part, out, find);
    for (size_t i = before; i < out.size(); i++) {
      out[i].begin += static_cast<uint32_t>(begin);
      out[i].end += static_cast<uint32_t>(begin);
    }
    return known;
  }

  // Of bytes [begin, end) of a piece. False where they have an unknown part, which a wider range may have other tokens for.
  bool merge_range(std::string_view piece, size_t begin, size_t end, bool bytes, std::vector<TokenSpan>& out) {
    begin_symbols(piece, begin, end, bytes);
    if (symbols.size() > 1) {
      if (model.draws())
        merge_long([&] { return uniform(random.bits()) < model.drop_; });
      else if (symbols.size() <= kShort && !model.odd_products_)
        merge_short(bytes && !model.byte_merges_.empty() ? piece.substr(begin, end - begin) : std::string_view());
      else if (model.in_order_ && !model.odd_products_)
        merge_in_order();
      else
        merge_long([] { return false; });
    }
    auto at = static_cast<uint32_t>(begin);
    for (const Symbol& s : symbols) {
      if (s.bytes == 0) continue;
      out.push_back({s.id, at, at + s.bytes});
      at += s.bytes;
    }
    return !met_unknown;
  }

  // The tokens of the characters of bytes [begin, end) of a piece.
  void begin_symbols(std::string_view piece, size_t begin, size_t end, bool bytes) {
    symbols.clear();
    unknown_bytes = 0;
    met_unknown = false;
    if (bytes)
      for (size_t i = begin; i < end; i++) add_character((i + 1 < piece.size() ? model.byte_ids_ : model.last_byte_ids_)[static_cast<unsigned char>(piece[i])], 1, {});
    else
      add_characters(piece, begin, end);
    flush_unknown();
  }

  static constexpr size_t kHuge = size_t(1) << 16;
  static constexpr size_t kShort = 512;   // symbols up to which looking for the lowest rank beats keeping a heap
  static constexpr size_t kBlock = 16;
  static constexpr uint32_t kNoRank = UINT32_MAX;

  struct Symbol {
    int32_t id;
    uint32_t bytes;         // 0 once it was joined to the one before it
    int32_t previous = -1, next = -1;
  };
  struct Candidate {
    uint32_t rank, at;      // the left symbol's index
    int32_t product;
    bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : at > o.at; }
  };

  std::string_view spelled(std::string_view piece) { return spell_bytes(piece, spelling); }

  void add_characters(std::string_view piece, size_t begin, size_t end) {
    for (size_t at = begin; at < end;) {
      const uint32_t size = decode_utf8(piece, at).size;
      std::string_view text = piece.substr(at, size);
      const bool first = at == 0, last = at + size == piece.size();
      if ((!first && !model.prefix_.empty()) || (last && !model.suffix_.empty())) {
        spelling.assign(first ? "" : model.prefix_).append(text).append(last ? model.suffix_ : "");
        text = spelling;
      }
      const bool plain = text.size() == 1 && static_cast<unsigned char>(text[0]) < 0x80;
      add_character(plain ? model.ascii_ids_[static_cast<unsigned char>(text[0])] : model.vocab_.find(text), size, text);
      at += size;
    }
  }

  // `bytes` long in the piece and spelled `text` in the vocabulary.
  void add_character(int32_t id, uint32_t bytes, std::string_view text) {
    if (id != Vocab::kAbsent) {
      flush_unknown();
      symbols.push_back({id, bytes});
      return;
    }
    if (model.byte_fallback_) {
      const auto fallback = [&](char c) { return model.fallback_ids_[static_cast<unsigned char>(c)]; };
      if (std::all_of(text.begin(), text.end(), [&](char c) { return fallback(c) != Vocab::kAbsent; })) {
        for (const char c : text) symbols.push_back({fallback(c), 1});   // a waiting unknown token comes after these
        return;
      }
    }
    met_unknown = true;
    if (!model.has_unknown_) return;
    if (!model.fuse_unk_) flush_unknown();
    unknown_bytes += bytes;
  }

  void flush_unknown() {
    if (unknown_bytes > 0) symbols.push_back({model.unknown_.id(), unknown_bytes});
    unknown_bytes = 0;
  }

  // The lowest rank among all pairs, again and again: of the lowest of each 16. `bytes` are those that the symbols stand for, if they do.
  void merge_short(std::string_view bytes) {
    std::array<uint32_t, kShort> ranks;
    std::array<int32_t, kShort> products;
    std::array<uint32_t, kShort / kBlock> lowest;
    const size_t count = symbols.size(), blocks = (count + kBlock - 1) / kBlock;
    const auto set = [&](size_t i, Merge merge) {
      ranks[i] = merge.product == Vocab::kAbsent ? kNoRank : merge.rank;
      products[i] = merge.product;
    };
    const auto pair_at = [&](int32_t i) {
      const Symbol& left = symbols[static_cast<size_t>(i)];
      set(static_cast<size_t>(i), left.next < 0 ? Merge{} : model.merges_.find(left.id, symbols[static_cast<size_t>(left.next)].id));
    };
    const auto lowest_of = [&](size_t block) {
      uint32_t least = kNoRank;
      for (size_t i = 0; i < kBlock; i++) least = std::min(least, ranks[block * kBlock + i]);
      lowest[block] = least;
    };
    for (size_t i = 0; i < count; i++) {
      symbols[i].previous = static_cast<int32_t>(i) - 1;
      symbols[i].next = i + 1 < count ? static_cast<int32_t>(i) + 1 : -1;
    }
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
    for (size_t i = 0; i + 1 < count; i++) {
      if (bytes.empty()) pair_at(static_cast<int32_t>(i));
      else set(i, model.byte_merges_[byte(i) << 8 | byte(i + 1)]);
    }
    if (!bytes.empty() && !model.suffix_.empty()) pair_at(static_cast<int32_t>(count) - 2);   // the last byte may end a word
    std::fill(ranks.begin() + static_cast<std::ptrdiff_t>(count) - 1, ranks.begin() + static_cast<std::ptrdiff_t>(blocks * kBlock), kNoRank);
    for (size_t block = 0; block < blocks; block++) lowest_of(block);
    for (;;) {
      const auto block = static_cast<size_t>(std::min_element(lowest.begin(), lowest.begin() + static_cast<std::ptrdiff_t>(blocks)) - lowest.begin());
      if (lowest[block] == kNoRank) return;
      size_t at = block * kBlock;
      while (ranks[at] != lowest[block]) at++;
      Symbol& left = symbols[at];
      const auto gone = static_cast<size_t>(left.next);
      Symbol& right = symbols[gone];
      left.id = products[at];
      left.bytes += right.bytes;
      left.next = right.next;
      right.bytes = 0;
      if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = static_cast<int32_t>(at);
      ranks[gone] = kNoRank;
      pair_at(static_cast<int32_t>(at));
      lowest_of(block);
      if (gone / kBlock != block) lowest_of(gone / kBlock);
      if (left.previous < 0) continue;
      pair_at(left.previous);
      lowest_of(static_cast<size_t>(left.previous) / kBlock);
    }
  }

  // Where each merge comes after those that make its halves, a merge opens the way to later ones only: ranks are done with one after the
  // other, each from left to right, over lists of their places.
  void merge_in_order() {
    const auto count = static_cast<int32_t>(symbols.size());
    lists_of.assign(model.merges_count_, 0);
    lists.clear();
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ranks;
    const auto rank_at = [&](const Symbol& left) {
      const Merge merge = left.next < 0 ? Merge{} : model.merges_.find(left.id, symbols[static_cast<size_t>(left.next)].id);
      return merge.product == Vocab::kAbsent ? kNoRank : merge.rank;
    };
    const auto note = [&](int32_t at) {
      const uint32_t rank = rank_at(symbols[static_cast<size_t>(at)]);
      if (rank == kNoRank) return;
      if (lists_of[rank] == 0) {
        lists.emplace_back();
        lists_of[rank] = static_cast<uint32_t>(lists.size());
        ranks.push(rank);
      }
      lists[lists_of[rank] - 1].push_back(at);
    };
    for (int32_t i = 0; i < count; i++) {
      symbols[static_cast<size_t>(i)].previous = i - 1;
      symbols[static_cast<size_t>(i)].next = i + 1 < count ? i + 1 : -1;
    }
    for (int32_t i = 0; i < count; i++) note(i);
    while (!ranks.empty()) {
      const uint32_t rank = ranks.top();
      ranks.pop();
      std::vector<int32_t> places = std::move(lists[lists_of[rank] - 1]);
      lists_of[rank] = 0;
      if (!std::is_sorted(places.begin(), places.end())) std::sort(places.begin(), places.end());
      for (const int32_t at : places) {
        Symbol& left = symbols[static_cast<size_t>(at)];
        if (left.bytes == 0 || rank_at(left) != rank) continue;
        Symbol& right = symbols[static_cast<size_t>(left.next)];
        left.id = model.merges_.find(left.id, right.id).product;
        left.bytes += right.bytes;
        left.next = right.next;
        right.bytes = 0;
        if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = at;
        if (left.previous >= 0) note(left.previous);
        note(at);
      }
    }
  }

  // A heap of candidates. One whose pair has changed since still fires if the pair there now makes the same token, as in
  // the reference. Texts of tokens only grow, so that takes odd products. Those that `passes` come back after the next that is taken.
  template <class Passes>
  void merge_long(Passes passes) {
    const auto last = static_cast<int32_t>(symbols.size()) - 1;
    heap.clear();
    passed.clear();
    for (int32_t i = 0; i <= last; i++) {
      symbols[static_cast<size_t>(i)].previous = i - 1;
      symbols[static_cast<size_t>(i)].next = i == last ? -1 : i + 1;
      if (i < last) propose(i, false);
    }
    std::make_heap(heap.begin(), heap.end(), std::greater<>());
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end(), std::greater<>());
      const Candidate top = heap.back();
      heap.pop_back();
      if (passes()) {
        passed.push_back(top);
        continue;
      }
      for (const Candidate& back : passed) {
        heap.push_back(back);
        std::push_heap(heap.begin(), heap.end(), std::greater<>());
      }
      passed.clear();
      Symbol& left = symbols[top.at];
      if (left.bytes == 0 || left.next < 0) continue;
      Symbol& right = symbols[static_cast<size_t>(left.next)];
      if (model.merges_.find(left.id, right.id).product != top.product) continue;
      left.id = top.product;
      left.bytes += right.bytes;
      left.next = right.next;
      right.bytes = 0;
      if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = static_cast<int32_t>(top.at);
      if (left.previous >= 0) propose(left.previous, true);
      if (left.next >= 0) propose(static_cast<int32_t>(top.at), true);
    }
  }

  void propose(int32_t at, bool keep_order) {
    const Symbol& left = symbols[static_cast<size_t>(at)];
    const Merge merge = model.merges_.find(left.id, symbols[static_cast<size_t>(left.next)].id);
    if (merge.product == Vocab::kAbsent) return;
    heap.push_back({merge.rank, static_cast<uint32_t>(at), merge.product});
    if (keep_order) std::push_heap(heap.begin(), heap.end(), std::greater<>());
  }

  const Bpe& model;
  WordCache cache;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap, passed;
  Random random{0};
  std::vector<std::vector<int32_t>> lists;   // of places, for merge_in_order
  std::vector<uint32_t> lists_of;            // the list of a rank, from 1 on; 0 for none
  std::string spelling;
  uint32_t unknown_bytes = 0;   // of the unknown token that waits
  bool met_unknown = false;     // since the symbols began
  LongWord long_word;
  std::array<CharTokens, 2> chars;   // of parts of words, of characters and of bytes
  std::array<WordCache, 2> parts;
};

std::unique_ptr<ModelRun> Bpe::run() const { return std::make_unique<Run>(*this); }

Bpe::Bpe(ModelConfig config) : vocab_(std::move(config.vocab)), merges_(config.merges.size()) {
  const Json& fields = config.fields;
  prefix_ = text_field(fields, "continuing_subword_prefix", "");
  suffix_ = text_field(fields, "end_of_word_suffix", "");
  given_prefix_ = fields.value("continuing_subword_prefix", Json());
  given_suffix_ = fields.value("end_of_word_suffix", Json());
  fuse_unk_ = flag_field(fields, "fuse_unk", false);
  byte_fallback_ = flag_field(fields, "byte_fallback", false);
  ignore_merges_ = flag_field(fields, "ignore_merges", false);
  if (fields.contains("dropout")) dropout_ = fields["dropout"];
  if (!dropout_.is_null()) {
    drop_ = dropout_.is_number() ? dropout_.get<float>() : -1;
    if (!(drop_ >= 0 && drop_ <= 1)) bad_field(fields, "dropout", "null or a number from 0 to 1");
  }
  if (fields.contains("unk_token") && !fields["unk_token"].is_null()) {
    has_unknown_ = true;
    unknown_ = UnknownToken(text_field(fields, "unk_token"), vocab_);
  }

  for (unsigned b = 0; b < 256; b++) {
    constexpr char kHex[] = "0123456789ABCDEF";
    byte_ids_[b] = vocab_.find(to_utf8(byte_to_char(static_cast<unsigned char>(b))));
    last_byte_ids_[b] = vocab_.find(to_utf8(byte_to_char(static_cast<unsigned char>(b))) + suffix_);
    fallback_ids_[b] = vocab_.find(std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">");
    if (b < 128) ascii_ids_[b] = vocab_.find(to_utf8(b));
  }

  if (vocab_.shares_ids())
    throw Error{ErrorKind::bad_file, "two tokens of the vocabulary have the same id: merges by id would be ambiguous", ""};
  // Characters that vanish move the places of all that follows in the piece.
  const bool vanishes = !has_unknown_ && (!byte_fallback_ || std::find(fallback_ids_.begin(), fallback_ids_.end(), Vocab::kAbsent) != fallback_ids_.end());
  const bool plain = prefix_.empty() && suffix_.empty() && !ignore_merges_ && !vanishes && vocab_.find(kMetaspace) != Vocab::kAbsent;
  words_begin_with_metaspace_ = plain;
  merges_count_ = config.merges.size();
  in_order_ = static_cast<size_t>(vocab_.max_id() + 1) <= 2 * vocab_.size() + 1024;   // not looked at where ids are far apart
  std::vector<bool> joins(in_order_ ? static_cast<size_t>(vocab_.max_id() + 1) : 0);
  const int32_t lowest = *std::min_element(fallback_ids_.begin(), fallback_ids_.end()), highest = *std::max_element(fallback_ids_.begin(), fallback_ids_.end());
  const auto is_fallback = [&](int32_t id) {
    return id >= lowest && id <= highest && std::find(fallback_ids_.begin(), fallback_ids_.end(), id) != fallback_ids_.end();
  };
  constexpr uint32_t kBatch = 32;   // merges for which the memory is asked together
  std::array<std::array<uint64_t, 2>, kBatch> hashes;
  std::array<std::array<int32_t, 3>, kBatch> ids;   // left, right, product
  std::string joined;
  int32_t product = 0;
  const auto count = static_cast<uint32_t>(config.merges.size());
  for (uint32_t first = 0; first < count; first += kBatch) {
    const uint32_t size = std::min(kBatch, count - first);
    for (uint32_t i = 0; i < size; i++) {
      const auto [left, right] = config.merges[first + i];
      hashes[i] = {hash_bytes(left), hash_bytes(right)};
      for (const uint64_t hash : hashes[i]) vocab_.ask(hash);
    }
    for (uint32_t i = 0; i < size; i++) {
      const MergeList::Entry merge = config.merges[first + i];   // lambdas may not capture structured bindings
      const std::string_view left = merge.left, right = merge.right;
      const auto name = [&] { return std::to_string(first + i + 1); };
      const auto require = [&](std::string_view token, uint64_t hash) {
        const int32_t id = vocab_.find(token, hash);
        if (id == Vocab::kAbsent)
          throw Error{ErrorKind::bad_file, "merge " + name() + " ('" + std::string(left) + "' + '" + std::string(right) + "') needs the token '" + std::string(token) + "', which the vocabulary lacks", ""};
        return id;
      };
      const int32_t left_id = require(left, hashes[i][0]), right_id = require(right, hashes[i][1]);
      if (right.size() < prefix_.size())
        throw Error{ErrorKind::bad_file, "the right half of merge " + name() + ", '" + std::string(right) + "', is shorter than the continuing_subword_prefix", ""};
      // Most vocabularies list their tokens as merges made them.
      const std::string_view added = right.substr(prefix_.size()), next = vocab_.token(product + 1).value_or("");
      if (next.size() == left.size() + added.size() && same_bytes(next.substr(0, left.size()), left) && same_bytes(next.substr(left.size()), added)) {
        product++;
      } else {
        joined.assign(left).append(added);
        product = require(joined, hash_bytes(joined));
      }
      odd_products_ = odd_products_ || right.size() == prefix_.size() || left.empty();
      if (right.starts_with(kMetaspace) && !left.ends_with(kMetaspace)) words_begin_with_metaspace_ = false;
      ids[i] = {left_id, right_id, product};
      merges_.ask(left_id, right_id);
    }
    for (uint32_t i = 0; i < size; i++) {
      const auto [left_id, right_id, product_id] = ids[i];
      if (in_order_) {
        joins[static_cast<size_t>(left_id)] = joins[static_cast<size_t>(right_id)] = true;
        in_order_ = !joins[static_cast<size_t>(product_id)];
      }
      joins_fallbacks_ = joins_fallbacks_ || (byte_fallback_ && (is_fallback(left_id) || is_fallback(right_id)));
      merges_.set(left_id, right_id, {first + i, product_id});
    }
  }
  const auto has_all = [](const std::array<int32_t, 256>& tokens) { return std::find(tokens.begin(), tokens.end(), Vocab::kAbsent) == tokens.end(); };
  if (reads_bytes() && has_all(byte_ids_) && has_all(last_byte_ids_))
    for (const int32_t left : byte_ids_)
      for (const int32_t right : byte_ids_) byte_merges_.push_back(merges_.find(left, right));
}

// A character's token hangs on its place where it has a prefix, and on no text where it is spelled in bytes that join.
const CharCuts* Bpe::char_cuts(bool bytes) const {
  if (!prefix_.empty() || joins_fallbacks_) return nullptr;
  LazyCuts& lazy = char_cuts_[bytes];
  std::call_once(lazy.made, [&] {
    std::string spelled;
    vocab_.each([&](std::string_view token, int32_t) {
      if (token.ends_with(suffix_)) token.remove_suffix(suffix_.size());   // the text that it stands for
      if (is_ascii(token)) return;                                         // most tokens: they have no such places
      if (!bytes) return lazy.cuts.add(token);
      spelled.clear();
      for (size_t at = 0; at < token.size();) {
        const CodePoint c = decode_utf8(token, at);
        const int byte = char_to_byte(c.value);
        if (byte < 0) return;   // no merge makes it
        spelled.push_back(static_cast<char>(byte));
        at += c.size;
      }
      lazy.cuts.add(spelled);
    });
  });
  return &lazy.cuts;
}

// A token that spans two characters is a merge's product and has them side by side. A byte's token that has no merge never joins.
SafePairs Bpe::safe_pairs() const {
  SafePairs safe;
  if (!words_begin_with_metaspace_ || odd_products_) return safe;
  AsciiPairs joined;
  std::unordered_set<int32_t> alone(fallback_ids_.begin(), fallback_ids_.end());
  const bool never_unknown = byte_fallback_ && !alone.contains(Vocab::kAbsent);
  merges_.each([&](int32_t left, int32_t right, Merge merge) {
    joined.add_all(*vocab_.token(merge.product));
    alone.erase(left);
    alone.erase(right);
  });
  const auto is_token = [&](unsigned char c) { return ascii_ids_[c] != Vocab::kAbsent; };
  const auto is_byte = [&](unsigned char c) { return !is_token(c) && never_unknown && alone.contains(fallback_ids_[c]); };
  for (unsigned char first = 0; first < 128; first++)
    for (unsigned char second = 0; second < 128; second++)
      if (is_byte(first) ? is_token(second) || is_byte(second) : is_token(first) && (is_byte(second) || (is_token(second) && !joined.has(first, second))))
        safe.pairs.add(first, second);
  return safe;
}

// The merges one after the other: the lowest rank, the leftmost of equals; as if none were passed over by chance.
Json Bpe::explain(std::string_view piece, bool bytes) const {
  Json out = {{"model", "BPE"}};
  Run run(*this);
  if (draws()) out["dropout"] = dropout_;
  const int32_t whole = ignore_merges_ && !draws() ? vocab_.find(bytes ? run.spelled(piece) : piece) : Vocab::kAbsent;
  out["whole"] = whole != Vocab::kAbsent;
  if (whole != Vocab::kAbsent) return out;
  run.begin_symbols(piece, 0, piece.size(), bytes);
  if (run.symbols.size() > kMostExplained) return out;
  std::vector<int32_t> ids;
  for (const auto& symbol : run.symbols) ids.push_back(symbol.id);
  const auto text = [&](int32_t id) { return std::string(vocab_.token(id).value_or("")); };
  Json start = Json::array(), merges = Json::array();
  for (const int32_t id : ids) start.push_back(text(id));
  for (;;) {
    Merge lowest;
    size_t at = 0;
    for (size_t i = 0; i + 1 < ids.size(); i++) {
      const Merge merge = merges_.find(ids[i], ids[i + 1]);
      if (merge.product == Vocab::kAbsent || (lowest.product != Vocab::kAbsent && merge.rank >= lowest.rank)) continue;
      lowest = merge;
      at = i;
    }
    if (lowest.product == Vocab::kAbsent) break;
    merges.push_back({{"rank", lowest.rank}, {"left", text(ids[at])}, {"right", text(ids[at + 1])}, {"token", text(lowest.product)}});
    ids[at] = lowest.product;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
  out["start"] = std::move(start);
  out["merges"] = std::move(merges);
  return out;
}

Json Bpe::to_json() const {
  std::vector<std::array<int32_t, 3>> ordered;
  merges_.each([&](int32_t left, int32_t right, Merge merge) { ordered.push_back({static_cast<int32_t>(merge.rank), left, right}); });
  std::sort(ordered.begin(), ordered.end());
  Json merges = Json::array();
  for (const auto& [rank, left, right] : ordered)
    merges.push_back(Json::array({std::string(*vocab_.token(left)), std::string(*vocab_.token(right))}));
  return {{"type", "BPE"},
          {"dropout", dropout_},
          {"unk_token", has_unknown_ ? Json(unknown_.token()) : Json()},
          {"continuing_subword_prefix", given_prefix_},
          {"end_of_word_suffix", given_suffix_},
          {"fuse_unk", fuse_unk_},
          {"byte_fallback", byte_fallback_},
          {"ignore_merges", ignore_merges_},
          {"vocab", vocab_json(vocab_)},
          {"merges", std::move(merges)}};
}

}  // namespace

const ModelKind& bpe() {
  static const ModelKind kind = {.type = "BPE", .make = [](ModelConfig config) -> std::unique_ptr<TokenModel> {
                                   return std::make_unique<Bpe>(std::move(config));
                                 }};
  return kind;
}

}  // namespace orrery::token_models
