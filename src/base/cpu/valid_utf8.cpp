// 64 bytes at a time, as masks of a bit each: bytes that go on with a character must stand where the first bytes before them ask for
// some, and nowhere else.
#include <string_view>

#include "base/cpu/bytes.h"

namespace orrery::cpu::ORRERY_ISA {

namespace {

// First bytes of characters: of two bytes or more, of three or more, of four; and those after which but a part of the others may stand.
struct Firsts {
  uint64_t two = 0, three = 0, four = 0, e0 = 0, ed = 0, f0 = 0, f4 = 0;

  uint64_t asked_after() const { return two >> 63 | three >> 62 | four >> 61; }   // bytes of the next 64 that must go on with a character
};

}  // namespace

bool is_valid_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text) {
  constexpr size_t kAhead = 1024;   // bytes asked for early: this is often the first look at a text, and memory is what it waits for
  Firsts before;   // of the last 64 bytes
  for (size_t at = 0; at < text.size(); at += 64) {
    const BytesFrom<> from(text, at);
    __builtin_prefetch(from + kAhead);
    const uint64_t high = bits_of_64(from, [](Bytes b) { return beyond_ascii(b); });
    if (high == 0) {
      if (before.asked_after() != 0) return false;
      before = {};
      continue;
    }
    Firsts now;
    uint64_t goes_on = 0, upper = 0, special = 0;   // bytes inside characters; of 0xA0 and more; first bytes that are wrong or of four bytes
    each_of_64(from, [&](Bytes b, int i) {
      goes_on |= bits(b < 0xC0) << i;
      upper |= bits(within(b, 0xA0, 0x60)) << i;
      now.three |= bits(within(b, 0xE0, 0x20)) << i;
      now.e0 |= bits(b == 0xE0) << i;
      now.ed |= bits(b == 0xED) << i;
      special |= bits(within(b, 0xC0, 2) | within(b, 0xF0, 0x10)) << i;
    });
    now.two = high & ~goes_on;
    const uint64_t after_e0 = now.e0 << 1 | before.e0 >> 63, after_ed = now.ed << 1 | before.ed >> 63;
    uint64_t wrong = (after_e0 & ~upper) | (after_ed & upper);
    if (special != 0 || before.four != 0) {
      const auto equal = [&](int byte) {
        return bits_of_64(from, [&](Bytes b) { return b == byte; });
      };
      const auto at_least = [&](int byte) {
        return bits_of_64(from, [&](Bytes b) { return within(b, byte, 0x100 - byte); });
      };
      now.four = at_least(0xF0), now.f0 = equal(0xF0), now.f4 = equal(0xF4);
      const uint64_t after_f0 = now.f0 << 1 | before.f0 >> 63, after_f4 = now.f4 << 1 | before.f4 >> 63, upper_f = at_least(0x90);
      wrong |= (now.two & ~at_least(0xC2)) | at_least(0xF5) | (after_f0 & ~upper_f) | (after_f4 & upper_f);
    }
    wrong |= goes_on ^ (before.asked_after() | now.two << 1 | now.three << 2 | now.four << 3);
    if (wrong != 0) return false;
    before = now;
  }
  return before.asked_after() == 0;
}

}  // namespace orrery::cpu::ORRERY_ISA
