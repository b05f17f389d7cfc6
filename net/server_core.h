// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_server.h"
#include "net/intrusive_list.h"
#include "net/wake_up.h"
// after asio.h
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace millrace::net {

class ServerConnection;
struct PhaseList;  // kinds of IntrusiveList
struct ParkedList;

// What a connection is doing; each phase but Handling has its time-out. Since all members of a
// phase have the same one, the list of a phase in order of entry is also in order of expiry, and
// the front is all that a tick must look at.
enum class Phase { Idle, Head, Body, Handling, Writing, Lingering };
constexpr std::size_t kPhaseCount = 6;

// The state that a server, its listeners and its connections share; one thread. It outlives the
// server, as long as a connection's coroutine does.
class ServerCore : public std::enable_shared_from_this<ServerCore> {
 public:
  ServerCore(asio::io_context& io, HttpServer::Options options, HttpHandler handler);
  ~ServerCore();

  base::Result<void> listen(const Endpoint& endpoint);
  [[nodiscard]] Endpoint local_endpoint() const;
  void drain(base::Deadline deadline, std::function<void()> drained);
  void stop();  // no further accept, every connection is cut

  // For connections.
  [[nodiscard]] const HttpServer::Options& options() const { return options_; }
  [[nodiscard]] const HttpHandler& handler() const { return handler_; }
  [[nodiscard]] bool draining() const { return draining_; }
  [[nodiscard]] bool stopped() const { return stopped_; }
  void left();
  void not_leaving() { --leaving_; }  // an evicted one goes on, or has left
  void enter(ServerConnection& connection, Phase phase);
  [[nodiscard]] bool gate_open() const { return !options_.gate || options_.gate->has_room(); }
  // Waits for room, without reading.
  void park_reader(ServerConnection& connection);
  // Waits with a whole request for a permit.
  void park_request(ServerConnection& connection);
  void permit_released();

  HttpServer::Counts counts;

 private:
  struct Listener;
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>,
                                           asio::io_context::executor_type>;
  using List = IntrusiveList<ServerConnection, PhaseList>;

  static Awaitable<void> accept(std::shared_ptr<ServerCore> core,
                                std::shared_ptr<Listener> listener);
  bool accept_some(Listener& listener);
  [[nodiscard]] bool may_accept();
  void make_room();
  [[nodiscard]] std::size_t staying() const { return counts.connections - leaving_; }
  [[nodiscard]] std::chrono::milliseconds timeout_of(Phase phase) const;
  void arm_tick();
  void tick();
  void arm_gate_tick();
  void wake_parked();
  void wake_listeners();
  void cut_all();
  void report_drained();
  List& list(Phase phase) { return lists_[static_cast<std::size_t>(phase)]; }

  asio::io_context& io_;
  const HttpServer::Options options_;
  const HttpHandler handler_;
  std::vector<std::shared_ptr<Listener>> listeners_;
  Endpoint local_endpoint_;
  std::array<List, kPhaseCount> lists_;
  IntrusiveList<ServerConnection, ParkedList> parked_readers_;
  IntrusiveList<ServerConnection, ParkedList> parked_requests_;
  Timer tick_timer_;
  Timer gate_timer_;
  std::size_t leaving_ = 0;  // evicted, and still counted as connections
  bool accept_paused_ = false;
  bool ticking_ = false;
  bool gate_ticking_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  base::Deadline drain_deadline_;
  std::function<void()> drained_;
};

}  // namespace millrace::net
