// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/chunk_reader.h"
#include "net/headers.h"
#include "net/read_buffer.h"

namespace millrace::net {

// Turns the bytes of one connection into the answer to one request. No I/O and no clock.
class ResponseReader {
 public:
  enum class Step {
    NeedMore,  // read into space()
    Head,      // status() and headers() are there
    Piece,     // piece() is the next part of the body, valid until the next space()
    End,       // the body has been handed out
    Failed,    // problem() says why
  };

  // Reads from `buffer`, which outlives this. `to_head`: the request was HEAD, so no body follows.
  ResponseReader(ReadBuffer& buffer, std::size_t headers_bytes_max, bool to_head);
  ~ResponseReader();
  ResponseReader(const ResponseReader&) = delete;
  ResponseReader& operator=(const ResponseReader&) = delete;

  [[nodiscard]] std::span<char> space();
  void commit(std::size_t count) { buffer_.commit(count); }
  // Until Head; informational answers (1xx) are passed over.
  Step advance_head();
  // After Head: Piece, End, NeedMore or Failed.
  Step advance_body();
  // The peer closed. True when that is the end of the body.
  bool end_of_stream();

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const Headers& headers() const { return headers_; }
  [[nodiscard]] std::optional<std::uint64_t> content_length() const { return content_length_; }
  [[nodiscard]] std::string_view piece() const { return piece_; }
  [[nodiscard]] bool complete() const;
  // The connection may carry another request: complete, kept alive, and nothing came after the
  // answer.
  [[nodiscard]] bool reusable() const;
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  struct Parser;

  Step fail(std::string problem);
  void begin_body(bool chunked);
  bool advance_chunks(ChunkReader& chunks);
  std::size_t take_piece(std::uint64_t wanted);

  ReadBuffer& buffer_;
  const std::size_t headers_bytes_max_;
  const bool to_head_;
  std::unique_ptr<Parser> parser_;
  Headers headers_;
  std::optional<std::uint64_t> content_length_;
  int status_ = 0;
  std::size_t searched_ = 0;           // bytes of the buffer without the end of the head
  std::optional<ChunkReader> chunks_;  // of a chunked body …
  std::uint64_t body_left_ = 0;        // … or what is to come of one with a length
  std::string_view piece_;
  std::string problem_;
  bool keep_alive_ = false;
  bool until_close_ = false;
  bool done_ = false;
  bool ended_by_close_ = false;
};

}  // namespace millrace::net
