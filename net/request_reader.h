// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "net/chunk_reader.h"
#include "net/http_server.h"
#include "net/read_buffer.h"

namespace millrace::net {

// Turns the bytes of one connection into requests, within limits. No I/O and no clock: bytes go in
// by `space` and `commit`, `advance` says what to do next. Strict where leniency lets two servers
// see two different messages (RFC 9112 section 11.2): folded fields, bare line feeds, a
// Content-Length beside a Transfer-Encoding, codings other than chunked, a second or missing Host
// are refused.
class RequestReader {
 public:
  enum class Step {
    NeedMore,  // read into space()
    Continue,  // the client waits for "100 Continue" before it sends the body; then advance again
    Complete,  // request() is whole
    Refused,   // refusal() says why; nothing further can be read from this connection
  };

  explicit RequestReader(const HttpServerLimits& limits);
  ~RequestReader();

  // Without a buffer `space` allocates one; a server lends its own while bytes come.
  [[nodiscard]] bool has_buffer() const { return buffer_.capacity() > 0; }
  void use(ReadBuffer buffer) { buffer_ = std::move(buffer); }
  // Between requests: gives everything back that an idle connection need not hold, the buffer to
  // the caller.
  [[nodiscard]] ReadBuffer rest();
  [[nodiscard]] std::span<char> space();
  void commit(std::size_t count) { buffer_.commit(count); }
  Step advance();

  [[nodiscard]] bool idle() const { return !head_complete_ && buffer_.empty(); }
  [[nodiscard]] bool head_complete() const { return head_complete_; }
  // Bytes of a further request have come already.
  [[nodiscard]] bool has_unread() const { return !buffer_.empty(); }
  [[nodiscard]] const HttpRequest& request() const { return request_; }
  [[nodiscard]] const base::Error& refusal() const { return refusal_; }
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool is_http_1_0() const { return http_1_0_; }
  // Forgets the request; the bytes after it stay.
  void next_request();

 private:
  struct Parser;

  Step refuse(base::Reason reason, std::string sentence);
  Step advance_head();
  Step finish_head(std::size_t head_size);
  Step advance_body();
  Step advance_chunks(ChunkReader& chunks);
  std::size_t take_body(std::uint64_t wanted);
  bool take_origin_form();

  const HttpServerLimits& limits_;
  ReadBuffer buffer_;
  std::unique_ptr<Parser> parser_;
  HttpRequest request_;
  std::optional<ChunkReader> chunks_;  // of a chunked body …
  std::uint64_t body_left_ = 0;        // … or what is to come of another
  base::Error refusal_;
  std::size_t line_start_ = 0;  // in the buffer: of the line not yet complete
  bool request_line_complete_ = false;
  bool head_complete_ = false;
  bool continue_wanted_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
};

}  // namespace millrace::net
