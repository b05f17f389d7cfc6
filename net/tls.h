// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/asio.h"
// after asio.h
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace millrace::net {

using StreamSocket =
    asio::basic_stream_socket<asio::generic::stream_protocol, asio::io_context::executor_type>;

// What a client trusts: the system's certificates, or those of a PEM file.
class TlsContext {
 public:
  // Internal when the certificates cannot be read.
  static base::Result<std::shared_ptr<TlsContext>> make(const std::string& ca_file);
  ~TlsContext();

 private:
  friend class TlsStream;
  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// TLS 1.2 or newer over a connected socket that outlives it; the peer's certificate must be valid
// for `host`. Waits are broken off by cancelling the socket.
class TlsStream {
 public:
  TlsStream(std::shared_ptr<TlsContext> context, StreamSocket& socket, std::string host);
  ~TlsStream();

  using Problem = boost::system::error_code;
  Awaitable<Problem> handshake();
  // Bytes read; zero with a problem. `problem` outlives the call.
  Awaitable<std::size_t> read_some(std::span<char> into, Problem& problem);
  Awaitable<Problem> write(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
