// SPDX-License-Identifier: Apache-2.0
#include "workers/image/face/protobuf_reader.h"

#include <limits>

namespace millrace::workers::face {
namespace {

void append_varint(std::string& message, std::uint64_t value) {
  while (value >= 0x80) {
    message += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  message += static_cast<char>(value);
}

}  // namespace

std::optional<std::uint64_t> ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> ProtobufReader::bytes(std::uint64_t count) {
  if (count > rest_.size()) return std::nullopt;
  const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(count));
  rest_.remove_prefix(taken.size());
  return taken;
}

std::optional<ProtobufReader::Field> ProtobufReader::stop() {
  malformed_ = true;
  rest_ = {};
  return std::nullopt;
}

std::optional<ProtobufReader::Field> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  const std::string_view start = rest_;
  const auto key = varint();
  if (!key || (*key >> 3) == 0 || (*key >> 3) > std::numeric_limits<std::uint32_t>::max()) {
    return stop();
  }
  Field field;
  field.number = static_cast<std::uint32_t>(*key >> 3);
  field.wire = static_cast<Wire>(*key & 7);
  std::optional<std::string_view> payload;
  switch (field.wire) {
    case Wire::Varint: {
      const auto value = varint();
      if (!value) return stop();
      field.varint = *value;
      payload = std::string_view{};
      break;
    }
    case Wire::Fixed64:
      payload = bytes(8);
      break;
    case Wire::Fixed32:
      payload = bytes(4);
      break;
    case Wire::Bytes: {
      const auto count = varint();
      if (count) payload = bytes(*count);
      break;
    }
    default:  // groups (3, 4) are not used by ONNX; 6 and 7 do not exist
      break;
  }
  if (!payload) return stop();
  field.payload = *payload;
  field.encoded = start.substr(0, start.size() - rest_.size());
  return field;
}

void append_bytes_field(std::string& message, std::uint32_t number, std::string_view payload) {
  append_varint(message, (static_cast<std::uint64_t>(number) << 3) |
                             static_cast<std::uint64_t>(ProtobufReader::Wire::Bytes));
  append_varint(message, payload.size());
  message += payload;
}

}  // namespace millrace::workers::face
