// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::workers::face {

// Walks the fields of one protobuf message without a schema. Nothing outside the bytes given is
// ever read. Source: protobuf.dev, "Encoding".
class ProtobufReader {
 public:
  enum class Wire : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
  struct Field {
    std::uint32_t number = 0;
    Wire wire = Wire::Varint;
    std::uint64_t varint = 0;  // Varint only
    std::string_view payload;  // all but Varint
    std::string_view encoded;  // key and value as they stand in the message
  };

  explicit ProtobufReader(std::string_view message) : rest_(message) {}
  // nullopt at the end and at the first thing that is not protobuf; `malformed` tells which.
  std::optional<Field> next();
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  std::optional<std::uint64_t> varint();
  std::optional<std::string_view> bytes(std::uint64_t count);
  std::optional<Field> stop();

  std::string_view rest_;
  bool malformed_ = false;
};

// Appends a length-delimited field to an encoded message.
void append_bytes_field(std::string& message, std::uint32_t number, std::string_view payload);

}  // namespace millrace::workers::face
