// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "workers/image/bytes.h"

namespace millrace::workers::image {

// Files made number by number.
class ByteMaker {
 public:
  ByteMaker& text(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  ByteMaker& little(std::uint64_t value, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) bytes_ += byte_of(value, i);
    return *this;
  }
  ByteMaker& big(std::uint64_t value, std::size_t count) {
    for (std::size_t i = count; i > 0; --i) bytes_ += byte_of(value, i - 1);
    return *this;
  }
  ByteMaker& zeros(std::size_t count) {
    bytes_.append(count, '\0');
    return *this;
  }
  // Its length in four bytes in front, big-endian.
  ByteMaker& section(std::string_view body) { return big(body.size(), 4).text(body); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] const std::string& str() const { return bytes_; }

 private:
  // The lowest is 0; from 8 on they are zero.
  static char byte_of(std::uint64_t value, std::size_t at) {
    return at < sizeof value ? static_cast<char>(value >> (8 * at)) : '\0';
  }

  std::string bytes_;
};

inline ByteSpan span_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace millrace::workers::image
