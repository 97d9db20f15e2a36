#include "tokenize/long_lists.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdlib>

#include "base/cpu/bytes.h"
#include "base/utf8.h"

namespace orrery {

namespace {

// A place in the text of a JSON document, which is valid UTF-8. Each function reads one thing and says whether it was there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  size_t at() const { return at_; }
  void blank() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }
  bool sees(char c) {
    blank();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!sees(c)) return false;
    ++at_;
    return true;
  }

  // `value` is a part of the text or, where that has escapes, of `spelled`.
  bool string(std::string_view& value, std::string& spelled) {
    if (!take('"')) return false;
    const size_t begin = at_;
    at_ = plain_end<'"'>(begin);
    if (at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) return false;
    value = text_.substr(begin, at_ - begin);
    if (text_[at_++] == '"') return true;
    --at_;
    spelled = value;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        value = spelled;
        return true;
      }
      if (c == '\\' ? !escape(spelled) : !is_plain(c)) return false;
      if (c != '\\') spelled.push_back(c);
    }
    return false;
  }

  // "left right", two texts without escapes and the one space in them; else nothing is read.
  bool pair(std::string_view& left, std::string_view& right) {
    if (!sees('"')) return false;
    const size_t begin = at_ + 1, space = plain_end<' '>(begin);
    if (space == begin || space == text_.size() || text_[space] != ' ') return false;
    const size_t end = plain_end<' '>(space + 1);
    if (end == space + 1 || end == text_.size() || text_[end] != '"') return false;
    left = text_.substr(begin, space - begin);
    right = text_.substr(space + 1, end - space - 1);
    at_ = end + 1;
    return true;
  }

  // A name of a member that has no escapes.
  bool name(std::string_view& value) {
    std::string spelled;
    const bool read = string(value, spelled);
    return read && value.data() != spelled.data() && take(':');
  }

  // A whole number of at most nine digits: no id is larger.
  bool id(int32_t& value) {
    blank();
    const size_t begin = at_;
    value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      if (at_ - begin == 9) return false;
      value = value * 10 + (text_[at_] - '0');
    }
    const bool goes_on = at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E');
    return at_ > begin && !(text_[begin] == '0' && at_ > begin + 1) && !goes_on;
  }

  // A score, exactly as a reader of JSON takes it: without fraction and exponent it is an integer.
  bool score(double& value) {
    std::string_view text;
    if (!number(text)) return false;
    if (text.find_first_of(".eE") != std::string_view::npos) {
      value = score_of(text);
      return true;
    }
    int64_t whole = 0;
    if (text.size() > 18) return false;
    std::from_chars(text.data(), text.data() + text.size(), whole);
    value = static_cast<double>(whole);
    return true;
  }

  // Past a value, which is looked at no closer than that takes.
  bool skip() {
    size_t depth = 0;
    std::string_view value;
    std::string spelled;
    do {
      blank();
      if (at_ == text_.size()) return false;
      const char c = text_[at_];
      if (c == '"') {
        if (!string(value, spelled)) return false;
      } else {
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && depth-- == 0) return false;
        ++at_;
        const bool is_word = std::string_view("{}[],:").find(c) == std::string_view::npos;
        while (is_word && at_ < text_.size() && std::string_view("{}[],:\" \n\r\t").find(text_[at_]) == std::string_view::npos) ++at_;
      }
    } while (depth > 0);
    return true;
  }

  // member(name) for each member of an object.
  template <class Member>
  bool object(Member member) {
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
      std::string_view key;
      if (!name(key) || !member(key)) return false;
    } while (take(','));
    return take('}');
  }
  // item() for each of an array.
  template <class Item>
  bool array(Item item) {
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
      if (!item()) return false;
    } while (take(','));
    return take(']');
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_plain(char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; }

  // Where bytes that stand for themselves in a string end, and none is kEnd: from `at` on.
  template <char kEnd>
  size_t plain_end(size_t at) const {
    using cpu::baseline::Bytes;
    for (; at + Bytes::kSize <= text_.size(); at += Bytes::kSize) {
      const Bytes some = Bytes::load(text_.data() + at);
      if (const uint64_t ends = bits(within(some, 0, 0x20) | (some == '"') | (some == '\\') | (some == kEnd)); ends != 0) return at + static_cast<size_t>(std::countr_zero(ends));
    }
    while (at < text_.size() && is_plain(text_[at]) && text_[at] != kEnd) ++at;
    return at;
  }

  bool number(std::string_view& value) {
    blank();
    const size_t begin = at_;
    const auto digits = [&] {
      const size_t first = at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
      return at_ - first;
    };
    const auto one_of = [&](std::string_view some) { return at_ < text_.size() && some.find(text_[at_]) != std::string_view::npos && ++at_; };
    one_of("-");
    const size_t first = at_, whole = digits();
    if (whole == 0 || (whole > 1 && text_[first] == '0')) return false;
    if (one_of(".") && digits() == 0) return false;
    if (one_of("eE")) {
      one_of("+-");
      if (digits() == 0) return false;
    }
    value = text_.substr(begin, at_ - begin);
    return true;
  }

  bool four_hex(char32_t& value) {
    unsigned number = 0;
    if (text_.size() - at_ < 4) return false;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + at_ + 4, number, 16);
    if (error != std::errc() || end != text_.data() + at_ + 4) return false;
    at_ += 4;
    value = number;
    return true;
  }

  bool escape(std::string& spelled) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    if (c == 'u') {
      char32_t unit = 0, low = 0;
      if (!four_hex(unit) || (unit >= 0xDC00 && unit < 0xE000)) return false;
      if (unit >= 0xD800 && unit < 0xDC00) {
        if (!text_.substr(at_).starts_with("\\u")) return false;
        at_ += 2;
        if (!four_hex(low) || low < 0xDC00 || low >= 0xE000) return false;
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      }
      append_utf8(spelled, unit);
      return true;
    }
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const size_t which = kNames.find(c);
    if (which == std::string_view::npos) return false;
    spelled.push_back(kMeanings[which]);
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

struct Lists {
  Scanner& scanner;
  ModelConfig& model;
  std::array<std::string, 2> spelled;   // of strings with escapes

  bool vocab() {
    if (!scanner.take('{')) return false;
    if (scanner.take('}')) return true;
    do {
      std::string_view token;
      int32_t id = 0;
      if (!scanner.string(token, spelled[0]) || !scanner.take(':') || !scanner.id(id)) return false;
      model.vocab.emplace_back(token, id);
    } while (scanner.take(','));
    return scanner.take('}');
  }

  bool pieces() {
    return scanner.array([&] {
      std::string_view piece;
      double score = 0;
      if (!scanner.take('[') || !scanner.string(piece, spelled[0]) || !scanner.take(',') || !scanner.score(score) || !scanner.take(']')) return false;
      model.vocab.emplace_back(piece, static_cast<int32_t>(model.vocab.size()));
      model.scores.push_back(score);
      return true;
    });
  }

  bool merges() {
    return scanner.array([&] {
      std::string_view left, right;
      if (scanner.take('[')) {
        if (!scanner.string(left, spelled[0]) || !scanner.take(',') || !scanner.string(right, spelled[1]) || !scanner.take(']')) return false;
        model.merges.emplace_back(left, right);
        return true;
      }
      if (scanner.pair(left, right)) {
        if (!left.starts_with("#version")) model.merges.emplace_back(left, right);
        return true;
      }
      if (!scanner.string(left, spelled[0])) return false;
      if (left.starts_with("#version")) return true;
      const std::optional<MergeList::Entry> merge = split_merge(left);
      if (merge) model.merges.emplace_back(merge->left, merge->right);
      return merge.has_value();
    });
  }
};

}  // namespace

bool take_long_lists(std::string_view text, bool vocab_only, ModelConfig& model, std::string& rest) {
  if (!is_valid_utf8(text)) return false;
  Scanner scanner(text);
  Lists lists{scanner, model, {}};
  model.vocab.reserve(text.size() / 16, text.size() / 2);   // what is not used is never touched
  model.merges.reserve(text.size() / 16, text.size());
  rest.clear();
  size_t kept = 0;   // how much of the text is in the rest
  const auto leave_out = [&](std::string_view empty, bool (Lists::*read)()) {
    scanner.blank();
    rest.append(text.substr(kept, scanner.at() - kept)).append(empty);
    if (!(lists.*read)()) return false;
    kept = scanner.at();
    return true;
  };
  const auto member_of_model = [&](std::string_view name) {
    if (name == "vocab" && scanner.sees('{')) return leave_out("{}", &Lists::vocab);
    if (name == "vocab" && scanner.sees('[')) return leave_out("[]", &Lists::pieces);
    if (name == "merges" && scanner.sees('[')) return leave_out("[]", &Lists::merges);
    return scanner.skip();
  };
  const bool read = vocab_only ? leave_out("{}", &Lists::vocab) : scanner.object([&](std::string_view name) {
    return name == "model" && scanner.sees('{') ? scanner.object(member_of_model) : scanner.skip();
  });
  if (!read) return false;
  rest.append(text.substr(kept));
  return true;
}

std::optional<MergeList::Entry> split_merge(std::string_view line) {
  const size_t space = line.find(' ');
  const bool good = space != std::string_view::npos && space > 0 && space + 1 < line.size() && line.find(' ', space + 1) == std::string_view::npos;
  if (!good) return std::nullopt;
  return MergeList::Entry{line.substr(0, space), line.substr(space + 1)};
}

double score_of(std::string_view text) {
  uint64_t digits = 0;
  int exponent = 0;
  bool full = false, fraction = false;
  size_t at = text.starts_with('-') ? 1 : 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; at++) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    const auto digit = static_cast<uint64_t>(text[at] - '0');
    full = full || digits > (UINT64_MAX - digit) / 10;
    if (!full) digits = digits * 10 + digit;
    exponent += full ? (fraction ? 0 : 1) : (fraction ? -1 : 0);
  }
  if (at < text.size()) {
    int given = 0;
    const std::string_view power = text.substr(at + (text[at + 1] == '+' ? 2 : 1));
    std::from_chars(power.data(), power.data() + power.size(), given);
    exponent += std::clamp(given, -10000, 10000);
  }
  auto value = static_cast<double>(digits);
  for (; exponent < -308 && value != 0; exponent += 308) value /= 1e308;
  constexpr std::array kPowers = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const auto power_of_ten = [&](int n) {
    return static_cast<size_t>(n) < kPowers.size() ? kPowers[static_cast<size_t>(n)] : std::strtod(("1e" + std::to_string(n)).c_str(), nullptr);
  };
  value = exponent < 0 ? value / power_of_ten(std::min(-exponent, 308)) : value * power_of_ten(std::min(exponent, 308));
  return text.starts_with('-') ? -value : value;
}

}  // namespace orrery
