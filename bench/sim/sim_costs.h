// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::bench::sim {

// What everything but the work itself takes: processor time of each thing that gateway, agent and
// generator do, and times that pass without a processor. Measured; docs/simulator.md says where and
// how. Nothing of it is chosen so that a curve fits.
struct SimCosts {
  using Microseconds = std::chrono::microseconds;
  // Gateway, a thread of it. A request refused there: read + refuse.
  Microseconds gateway_accept{20};  // a new connection
  Microseconds gateway_read{10};    // head, caller, limits, choice of a node
  Microseconds gateway_refuse{10};  // answer and log line
  Microseconds gateway_send{30};    // task to the agent
  Microseconds gateway_relay{425};  // its answer, to the client
  Microseconds gateway_peek{5};     // some bytes of a head
  Microseconds gateway_original{40};
  // Agent, its one thread. A task refused there: read + refuse. One from the cache: read + answer.
  Microseconds agent_read{15};
  Microseconds agent_refuse{15};
  Microseconds agent_prepare{200};   // original and probe are looked up
  Microseconds agent_dispatch{200};  // a worker is told
  Microseconds agent_finish{380};    // its answer, the cache
  Microseconds agent_answer{10};
  Microseconds agent_fetch{150};  // an original that is not in the cache, or is asked after
  // Generator, its one thread.
  Microseconds generator_send{10};
  Microseconds generator_receive{15};
  Microseconds attacker_action{8};  // a connection opened, a byte sent
  // Without processor.
  Microseconds network{15};      // one way, over loopback
  Microseconds local_disk{200};  // an original from a folder
  Microseconds origin{1'000};    // a healthy HTTP origin's answer
  Microseconds worker_start{400'000};
  Microseconds probe{1'500};  // processor time of the worker that probes

  double worker_memory_mib = 60;  // what workers tell the cost model

  // What a measured run says, instead of the values above: of admitted requests in its least loaded
  // step that refused nobody, of the gateway's refusals and of its generator in its most loaded
  // one. BadParameter: not a result.
  base::Result<void> learn(std::string_view result_json);
};

}  // namespace millrace::bench::sim
