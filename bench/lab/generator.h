// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <netinet/in.h>
#include <string>
#include <vector>

#include "bench/lab/client_pool.h"
#include "bench/lab/result.h"
#include "bench/lab/schedule.h"
#include "bench/lab/target.h"

namespace millrace::bench {

// Sends a scenario's requests to one server, on the calling thread.
class Generator {
 public:
  // `scenario` and `maker` must outlive it.
  Generator(const Scenario& scenario, RequestMaker& maker, const sockaddr_in& server);

  // What a closed loop found: answers a second, by what they were.
  struct ClosedLoop {
    double good_per_s = 0;
    Tally tally;
  };
  // Keeps `in_flight` requests of the named mixes (all when empty, by weight) in flight for
  // `duration`.
  ClosedLoop run_closed(std::size_t in_flight, Milliseconds duration,
                        const std::vector<std::string>& mixes);

  // Sends every arrival of `schedule` when it is due, counting from `start`, whatever comes back;
  // then waits for answers for the scenario's drain time. Fills the result's steps and series.
  void run_open(Schedule& schedule, SteadyTime start, RunResult& result);

 private:
  const Scenario& scenario_;
  RequestMaker& maker_;
  sockaddr_in server_;
};

}  // namespace millrace::bench
