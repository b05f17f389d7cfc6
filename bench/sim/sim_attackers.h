// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/lab/scenario.h"
#include "bench/lab/schedule.h"
#include "bench/sim/cores.h"
#include "bench/sim/draws.h"
#include "bench/sim/event_queue.h"
#include "bench/sim/sim_costs.h"
#include "bench/sim/sim_gateway.h"
#include "bench/sim/sim_port.h"

namespace millrace::bench::sim {

// The lab's attackers in virtual time, on a thread of their own: what they hold or throw away at
// the port, and what each touch costs the gateway. Kernel and socket buffers are not modelled: a
// bare SYN costs the gateway nothing, and an answer fits into what the kernel keeps for a reader.
class SimAttackers {
 public:
  using NextHead = std::function<std::string(std::size_t mix)>;
  // All outlive it. Times count from `start`.
  SimAttackers(EventQueue& events, Cores& cores, const Scenario& scenario,
               const std::vector<StepWindow>& steps, base::TimePoint start, const SimCosts& costs,
               SimPort& port, SimGateway& gateway, NextHead next_head);
  ~SimAttackers();

  // A sentence for each: "flood (idle): 10000 connections at a time, …"
  [[nodiscard]] std::vector<std::string> summaries() const;

 private:
  struct Run;
  using RunPtr = std::shared_ptr<Run>;
  [[nodiscard]] bool active(const Run& run) const;
  void pace(const RunPtr& run);
  void open_one(const RunPtr& run);
  void opened(const RunPtr& run, const SimPort::ConnectionPtr& connection);
  void write_slowly(const RunPtr& run, const SimPort::ConnectionPtr& connection);
  void ask(const RunPtr& run, const SimPort::ConnectionPtr& connection);
  void drop_all(Run& run);

  EventQueue& events_;
  base::TimePoint start_;
  const SimCosts& costs_;
  SimPort& port_;
  SimGateway& gateway_;
  NextHead next_head_;
  Cores::Thread* thread_;  // null: there are none
  Draws draws_;
  std::vector<RunPtr> runs_;
};

}  // namespace millrace::bench::sim
