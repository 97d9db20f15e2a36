#include "tokenize/protobuf.h"

#include <bit>
#include <string>

#include "base/error.h"

namespace orrery {

namespace {
[[noreturn]] void bad(const std::string& what) { throw Error{ErrorKind::bad_file, "a malformed protocol buffer: " + what, ""}; }
}  // namespace

bool ProtobufReader::next() {
  if (rest_.empty()) return false;
  const uint64_t key = take_varint();
  if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFF) bad("field number " + std::to_string(key >> 3));
  number_ = static_cast<uint32_t>(key >> 3);
  switch (key & 7) {
    case 0:
      wire_ = Wire::varint;
      integer_ = take_varint();
      return true;
    case 1:
      wire_ = Wire::fixed64;
      bytes_ = take(8);
      return true;
    case 2:
      wire_ = Wire::bytes;
      bytes_ = take(take_varint());
      return true;
    case 5:
      wire_ = Wire::fixed32;
      bytes_ = take(4);
      return true;
    default: bad("wire type " + std::to_string(key & 7));
  }
}

uint64_t ProtobufReader::integer() const {
  expect(Wire::varint);
  return integer_;
}

float ProtobufReader::real() const {
  expect(Wire::fixed32);
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; i++) bits |= uint32_t(static_cast<unsigned char>(bytes_[i])) << (8 * i);
  return std::bit_cast<float>(bits);
}

std::string_view ProtobufReader::bytes() const {
  expect(Wire::bytes);
  return bytes_;
}

uint64_t ProtobufReader::take_varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    value |= uint64_t(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  bad("a number of more than 64 bits");
}

std::string_view ProtobufReader::take(uint64_t size) {
  if (size > rest_.size()) bad("it ends inside field " + std::to_string(number_));
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

void ProtobufReader::expect(Wire wire) const {
  if (wire_ != wire) bad("field " + std::to_string(number_) + " has another type than expected");
}

void ProtobufWriter::integer(uint32_t number, uint64_t value) {
  varint(uint64_t(number) << 3);
  varint(value);
}

void ProtobufWriter::real(uint32_t number, float value) {
  varint(uint64_t(number) << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) message_.push_back(static_cast<char>(bits >> shift & 0xFF));
}

void ProtobufWriter::bytes(uint32_t number, std::string_view value) {
  varint(uint64_t(number) << 3 | 2);
  varint(value.size());
  message_ += value;
}

void ProtobufWriter::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) message_.push_back(static_cast<char>((value & 0x7F) | 0x80));
  message_.push_back(static_cast<char>(value));
}

}  // namespace orrery
