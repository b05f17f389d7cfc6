// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/unique_fd.h"
#include "net/connection_limit.h"
#include "net/connection_phase.h"
#include "net/gate_queue.h"
#include "net/http_server.h"
#include "net/intrusive_list.h"
#include "net/raw_socket.h"
#include "net/read_buffer.h"
#include "net/server_metrics.h"
// after asio.h
#include <boost/asio/steady_timer.hpp>

namespace millrace::net {

class ServerConnection;
class ServerListener;
struct PhaseList;  // a kind of IntrusiveList

// The state that a server, its listeners and its connections share; one thread. It outlives the
// server, as long as a connection's coroutine does.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(asio::io_context& io, HttpServer::Options options, HttpHandler handler);
  ~ServerCore();

  base::Result<void> listen(const Endpoint& endpoint);
  [[nodiscard]] Endpoint local_endpoint() const { return local_endpoint_; }
  void drain(base::Deadline deadline, std::function<void()> drained);
  void stop();  // no further accept, every connection is cut

  [[nodiscard]] const HttpServer::Options& options() const { return options_; }
  [[nodiscard]] const HttpHandler& handler() const { return handler_; }
  [[nodiscard]] const ServerMetrics& metrics() const { return metrics_; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] bool stopped() const { return stopped_; }

  // For listeners.
  [[nodiscard]] bool may_accept() const { return gate_->open() && limit_->may_open(); }
  bool push_out() { return limit_->push_out(); }
  // Accept gave the number `excess` above the highest that this port may use: so many connections,
  // and the new one, are too many. False when nobody gives way.
  bool hold_connections(std::size_t excess);
  void release_hold() { limit_->release_hold(); }
  void admit(base::UniqueFd fd, int family, const SocketAddress& peer);

  // For connections.
  void enter(ServerConnection& connection, Phase phase);
  void left(Phase phase);
  void settled() { limit_->settled(); }  // an evicted one goes on, or has left
  GateQueue& gate() { return *gate_; }
  [[nodiscard]] asio::io_context& io() { return io_; }
  // Buffers go round between connections, so that an idle one holds none and a hot one is reused.
  ReadBuffer take_buffer();
  void return_buffer(ReadBuffer buffer);
  // For bytes that are thrown away at once.
  std::span<char> scratch();

  HttpServer::Counts counts;

 private:
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>,
                                           asio::io_context::executor_type>;
  using List = IntrusiveList<ServerConnection, PhaseList>;

  [[nodiscard]] std::chrono::milliseconds timeout_of(Phase phase) const;
  void join_limit();
  void give_way(Phase phase);
  void publish(Phase phase);
  void arm_tick(bool soon = false);
  bool tick();
  bool expire(Phase phase, base::TimePoint now);
  void show_idle();
  void wake_listeners();
  void cut_all();
  void report_drained();
  List& list(Phase phase) { return lists_[index_of(phase)]; }

  asio::io_context& io_;
  const HttpServer::Options options_;
  const HttpHandler handler_;
  const ServerMetrics metrics_;
  const std::shared_ptr<ConnectionLimit> limit_;
  std::shared_ptr<ConnectionLimit::Share> share_;  // from listen to stop
  const std::shared_ptr<GateQueue> gate_;
  std::vector<std::shared_ptr<ServerListener>> listeners_;
  Endpoint local_endpoint_;
  std::array<List, kPhaseCount> lists_;
  std::vector<ReadBuffer> buffers_;
  std::unique_ptr<char[]> scratch_;
  Timer tick_timer_;
  std::size_t idle_ = 0;        // connections in Phase::Idle …
  std::size_t idle_shown_ = 0;  // … as the gauge has it
  bool ticking_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  base::Deadline drain_deadline_;
  std::function<void()> drained_;
};

}  // namespace millrace::net
