// Reads the fields of one protocol buffer message, in the order they stand in, without a schema, and writes such messages.
// https://protobuf.dev/programming-guides/encoding. Every length is checked against the bytes that are there.
//
//   for (ProtobufReader fields(bytes); fields.next();)
//     if (fields.number() == 2) score = fields.real();
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery {

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view message) : rest_(message) {}

  bool next();   // moves on to the next field; false at the end. Throws Error (bad_file), as the readers do on another type

  uint32_t number() const { return number_; }
  uint64_t integer() const;        // of a varint; also bool and enum
  float real() const;              // of a float
  std::string_view bytes() const;  // of a string, bytes or a message

 private:
  enum class Wire : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
  uint64_t take_varint();
  std::string_view take(uint64_t size);
  void expect(Wire wire) const;

  std::string_view rest_, bytes_;
  uint32_t number_ = 0;
  Wire wire_ = Wire::varint;
  uint64_t integer_ = 0;
};

class ProtobufWriter {
 public:
  void integer(uint32_t number, uint64_t value);
  void real(uint32_t number, float value);
  void bytes(uint32_t number, std::string_view value);
  const std::string& message() const { return message_; }

 private:
  void varint(uint64_t value);
  std::string message_;
};

}  // namespace orrery
