// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace millrace::net {

// Reads the framing of a chunked body (RFC 9112 section 7.1): size lines, the line ends behind
// data, trailers, which are dropped. Data is left to the caller. No I/O; the verdict does not hang
// on how the bytes were cut. Strict: every line ends with CR LF and has no control characters, a
// size is 1 to 16 hexadecimal digits.
class ChunkReader {
 public:
  enum class Step {
    NeedMore,   // of the bytes given, those not consumed are wanted again with more behind them
    Data,       // data_left() bytes of data follow, whether or not they have come
    End,        // of the body
    Malformed,  // for good
  };

  // `bytes`: everything that came and was not consumed. Consumes framing only.
  Step advance(std::string_view bytes, std::size_t& consumed);
  // Of the current chunk.
  [[nodiscard]] std::uint64_t data_left() const { return data_left_; }
  // The caller has consumed so many bytes of data, at most data_left().
  void took(std::size_t count);

 private:
  enum class State { Size, Data, DataEnd, Trailers, End };
  Step read_size(std::string_view bytes, std::size_t& consumed);
  Step read_data_end(std::string_view bytes, std::size_t& consumed);
  Step read_trailer(std::string_view bytes, std::size_t& consumed);

  State state_ = State::Size;
  std::uint64_t data_left_ = 0;
  std::size_t trailer_bytes_ = 0;
};

}  // namespace millrace::net
