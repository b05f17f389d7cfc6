// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/http_server.h"
#include "net/intrusive_list.h"
#include "net/server_metrics.h"
// after asio.h
#include <boost/asio/steady_timer.hpp>

namespace millrace::net {

class ServerConnection;
struct ParkedList;  // a kind of IntrusiveList

// One thread's side of the request gate: the connections that wait for it, first come first served.
// Permits that another thread gives back are noticed by a tick, which runs only while somebody
// waits.
class GateQueue : public std::enable_shared_from_this<GateQueue> {
 public:
  // `opened` is called when there is room and no connection waits for it.
  GateQueue(asio::io_context& io, std::shared_ptr<RequestGate> gate, const ServerMetrics& metrics,
            std::function<void()> opened);

  [[nodiscard]] bool open() const { return !gate_ || gate_->has_room(); }
  [[nodiscard]] bool try_enter() { return !gate_ || gate_->try_acquire(); }
  void left();  // gives the permit back

  // Has bytes of a request that nobody reads before there is room.
  void park_reader(ServerConnection& connection) { park(readers_, connection); }
  // Has a whole request, and waits for a permit.
  void park_request(ServerConnection& connection) { park(requests_, connection); }
  void unparked() { metrics_.waiting.add(-1); }  // a parked one goes on, for whatever reason
  // Cuts the parked ones whose clients have left. One system call for each kind.
  void drop_gone();
  void stop();

 private:
  using Timer = asio::basic_waitable_timer<base::Clock, asio::wait_traits<base::Clock>,
                                           asio::io_context::executor_type>;
  using List = IntrusiveList<ServerConnection, ParkedList>;

  void park(List& list, ServerConnection& connection);
  void drop_gone(List& list);
  void wake_some();
  void arm();

  const std::shared_ptr<RequestGate> gate_;
  const ServerMetrics& metrics_;
  const std::function<void()> opened_;
  List readers_;
  List requests_;
  Timer timer_;
  bool ticking_ = false;
  bool stopped_ = false;
};

}  // namespace millrace::net
