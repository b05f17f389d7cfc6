// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"
#include "net/asio.h"
#include "net/cancel.h"
#include "net/endpoint.h"
#include "net/headers.h"

namespace millrace::net {

struct HttpClientLimits {
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds read_timeout{30'000};  // without one byte of progress, after the head
  std::chrono::milliseconds idle_timeout{30'000};  // a pooled connection is closed after
  base::Bytes headers_max{32 << 10};
  std::size_t idle_per_endpoint_max = 256;
  std::size_t connections_per_endpoint_max = 1024;  // above it: waits within the deadline
};

struct ClientRequest {
  std::string method = "GET";
  std::string target = "/";
  Headers headers{};  // Host and Content-Length are added
  std::string body{};
  // A body-less or idempotent request that fails on a pooled connection before any byte of the
  // answer came is sent once more on a fresh one (the server had closed the idle connection). False
  // forbids it.
  bool repeat_on_stale_connection = true;
  // Over a unix socket: descriptors that come beside the answer's head are taken. Otherwise the
  // kernel drops them.
  bool takes_descriptors = false;
};

// An answer whose body is still to be read. Destroying it returns the connection to the pool when
// the body was read to its end, and closes the connection otherwise.
class ClientResponse {
 public:
  virtual ~ClientResponse() = default;
  [[nodiscard]] virtual int status() const = 0;
  [[nodiscard]] virtual const Headers& headers() const = 0;
  // nullopt: chunked or until close.
  [[nodiscard]] virtual std::optional<std::uint64_t> content_length() const = 0;
  // What came in the same read as the head, at once and without a further system call (may be
  // empty). The next piece of the body; empty at its end. Valid until the next call. OriginFailed
  // on a break in the middle, Deadline when that has passed, ClientGone when cancelled.
  virtual Awaitable<base::Result<std::string_view>> read_some() = 0;
  [[nodiscard]] virtual bool body_complete() const = 0;  // all of it has been handed out
  // Those that came with the head, once.
  [[nodiscard]] virtual std::vector<base::UniqueFd> take_descriptors() = 0;
  // Everything, or SourceTooLarge above `max`.
  Awaitable<base::Result<std::string>> read_all(base::Bytes max);
};

// Pooled HTTP/1.1 client of one io_context; use it on that thread only. Connections are kept per
// endpoint, with TLS verified against the system's certificates.
class HttpClient {
 public:
  struct Options {
    HttpClientLimits limits{};
    std::string ca_file{};  // PEM, instead of the system's store; for tests and private origins
  };
  HttpClient(asio::io_context& io, Options options);
  ~HttpClient();

  // Resolves, connects (or takes a pooled connection), sends and reads the head. OriginFailed when
  // nothing could be reached or the answer is not HTTP (detail begins "connect:" when no connection
  // was made, "no descriptor:" when none could be tried), Deadline, or ClientGone when `cancel`
  // fires; both are noticed within about 50 ms and hold for the body too. Internal, with nothing
  // sent, when the method, target or a field holds a forbidden character. Redirects are not
  // followed. A Host field in `request` replaces the endpoint's own.
  Awaitable<base::Result<std::unique_ptr<ClientResponse>>> send(Endpoint endpoint,
                                                                ClientRequest request,
                                                                base::Deadline deadline,
                                                                CancelToken cancel = {});
  void close_idle();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::net
