// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "bench/sim/cores.h"
#include "bench/sim/draws.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_costs.h"
#include "gateway/config.h"
#include "net/connection_limit.h"
#include "net/connection_phase.h"
#include "ratelimit/accept_gate.h"

namespace millrace::bench::sim {

// The gateway's media port: its connections with their phases and time-outs, bounded by the
// product's ConnectionLimit, and its requests in flight, bounded by the product's AcceptGate. The
// kernel deals connections out to the threads ("lanes"), by chance. No bytes.
class SimPort {
 public:
  using Phase = net::Phase;
  struct Connection {
    std::size_t lane = 0;
    Phase phase = Phase::Idle;
    base::TimePoint since{};
    bool open = true;
    std::function<void()> closed;  // by the server; mostly holds this connection, so ends with it
    std::list<std::shared_ptr<Connection>>::iterator place;
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  SimPort(EventQueue& events, Cores& cores, const gateway::GatewayConfig& config,
          const SimCosts& costs, std::uint64_t seed);
  ~SimPort();
  SimPort(const SimPort&) = delete;
  SimPort& operator=(const SimPort&) = delete;

  // A client connects. `opened` is called when a thread has accepted, with null when the backlog is
  // full. `closed` when the server ends it later.
  void connect(std::function<void(ConnectionPtr)> opened, std::function<void()> closed);
  // No effect on a connection that is not open any more.
  void enter(const ConnectionPtr& connection, Phase phase);
  void close(const ConnectionPtr& connection);  // by the client

  // A whole request is there: `then` when it has a permit, which left() gives back.
  void enter_gate(std::function<void()> then);
  void leave_gate();

  [[nodiscard]] std::size_t lanes() const { return threads_.size(); }
  [[nodiscard]] Cores::Thread& thread(std::size_t lane) { return *threads_[lane]; }
  [[nodiscard]] std::size_t open() const { return limit_.open(); }
  [[nodiscard]] std::uint64_t pushed_out() const { return pushed_out_; }

 private:
  struct Knock {
    std::function<void(ConnectionPtr)> opened;
    std::function<void()> closed;
  };
  using List = std::list<ConnectionPtr>;
  void accept(Knock knock);
  void accept_waiting();
  void push_out(std::size_t lane, Phase phase);
  void shut(const ConnectionPtr& connection, bool by_server);
  void publish(std::size_t lane, Phase phase);
  void tick();

  EventQueue& events_;
  const SimCosts& costs_;
  net::HttpServerLimits limits_;
  Draws draws_;
  std::vector<Cores::Thread*> threads_;
  ratelimit::AcceptGate gate_;
  std::deque<std::function<void()>> parked_;
  net::ConnectionLimit limit_;
  std::vector<std::shared_ptr<net::ConnectionLimit::Share>> shares_;
  std::vector<std::array<List, net::kPhaseCount>> by_phase_;  // by lane, in order of entry
  std::deque<Knock> backlog_;
  std::uint64_t pushed_out_ = 0;
};

}  // namespace millrace::bench::sim
