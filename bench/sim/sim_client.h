// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/lab/histogram.h"
#include "bench/lab/scenario.h"
#include "bench/lab/tally.h"
#include "bench/sim/cores.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_costs.h"
#include "bench/sim/sim_gateway.h"
#include "bench/sim/sim_port.h"

namespace millrace::bench::sim {

// The head that RequestMaker wrote, as the gateway reads it.
SimRequest request_of(const std::string& head, std::size_t mix);

// The lab's generator in virtual time: one thread, and kept-alive connections of which the one used
// last is used first. Every request that is submitted ends once.
class SimClient {
 public:
  struct Request {
    std::size_t step = 0;
    std::size_t mix = 0;
    base::TimePoint intended{};  // latency counts from here
    std::string head;
  };
  using Done = std::function<void(const Request&, const Outcome&)>;

  // All outlive it. `done` may submit another.
  SimClient(EventQueue& events, Cores& cores, const Scenario& scenario, const SimCosts& costs,
            SimPort& port, SimGateway& gateway, Done done);
  void submit(Request request);
  // Every request that has no answer yet ends as `unanswered`.
  void abandon_all();
  [[nodiscard]] std::size_t outstanding() const { return outstanding_.size(); }

  std::uint64_t waited_for_connection = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_max_seen = 0;
  Histogram late_start;

 private:
  struct Connection {
    SimPort::ConnectionPtr server;
    std::uint64_t request = 0;  // 0: none
  };
  using ConnectionPtr = std::shared_ptr<Connection>;
  void send(std::uint64_t id);
  void open_for(std::uint64_t id);
  void send_on(const ConnectionPtr& connection, std::uint64_t id);
  void answered(const ConnectionPtr& connection, std::uint64_t id, const SimReply& reply);
  void lost(const ConnectionPtr& connection);
  void next_waiting();
  void finish(std::uint64_t id, Outcome outcome);

  EventQueue& events_;
  const Scenario& scenario_;
  const SimCosts& costs_;
  SimPort& port_;
  SimGateway& gateway_;
  Done done_;
  Cores::Thread& thread_;
  std::unordered_map<std::uint64_t, Request> outstanding_;
  std::vector<ConnectionPtr> idle_;
  std::deque<std::uint64_t> waiting_;
  std::size_t connections_ = 0;
  std::uint64_t next_id_ = 1;
};

}  // namespace millrace::bench::sim
