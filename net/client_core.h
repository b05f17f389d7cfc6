// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/http_client.h"
#include "net/intrusive_list.h"
#include "net/read_buffer.h"
#include "net/tls.h"
// after asio.h
#include <boost/asio/steady_timer.hpp>

namespace millrace::net {

class ClientCall;
struct ActiveCalls;  // kinds of IntrusiveList
struct WaitingCalls;

struct ClientConnection {
  explicit ClientConnection(asio::io_context& io) : socket(io.get_executor()) {}
  StreamSocket socket;
  std::unique_ptr<TlsStream> tls;  // null: plain
  base::TimePoint idle_since;
  bool used = false;  // has carried a request before
};

// Connections by endpoint, and the clock of the calls under way. One thread; outlives the client as
// long as a call does.
class ClientCore : public std::enable_shared_from_this<ClientCore> {
 public:
  ClientCore(asio::io_context& io, HttpClient::Options options);
  ~ClientCore();

  struct EndpointHash {
    std::size_t operator()(const Endpoint& endpoint) const;
  };
  struct Pool {
    Endpoint endpoint;
    std::vector<std::unique_ptr<ClientConnection>> idle;  // oldest first; the newest is used first
    std::size_t open = 0;                                 // idle, in use, and being connected
    std::size_t users = 0;                                // calls that hold a reference
    IntrusiveList<ClientCall, WaitingCalls> waiting;
  };

  // A call holds its pool from join to leave, and its deadline is watched meanwhile.
  Pool& join(ClientCall& call, const Endpoint& endpoint);
  void leave(ClientCall& call, Pool& pool);
  // Null when none is idle. With `checked`, a look at the socket makes sure that the server has not
  // closed it.
  std::unique_ptr<ClientConnection> take_idle(Pool& pool, bool checked);
  // Closes what the server has closed.
  void drop_stale(Pool& pool);
  // Room for one more connection, if need be in place of an idle one; give_back or forget returns
  // it.
  bool reserve(Pool& pool);
  void give_back(Pool& pool, std::unique_ptr<ClientConnection> connection);
  void forget(Pool& pool, std::unique_ptr<ClientConnection> connection);

  void close_idle();
  void stop();
  base::Result<std::shared_ptr<TlsContext>> tls_context();
  // Buffers go round between connections, so that a pooled one holds none and a hot one is reused.
  ReadBuffer take_buffer();
  void return_buffer(ReadBuffer buffer);

  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] const HttpClientLimits& limits() const { return options_.limits; }
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>,
                                           asio::io_context::executor_type>;
  void wake_one(Pool& pool);
  void arm(base::Duration period);
  void tick();
  void expire_idle(base::TimePoint now);
  static bool is_stale(ClientConnection& connection);

  asio::io_context& io_;
  const HttpClient::Options options_;
  std::unordered_map<Endpoint, Pool, EndpointHash> pools_;
  IntrusiveList<ClientCall, ActiveCalls> active_;
  std::shared_ptr<TlsContext> tls_context_;
  std::vector<ReadBuffer> buffers_;
  Timer timer_;
  base::Duration period_{};  // zero: not armed
  base::TimePoint busy_at_;  // a call was under way then
  bool joined_since_tick_ = false;
  base::TimePoint idle_checked_at_;
  bool stopped_ = false;
};

}  // namespace millrace::net
