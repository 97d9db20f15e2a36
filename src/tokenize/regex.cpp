#include "tokenize/regex.h"

#include <algorithm>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/unicode.h"
#include "base/utf8.h"

namespace orrery {

namespace {

using Node = RegexNode;
using Kind = RegexNode::Kind;

constexpr size_t kMostSteps = 200000;                 // of a program
constexpr uint32_t kMostBehind = 255;                 // characters that a look-behind may look back
constexpr uint64_t kSearchSteps = 4'000'000;          // of a search, and for each byte of the text:
constexpr uint64_t kSearchStepsPerByte = 200;

bool can_be_empty(const Node& node) {
  const auto child_can = [](const Node& child) { return can_be_empty(child); };
  switch (node.kind) {
    case Kind::character:
    case Kind::set: return false;
    case Kind::sequence:
    case Kind::group:
    case Kind::atomic: return std::all_of(node.children.begin(), node.children.end(), child_can);
    case Kind::alternatives: return std::any_of(node.children.begin(), node.children.end(), child_can);
    case Kind::repeat: return node.low == 0 || can_be_empty(node.children[0]);
    default: return true;
  }
}

// The bytes with which a match of the node may begin.
void add_first_bytes(const Node& node, std::array<bool, 256>& bytes) {
  const auto add_long = [&] { std::fill(bytes.begin() + 0x80, bytes.end(), true); };
  switch (node.kind) {
    case Kind::character:
      if (!node.fold) {
        bytes[static_cast<unsigned char>(to_utf8(node.character)[0])] = true;
        return;
      }
      for (char32_t c = 0; c < 128; c++) bytes[c] = bytes[c] || equal_fold(c, node.character);
      return add_long();
    case Kind::set:
      for (char32_t c = 0; c < 128; c++) bytes[c] = bytes[c] || node.set.has(c);
      if (node.set.is_ascii()) return;
      // Of two bytes each; those of more are too many to be asked.
      for (char32_t c = 0x80; c < 0x800; c++) bytes[0xC0 | c >> 6] = bytes[0xC0 | c >> 6] || node.set.has(c);
      return std::fill(bytes.begin() + 0xE0, bytes.end(), true);
    case Kind::alternatives:
      for (const Node& child : node.children) add_first_bytes(child, bytes);
      return;
    case Kind::back_reference: bytes.fill(true); return;
    case Kind::look_ahead:
    case Kind::look_behind:
    case Kind::anchor: return;
    default:
      for (const Node& child : node.children) {
        add_first_bytes(child, bytes);
        if (!can_be_empty(child)) return;
      }
  }
}

struct Width {
  uint32_t low = 0, high = 0;   // characters; high may be kNoLimit
};

Width width_of(const Node& node) {
  const auto times = [](uint32_t a, uint32_t b) -> uint32_t {
    if (a == 0 || b == 0) return 0;
    return uint64_t(a) * b > kMostBehind ? Node::kNoLimit : a * b;
  };
  Width width;
  const auto plus = [](uint32_t a, uint32_t b) { return uint64_t(a) + b > kMostBehind ? Node::kNoLimit : a + b; };
  switch (node.kind) {
    case Kind::character:
    case Kind::set: return {1, 1};
    case Kind::sequence:
    case Kind::group:
    case Kind::atomic:
      for (const Node& child : node.children) {
        const Width one = width_of(child);
        width = {plus(width.low, one.low), plus(width.high, one.high)};
      }
      return width;
    case Kind::alternatives:
      width.low = Node::kNoLimit;
      for (const Node& child : node.children) {
        const Width one = width_of(child);
        width = {std::min(width.low, one.low), std::max(width.high, one.high)};
      }
      return width;
    case Kind::repeat: {
      const Width one = width_of(node.children[0]);
      return {times(one.low, node.low), times(one.high, node.high)};
    }
    case Kind::back_reference: return {0, Node::kNoLimit};
    default: return {0, 0};
  }
}

}  // namespace

class RegexCompiler {
 public:
  RegexCompiler(Regex& regex, const RegexTree& tree) : regex_(regex), captures_(tree.has_back_references) {
    if (captures_) regex_.registers_ = 2 * (tree.groups + 1);
    compile(tree.root);
    emit({.op = Op::done});
  }

 private:
  using Op = Regex::Op;

  [[noreturn]] static void unsupported(const char* what) {
    throw Error{ErrorKind::unsupported, std::string("a regular expression with ") + what + " is not supported", ""};
  }

  uint32_t here() const { return static_cast<uint32_t>(regex_.steps_.size()); }
  uint32_t emit(Regex::Step step) {
    if (regex_.steps_.size() >= kMostSteps) unsupported("so many repeats");
    regex_.steps_.push_back(step);
    return here() - 1;
  }
  Regex::Step& step(uint32_t at) { return regex_.steps_[at]; }
  uint32_t add_set(RegexSet set) {
    regex_.sets_.push_back(std::move(set));
    return static_cast<uint32_t>(regex_.sets_.size() - 1);
  }

  void compile(const Node& node) {
    switch (node.kind) {
      case Kind::empty: return;
      case Kind::character: emit({.op = Op::character, .fold = node.fold, .a = node.character}); return;
      case Kind::set: emit({.op = Op::set, .a = add_set(node.set)}); return;
      case Kind::sequence: return compile_all(node);
      case Kind::alternatives: return compile_alternatives(node);
      case Kind::repeat: return compile_repeat(node);
      case Kind::group:
        if (!captures_ || node.number == 0) return compile_all(node);
        emit({.op = Op::save, .a = 2 * node.number});
        compile_all(node);
        emit({.op = Op::save, .a = 2 * node.number + 1});
        return;
      case Kind::anchor: emit({.op = Op::assertion, .a = node.number}); return;
      case Kind::back_reference: emit({.op = Op::back_reference, .fold = node.fold, .a = node.number}); return;
      case Kind::look_ahead: return compile_part(node, {.op = Op::look, .negated = node.negated});
      case Kind::atomic: return compile_part(node, {.op = Op::atomic});
      case Kind::look_behind: {
        const Width width = width_of(node.children[0]);
        if (width.high == Node::kNoLimit) unsupported("a look-behind of no fixed length");
        return compile_part(node, {.op = Op::look_behind, .negated = node.negated, .low = width.low, .high = width.high});
      }
    }
  }

  void compile_all(const Node& node) {
    for (const Node& child : node.children) compile(child);
  }

  void compile_part(const Node& node, Regex::Step begin) {
    const uint32_t at = emit(begin);
    compile_all(node);
    emit({.op = Op::done});
    step(at).a = here();
  }

  void compile_alternatives(const Node& node) {
    std::vector<uint32_t> ends;
    for (size_t i = 0; i < node.children.size(); i++) {
      const bool last = i + 1 == node.children.size();
      const uint32_t choice = last ? 0 : emit({.op = Op::split, .a = here() + 1});
      compile(node.children[i]);
      if (last) break;
      ends.push_back(emit({.op = Op::jump}));
      step(choice).b = here();
    }
    for (const uint32_t end : ends) step(end).a = here();
  }

  void compile_repeat(const Node& node) {
    const Node& child = node.children[0];
    if (child.kind == Kind::character || child.kind == Kind::set) {
      RegexSet set = child.set;
      if (child.kind == Kind::character) {
        set.fold = child.fold;
        set.all_of[0].push_back({RegexSet::Item::Kind::range, false, child.character, child.character});
        set.finish();
      }
      emit({.op = Op::set_run, .mode = node.mode, .a = add_set(std::move(set)), .low = node.low, .high = node.high});
      return;
    }
    if (node.mode == Node::Mode::possessive) {
      Node greedy = node;
      greedy.mode = Node::Mode::greedy;
      const uint32_t at = emit({.op = Op::atomic});
      compile_repeat(greedy);
      emit({.op = Op::done});
      step(at).a = here();
      return;
    }
    for (uint32_t i = 0; i < node.low; i++) compile(child);
    const auto choice = [&] { return emit({.op = Op::split}); };
    const auto set_targets = [&](uint32_t at, uint32_t body, uint32_t end) {
      const bool lazy = node.mode == Node::Mode::lazy;
      step(at).a = lazy ? end : body;
      step(at).b = lazy ? body : end;
    };
    if (node.high == Node::kNoLimit) {
      const bool may_stall = can_be_empty(child);
      const uint32_t loop = choice();
      const uint32_t mark = regex_.registers_;
      if (may_stall) {
        regex_.registers_++;
        emit({.op = Op::save, .a = mark});
      }
      compile(child);
      if (may_stall) emit({.op = Op::check_progress, .a = mark});
      emit({.op = Op::jump, .a = loop});
      set_targets(loop, loop + 1, here());
      return;
    }
    std::vector<uint32_t> choices;
    for (uint32_t i = node.low; i < node.high; i++) {
      choices.push_back(choice());
      compile(child);
    }
    for (const uint32_t at : choices) set_targets(at, at + 1, here());
  }

  Regex& regex_;
  bool captures_;
};

class RegexSearch {
 public:
  RegexSearch(const Regex& regex, std::string_view text)
      : regex_(regex), text_(text), registers_(regex.registers_, kNowhere), steps_left_(kSearchSteps + kSearchStepsPerByte * text.size()) {}

  // The first match that begins at `from` or later.
  std::optional<std::pair<size_t, size_t>> find(size_t from) {
    search_begin_ = from;
    for (size_t at = from; at <= text_.size();) {
      if (!regex_.may_be_empty_)
        while (at < text_.size() && !begins_character(at)) at++;
      if (at == text_.size() && !regex_.may_be_empty_) break;
      size_t end = at;
      if (run(0, end)) return std::pair(at, end);
      at += at < text_.size() ? decode_valid_utf8(text_, at).size : 1;
    }
    return std::nullopt;
  }

 private:
  using Op = Regex::Op;
  static constexpr size_t kNowhere = ~size_t(0);

  // Whether a character begins here with which a match may begin.
  bool begins_character(size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    return regex_.may_begin_[byte] && (byte & 0xC0) != 0x80;
  }

  // What to do when a way through the program ends.
  struct Retreat {
    enum class Kind : uint8_t { choice, give_back, take_more, restore } kind;
    uint32_t step;         // where to go on; the register for `restore`
    size_t at;             // where in the text; the register's value for `restore`
    size_t limit;          // the least end of a run that gives back; how many more one may take
  };

  void count(uint64_t steps) {
    if (steps_left_ < steps)
      throw Error{ErrorKind::out_of_range, "the tokenizer's regular expression takes too many steps on this text", regex_.expression_};
    steps_left_ -= steps;
  }

  void set_register(uint32_t which, size_t value) {
    retreats_.push_back({Retreat::Kind::restore, which, registers_[which], 0});
    registers_[which] = value;
  }

  // Takes back what was done since there were `base` retreats; only the changes of registers stay undoable with `keep`.
  void drop_choices(size_t base, bool keep) {
    if (keep) {
      const auto begin = retreats_.begin() + static_cast<std::ptrdiff_t>(base);
      retreats_.erase(std::remove_if(begin, retreats_.end(), [](const Retreat& r) { return r.kind != Retreat::Kind::restore; }), retreats_.end());
      return;
    }
    for (; retreats_.size() > base; retreats_.pop_back())
      if (retreats_.back().kind == Retreat::Kind::restore) registers_[retreats_.back().step] = retreats_.back().at;
  }

  // Goes back to the last choice above `base`.
  bool retreat(size_t base, uint32_t& step, size_t& at) {
    while (retreats_.size() > base) {
      Retreat& last = retreats_.back();
      switch (last.kind) {
        case Retreat::Kind::restore:
          registers_[last.step] = last.at;
          retreats_.pop_back();
          continue;
        case Retreat::Kind::choice:
          step = last.step;
          at = last.at;
          retreats_.pop_back();
          return true;
        case Retreat::Kind::give_back:
          last.at = previous_utf8(text_, last.at);
          step = last.step + 1;
          at = last.at;
          if (last.at <= last.limit) retreats_.pop_back();
          return true;
        case Retreat::Kind::take_more: {
          const RegexSet& set = regex_.sets_[regex_.steps_[last.step].a];
          const CodePoint c = last.at < text_.size() ? decode_utf8(text_, last.at) : CodePoint{};
          if (last.at >= text_.size() || !set.has(c.value)) {
            retreats_.pop_back();
            continue;
          }
          last.at += c.size;
          step = last.step + 1;
          at = last.at;
          if (--last.limit == 0) retreats_.pop_back();
          return true;
        }
      }
    }
    return false;
  }

  // Runs the program from `step` to its `done`; `at` becomes the end of the match.
  bool run(uint32_t step, size_t& at) {
    const size_t base = retreats_.size();
    for (;;) {
      count(1);
      const Regex::Step& now = regex_.steps_[step];
      bool good = true;
      uint32_t next = step + 1;
      switch (now.op) {
        case Op::character: {
          const CodePoint c = at < text_.size() ? decode_utf8(text_, at) : CodePoint{};
          good = at < text_.size() && (c.value == now.a || (now.fold && fold_case(c.value) == now.a));
          at += c.size;
          break;
        }
        case Op::set: {
          const CodePoint c = at < text_.size() ? decode_utf8(text_, at) : CodePoint{};
          good = at < text_.size() && regex_.sets_[now.a].has(c.value);
          at += c.size;
          break;
        }
        case Op::set_run: good = set_run(step, at); break;
        case Op::split:
          retreats_.push_back({Retreat::Kind::choice, now.b, at, 0});
          next = now.a;
          break;
        case Op::jump: next = now.a; break;
        case Op::save: set_register(now.a, at); break;
        case Op::check_progress: good = registers_[now.a] != at; break;
        case Op::assertion: good = holds(static_cast<RegexNode::Anchor>(now.a), at); break;
        case Op::back_reference: good = back_reference(now, at); break;
        case Op::look: {
          size_t end = at;
          good = part(step + 1, end, now.negated) != now.negated;
          next = now.a;
          break;
        }
        case Op::look_behind:
          good = look_behind(step, at) != now.negated;
          next = now.a;
          break;
        case Op::atomic:
          good = part(step + 1, at, false);
          next = now.a;
          break;
        case Op::done: drop_choices(base, true); return true;
      }
      if (good)
        step = next;
      else if (!retreat(base, step, at))
        return false;
    }
  }

  // A part of the program by itself. Its nesting is that of the expression, which is bounded.
  bool part(uint32_t step, size_t& end, bool forget) {
    const size_t base = retreats_.size();
    const bool matched = run(step, end);
    if (matched && forget) drop_choices(base, false);
    return matched;
  }

  bool look_behind(uint32_t step, size_t at) {
    const Regex::Step& now = regex_.steps_[step];
    size_t begin = at;
    for (uint32_t back = 0; back <= now.high; back++) {
      if (back >= now.low) {
        const size_t base = retreats_.size();
        size_t end = begin;
        if (run(step + 1, end)) {
          if (end == at) {
            if (now.negated) drop_choices(base, false);
            return true;
          }
          drop_choices(base, false);
        }
      }
      if (begin == 0) break;
      begin = previous_utf8(text_, begin);
    }
    return false;
  }

  bool set_run(uint32_t step, size_t& at) {
    const Regex::Step& now = regex_.steps_[step];
    const RegexSet& set = regex_.sets_[now.a];
    const bool lazy = now.mode == RegexNode::Mode::lazy;
    const uint32_t most = lazy ? now.low : now.high;
    size_t least_end = at;
    uint32_t turns = 0;
    while (turns < most && at < text_.size()) {
      const CodePoint c = decode_utf8(text_, at);
      if (!set.has(c.value)) break;
      at += c.size;
      if (++turns == now.low) least_end = at;
    }
    count(turns / 8);
    if (turns < now.low) return false;
    if (lazy && now.high > now.low)
      retreats_.push_back({Retreat::Kind::take_more, step, at, now.high == RegexNode::kNoLimit ? kNowhere : now.high - now.low});
    else if (now.mode == RegexNode::Mode::greedy && at > least_end)
      retreats_.push_back({Retreat::Kind::give_back, step, at, least_end});
    return true;
  }

  bool back_reference(const Regex::Step& now, size_t& at) {
    const size_t begin = registers_[2 * now.a], end = registers_[2 * now.a + 1];
    if (begin == kNowhere || end == kNowhere || end < begin) return false;
    count((end - begin) / 8);
    if (text_.size() - at < end - begin) return false;
    const size_t last = at + (end - begin);   // as in Oniguruma: as many bytes, and only a folded form may end behind them
    size_t from = begin;
    while (from < end) {
      if (at >= last) return false;
      const CodePoint a = decode_utf8(text_, from), b = decode_utf8(text_, at);
      if (!(now.fold ? equal_fold(a.value, b.value) : a.value == b.value)) return false;
      if (at + b.size > last && fold_case(b.value) != b.value) return false;
      from += a.size;
      at += b.size;
    }
    return true;
  }

  bool is_word_at(size_t at) const { return at < text_.size() && is(decode_utf8(text_, at).value, kWordOnig); }
  bool is_word_before(size_t at) const { return at > 0 && is_word_at(previous_utf8(text_, at)); }

  bool holds(RegexNode::Anchor anchor, size_t at) const {
    switch (anchor) {
      case RegexNode::line_begin: return at == 0 || (at < text_.size() && text_[at - 1] == '\n');
      case RegexNode::line_end: return at == text_.size() || text_[at] == '\n';
      case RegexNode::text_begin: return at == 0;
      case RegexNode::text_end: return at == text_.size();
      case RegexNode::text_end_newline: return at == text_.size() || (at + 1 == text_.size() && text_[at] == '\n');
      case RegexNode::word_edge: return is_word_before(at) != is_word_at(at);
      case RegexNode::no_word_edge: return is_word_before(at) == is_word_at(at);
      case RegexNode::search_begin: return at == search_begin_;
    }
    return false;
  }

  const Regex& regex_;
  std::string_view text_;
  std::vector<Retreat> retreats_;
  std::vector<size_t> registers_;
  uint64_t steps_left_;
  size_t search_begin_ = 0;
};

Regex::Regex(std::string_view expression, RegexDialect dialect) : expression_(expression) {
  const RegexTree tree = parse_regex(expression, dialect);
  RegexCompiler(*this, tree);
  may_be_empty_ = can_be_empty(tree.root);
  add_first_bytes(tree.root, may_begin_);
}

std::vector<std::pair<size_t, size_t>> Regex::matches(std::string_view text) const {
  std::vector<std::pair<size_t, size_t>> all;
  RegexSearch search(*this, text);
  for (size_t from = 0; from <= text.size();) {
    const auto match = search.find(from);
    if (!match) break;
    const bool empty_again = match->first == match->second && !all.empty() && all.back().second == match->second;
    if (empty_again) {
      from += from < text.size() ? decode_utf8(text, from).size : 1;
      continue;
    }
    all.push_back(*match);
    from = match->second;
  }
  return all;
}

}  // namespace orrery
