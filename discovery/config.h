// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/config.h"

namespace millrace::discovery {

// The embedded registry, in the gateway's process (section `gateway.registry:`).
struct RegistryConfig {
  std::chrono::milliseconds gone_after{5'000};      // without a heartbeat
  std::chrono::milliseconds heartbeat_hold{3'000};  // a heartbeat is answered at the latest after
  std::chrono::milliseconds clock_skew{30'000};     // between the clocks of node and registry
  std::chrono::milliseconds remember_commands{3'600'000};  // of nodes that are gone
  std::size_t nodes_max = 1'024;

  void bind(base::ConfigBinder& b);
};

// How an agent makes itself known (section `agent.registrar:`).
struct RegistrarConfig {
  std::vector<std::string> registries{"127.0.0.1:8081"};  // host:port of every gateway's API port
  std::chrono::milliseconds heartbeat_period{1'000};
  std::chrono::milliseconds back_off_min{
      50};  // after the first failure, doubled with each further one
  std::chrono::milliseconds back_off_max{500};
  std::chrono::milliseconds connect_timeout{1'000};
  std::chrono::milliseconds answer_timeout{6'000};  // above the registry's heartbeat_hold_ms
  std::chrono::milliseconds withdraw_timeout{1'000};

  void bind(base::ConfigBinder& b);
};

}  // namespace millrace::discovery
