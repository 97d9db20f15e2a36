#include "tokenize/truncation.h"

#include <algorithm>

#include "base/error.h"
#include "tokenize/step.h"

namespace orrery {

namespace {

[[noreturn]] void refuse(std::string what) { throw Error{ErrorKind::out_of_range, std::move(what), ""}; }

// The windows [begin, end) of `size` tokens, `kept` long, each sharing `stride` with the one before.
std::vector<std::pair<size_t, size_t>> windows(size_t size, size_t kept, size_t stride, bool left) {
  const size_t step = kept - stride;
  std::vector<std::pair<size_t, size_t>> all;
  if (!left) {
    for (size_t begin = 0;; begin += step) {
      all.emplace_back(begin, std::min(begin + kept, size));
      if (all.back().second == size) return all;
    }
  }
  for (size_t end = size;; end -= step) {
    all.emplace_back(end > kept ? end - kept : 0, end);
    if (all.back().first == 0) return all;
  }
}

void truncate_one(Encoding& encoding, size_t kept, const Truncation& truncation) {
  if (kept >= encoding.size()) return;
  if (kept == 0) {
    Encoding all = std::move(encoding);
    encoding = {};
    encoding.overflow.push_back(std::move(all));
    return;
  }
  if (truncation.stride >= kept)
    refuse("a stride of " + std::to_string(truncation.stride) + " tokens leaves no progress in windows of " + std::to_string(kept));
  Encoding first;
  for (const auto& [begin, end] : windows(encoding.size(), kept, truncation.stride, truncation.left)) {
    if (first.ids.empty())
      first = encoding.part(begin, end);
    else
      first.overflow.push_back(encoding.part(begin, end));
  }
  encoding = std::move(first);
}

// How much of each text stays: what is too much goes from the longer one first, then from both.
std::pair<size_t, size_t> longest_first(size_t first, size_t second, size_t most) {
  size_t shorter = std::min(first, second);
  size_t longer = shorter > most ? shorter : std::max(shorter, most - shorter);
  if (shorter + longer > most) {
    shorter = most / 2;
    longer = shorter + most % 2;
  }
  return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

void pad_one(Encoding& encoding, size_t length, const Padding& padding) {
  for (Encoding& part : encoding.overflow) pad_one(part, length, padding);
  if (encoding.size() >= length) return;
  Encoding fill;
  for (size_t i = encoding.size(); i < length; i++) {
    fill.add(padding.id, padding.token, {}, padding.type_id, true, Encoding::kNone, encoding.bare ? 0 : Encoding::kNone);
    fill.mask.back() = 0;
  }
  std::vector<Encoding> overflow;
  overflow.swap(encoding.overflow);
  const bool bare = encoding.bare;
  if (padding.left) std::swap(fill, encoding);
  encoding.append(fill);
  encoding.bare = bare;
  encoding.overflow.swap(overflow);
}

bool is_left(const Json& json) {
  const std::string direction = text_field(json, "direction", "Right");
  if (direction != "Left" && direction != "Right") bad_field(json, "direction", "Left or Right");
  return direction == "Left";
}

}  // namespace

Truncation Truncation::from_json(const Json& json) {
  Truncation truncation;
  truncation.left = is_left(json);
  truncation.max_length = static_cast<size_t>(count_field(json, "max_length"));
  truncation.stride = static_cast<size_t>(count_field(json, "stride", 0));
  const std::string strategy = text_field(json, "strategy", "LongestFirst");
  if (strategy == "OnlyFirst")
    truncation.strategy = Strategy::only_first;
  else if (strategy == "OnlySecond")
    truncation.strategy = Strategy::only_second;
  else if (strategy != "LongestFirst")
    bad_field(json, "strategy", "one of LongestFirst, OnlyFirst, OnlySecond");
  return truncation;
}

Padding Padding::from_json(const Json& json) {
  Padding padding;
  padding.left = is_left(json);
  const auto strategy = json.find("strategy");
  if (strategy != json.end() && strategy->is_object())
    padding.length = static_cast<size_t>(count_field(*strategy, "Fixed"));
  else if (text_field(json, "strategy", "BatchLongest") != "BatchLongest")
    bad_field(json, "strategy", "\"BatchLongest\" or {\"Fixed\": length}");
  if (const int64_t multiple = count_field(json, "pad_to_multiple_of", 0); multiple > 0) padding.multiple_of = static_cast<size_t>(multiple);
  padding.id = static_cast<int32_t>(count_field(json, "pad_id", 0));
  padding.type_id = static_cast<int32_t>(count_field(json, "pad_type_id", 0));
  padding.token = text_field(json, "pad_token", "[PAD]");
  return padding;
}

void truncate(std::vector<Encoding>& sequences, const Truncation& truncation) {
  const size_t most = truncation.max_length;
  if (most == 0) {
    for (Encoding& sequence : sequences) truncate_one(sequence, 0, truncation);
    return;
  }
  size_t total = 0;
  for (const Encoding& sequence : sequences) total += sequence.size();
  if (total <= most) return;
  if (truncation.strategy == Truncation::Strategy::longest_first) {
    if (sequences.size() == 1) return truncate_one(sequences[0], most, truncation);
    const auto [first, second] = longest_first(sequences[0].size(), sequences[1].size(), most);
    truncate_one(sequences[0], first, truncation);
    truncate_one(sequences[1], second, truncation);
    return;
  }
  const size_t which = truncation.strategy == Truncation::Strategy::only_first ? 0 : 1;
  if (which >= sequences.size()) refuse("only the second text may be cut, and there is none");
  Encoding& cut = sequences[which];
  if (cut.size() <= total - most)
    refuse("the text that may be cut is too short to bring " + std::to_string(total) + " tokens down to " + std::to_string(most));
  truncate_one(cut, cut.size() - (total - most), truncation);
}

void pad(std::span<Encoding> batch, const Padding& padding) {
  size_t length = padding.length.value_or(0);
  if (!padding.length)
    for (const Encoding& encoding : batch) length = std::max(length, encoding.size());
  if (padding.multiple_of && *padding.multiple_of > 0) length = (length + *padding.multiple_of - 1) / *padding.multiple_of * *padding.multiple_of;
  for (Encoding& encoding : batch) pad_one(encoding, length, padding);
}

}  // namespace orrery
