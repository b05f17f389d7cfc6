// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/units.h"
#include "net/asio.h"
#include "net/connection_limit.h"
#include "net/endpoint.h"
#include "net/headers.h"

namespace millrace::net {

// Every limit has a default that is safe in front of the internet.
struct HttpServerLimits {
  base::Bytes request_line_max{8 << 10};
  base::Bytes headers_max{32 << 10};  // all fields of one request, with the request line
  base::Bytes body_max{1 << 20};
  std::chrono::milliseconds header_timeout{
      10'000};                                     // first byte of a request to the end of its head
  std::chrono::milliseconds body_timeout{30'000};  // end of head to end of body
  std::chrono::milliseconds idle_timeout{75'000};  // between requests of a kept-alive connection
  // A client that takes fewer than write_bytes_per_s_min of its answer over this time is dropped.
  // While no permit is left (RequestGate), the time is 5 s at most.
  std::chrono::milliseconds write_timeout{30'000};
  base::Bytes write_bytes_per_s_min{1 << 10};
  std::size_t connections_max = 20'000;  // above it the oldest idle one is closed
  int listen_backlog = 1'024;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // origin-form exactly as received, never decoded
  Headers headers;
  std::string body;
  [[nodiscard]] bool is_head() const { return method == "HEAD"; }
};

// Status line and fields of an answer. Date, Connection, Content-Length and Transfer-Encoding are
// the server's own.
struct HttpHead {
  int status = 200;
  Headers headers{};
};

// Bytes of a file, from its start, as the body of an answer.
struct FileBody {
  int fd = -1;  // borrowed; a regular file, open for reading
  std::uint64_t size_bytes = 0;
};

// Decides whether another request may be in flight; counted over all threads, so implementations
// are thread-safe. Without a permit the server neither accepts nor reads the next request.
class RequestGate {
 public:
  virtual ~RequestGate() = default;
  [[nodiscard]] virtual bool has_room() const = 0;
  [[nodiscard]] virtual bool try_acquire() = 0;
  virtual void release() = 0;
};

// One request and the answer to it. Lives in the connection's coroutine, on its thread. A failed
// write means that the client is gone (ClientGone) or too slow (SlowClient); the connection is then
// closed and the handler should just return. HEAD: body bytes are dropped here, so handlers treat
// it as GET.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  [[nodiscard]] virtual const HttpRequest& request() const = 0;
  [[nodiscard]] virtual std::string peer_address() const = 0;     // "127.0.0.1" or "unix"
  [[nodiscard]] virtual base::TimePoint received_at() const = 0;  // when the head was complete

  // The whole answer: one write for small bodies. `body` must stay valid until it returns.
  virtual Awaitable<base::Result<void>> respond(HttpHead head, std::string_view body) = 0;
  // The whole answer, its body by the kernel from the file to the socket (sendfile) and never
  // through this process. `sent_bytes` of the body have gone when it returns. A file that is
  // shorter cuts the connection, and is Internal. SIGPIPE must be ignored: sendfile knows no way
  // around it.
  virtual Awaitable<base::Result<void>> respond_file(HttpHead head, FileBody body,
                                                     std::uint64_t& sent_bytes) = 0;
  // Whether the peer is on this machine and can be handed a descriptor: it came by a unix socket.
  [[nodiscard]] virtual bool carries_descriptors() const = 0;
  // The whole answer, which has no bytes but `fd` beside its head. It stays the caller's.
  virtual Awaitable<base::Result<void>> respond_beside(HttpHead head, int fd) = 0;
  // A streamed answer: start, write…, finish. nullopt: chunked (HTTP/1.0: until close). `first`
  // goes out in the same write as the head. Writing more or less than content_length closes the
  // connection.
  virtual Awaitable<base::Result<void>> start(HttpHead head,
                                              std::optional<std::uint64_t> content_length,
                                              std::string_view first = {}) = 0;
  virtual Awaitable<base::Result<void>> write(std::string_view bytes) = 0;
  virtual Awaitable<base::Result<void>> finish() = 0;
  [[nodiscard]] virtual bool started() const = 0;  // a head has been sent
  // After an error in mid-body: the connection is cut so that the client sees the break.
  virtual void abort() = 0;

  // Called at most once, on this thread, before the last bytes of the answer (at most 64 KiB where
  // its body is a file or a stream, all of it where it is a text) are handed to the socket: what is
  // done here is done before the client has the whole answer, and nothing that it does then can
  // overtake it. Not called for an answer that ends before. Replaces an earlier one; empty removes
  // it.
  virtual void before_last_bytes(std::function<void()> callback) = 0;
  // Called at most once, on this thread, when the client closes while the handler still works
  // (noticed within about 250 ms). Replaces an earlier one; empty removes it.
  virtual void on_client_gone(std::function<void()> callback) = 0;
};

// Called for each request, on the connection's thread. It must answer; if it returns without, 500
// is sent. Exceptions are logged and become 500.
using HttpHandler = std::function<Awaitable<void>(HttpExchange&)>;
// Answers what never becomes a request (too long, malformed, too slow): gives body and headers for
// an error.
using HttpRefusal = std::function<std::pair<HttpHead, std::string>(const base::Error&)>;

// The JSON error body of docs/errors.md, with Cache-Control: no-store.
std::pair<HttpHead, std::string> error_answer(const base::Error& error,
                                              std::string_view request_id);
// Answers `error` on an exchange (nothing happens if a head has been sent already, except abort()).
Awaitable<void> respond_error(HttpExchange& exchange, const base::Error& error,
                              std::string_view request_id);

// A listener and its connections on one io_context. Several servers may listen on one port, each on
// its own thread (SO_REUSEPORT); `connections` then bounds the port's connections. Destroyed on
// that thread, or after it has ended, and before the io_context; what runs then is cut, so drain
// first.
class HttpServer {
 public:
  // What becomes of the port when the process runs out of descriptors. Public: it leaves some to
  // the rest of the process (net/descriptors.h). Private: it may take the last one. Vital: it has
  // some put aside, and answers when nobody else does.
  enum class Standing { Public, Private, Vital };
  struct Options {
    HttpServerLimits limits{};
    std::string name{};  // metric label: "media", "api", "ops", "agent"
    bool reuse_port = false;
    Standing standing = Standing::Private;
    std::shared_ptr<RequestGate> gate{};             // null: no gate
    std::shared_ptr<ConnectionLimit> connections{};  // null: limits.connections_max, for itself
    HttpRefusal refusal{};                           // empty: error_answer with no request id
    base::Metrics* metrics = nullptr;  // outlives the server; millrace_http_…{server=name}
  };
  HttpServer(asio::io_context& io, Options options, HttpHandler handler);
  ~HttpServer();

  // Binds and starts accepting. Internal with errno's text when the address cannot be bound.
  base::Result<void> listen(const Endpoint& endpoint);
  [[nodiscard]] Endpoint local_endpoint() const;  // with the port that the kernel chose
  // No further accept; idle connections close; running requests get `Connection: close` and finish.
  // `drained` is called once when none is left, or when `deadline` cut the rest.
  void drain(base::Deadline deadline, std::function<void()> drained);

  struct Counts {
    std::size_t connections = 0;
    std::size_t in_flight = 0;
    std::uint64_t accepted = 0;
    std::uint64_t requests = 0;
    std::uint64_t pushed_out = 0;  // connections closed to make room for newer ones
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::net
