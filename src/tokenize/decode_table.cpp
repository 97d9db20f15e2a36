#include "tokenize/decode_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "base/utf8.h"

namespace orrery {

namespace {

constexpr size_t kMostBytes = size_t(1) << 28;   // of all tokens

// How many spaces Llama 2's decoder takes from the beginning; nothing where it is another.
std::optional<int64_t> metaspace_fallback(const Json& json) {
  if (json.value("type", "") != "Sequence" || !json.contains("decoders") || !json["decoders"].is_array()) return std::nullopt;
  const Json& all = json["decoders"];
  if (all.size() < 3 || all.size() > 4) return std::nullopt;
  const Json spaces = {{"type", "Replace"}, {"pattern", {{"String", "\xE2\x96\x81"}}}, {"content", " "}};
  if (all[0] != spaces || all[1] != Json{{"type", "ByteFallback"}} || all[2] != Json{{"type", "Fuse"}}) return std::nullopt;
  if (all.size() == 3) return 0;
  const Json& strip = all[3];
  if (strip.value("type", "") != "Strip" || strip["content"] != " " || strip["stop"] != 0) return std::nullopt;
  return strip["start"].get<int64_t>();
}

}  // namespace

std::optional<DecodeTable> DecodeTable::make(const Json& json, const Decoder& decoder, std::span<const Token> tokens) {
  DecodeTable table;
  const std::string type = json.value("type", "");
  if (type == "ByteLevel") {
    table.kind_ = Kind::bytes;
  } else if (const auto strip = metaspace_fallback(json)) {
    table.kind_ = Kind::fallback;
    table.strip_ = *strip;
  } else if (type != "WordPiece" && type != "Metaspace") {
    return std::nullopt;
  }
  table.entries_.resize(tokens.size());
  if (table.kind_ == Kind::tokens) table.first_.resize(tokens.size());
  std::vector<std::string> alone;
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].text) continue;
    const std::string text(*tokens[id].text);
    std::string made;
    if (table.kind_ == Kind::tokens) {
      alone = {text, text};
      decoder.decode(alone);
      table.first_[id] = std::move(alone[0]);
      made = std::move(alone[1]);
    } else {
      made = decoder.token_bytes(text);
    }
    if (made.size() >= size_t(1) << 24 || table.bytes_.size() + made.size() > kMostBytes) return std::nullopt;
    Entry& entry = table.entries_[id];
    entry.at = static_cast<uint32_t>(table.bytes_.size());
    entry.size = static_cast<uint32_t>(made.size()) & 0xFFFFFF;
    // "<0xE4>" is six bytes that stand for one.
    const bool is_byte = table.kind_ == Kind::fallback && made.size() == 1 && text.size() == 6;
    entry.flags = static_cast<uint8_t>((tokens[id].special ? kSpecial : 0) | (is_byte ? kByte : 0));
    table.bytes_ += made;
  }
  table.bytes_.append(kPadding, '\0');
  return table;
}

std::string DecodeTable::decode(std::span<const int32_t> ids, bool skip_special) const {
  const unsigned skipped = kAbsent | (skip_special ? kSpecial : 0u);
  std::string_view head;
  if (kind_ == Kind::tokens) {
    while (!ids.empty() && (entry(ids[0]).flags & skipped) != 0) ids = ids.subspan(1);
    if (ids.empty()) return {};
    head = first_[static_cast<size_t>(ids[0])];
    ids = ids.subspan(1);
  }
  size_t room = head.size() + kPadding;
  unsigned flags = 0;
  for (const int32_t id : ids) {
    room += entry(id).size;
    flags |= entry(id).flags;
  }
  if ((flags & kByte) != 0) room += (kReplacementText.size() - 1) * ids.size();
  std::array<char, 1024> small;
  std::unique_ptr<char[]> large;
  if (room > small.size()) large = std::make_unique_for_overwrite<char[]>(room);
  char* const out = large ? large.get() : small.data();
  char* to = std::copy(head.begin(), head.end(), out);
  for (size_t i = 0; i < ids.size(); ++i) {
    const Entry& e = entry(ids[i]);
    if ((e.flags & (skipped | kByte)) != 0) {
      if ((e.flags & skipped) == 0) to = write_run(ids, i, skipped, to);
      continue;
    }
    const char* from = bytes_.data() + e.at;
    if (e.size <= kPadding) std::memcpy(to, from, kPadding);
    else std::memcpy(to, from, e.size);
    to += e.size;
  }
  std::string_view text(out, static_cast<size_t>(to - out));
  if (kind_ == Kind::bytes && !is_valid_utf8(text)) return repair_utf8(text).text;
  for (int64_t spaces = 0; spaces < strip_ && text.starts_with(' '); ++spaces) text.remove_prefix(1);
  return std::string(text);
}

// The run of bytes that begins with token `i`, which becomes the last of them. One that is not UTF-8 becomes U+FFFD for each.
char* DecodeTable::write_run(std::span<const int32_t> ids, size_t& i, unsigned skipped, char* to) const {
  char* const begin = to;
  size_t last = i;
  bool is_high = false;
  for (size_t at = i; at < ids.size(); ++at) {
    const Entry& e = entry(ids[at]);
    if ((e.flags & skipped) != 0) continue;
    if ((e.flags & kByte) == 0) break;
    is_high = is_high || static_cast<unsigned char>(bytes_[e.at]) >= 0x80;
    *to++ = bytes_[e.at];
    last = at;
  }
  i = last;
  const auto count = static_cast<size_t>(to - begin);
  if (!is_high || is_valid_utf8({begin, count})) return to;
  to = begin;
  for (size_t n = 0; n < count; ++n) to = std::copy(kReplacementText.begin(), kReplacementText.end(), to);
  return to;
}

}  // namespace orrery
