// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "discovery/registry.h"
#include "net/asio.h"
#include "net/http_server.h"

namespace millrace::gateway {

// What /readyz says.
struct Readiness {
  std::vector<std::string> why_not;  // empty: ready
  std::size_t nodes_serving = 0;
  std::vector<std::string> kinds;  // of workers that serve, sorted
};
Readiness judge_readiness(const discovery::Snapshot& snapshot, std::string_view cell,
                          bool draining);
std::string to_json(const Readiness& readiness);

// The ops port: /metrics /livez /readyz /version. It has a server and a thread of its own and never
// waits behind the accept gate.
class OpsService {
 public:
  // All outlive it.
  OpsService(const base::Metrics& metrics, const discovery::RegistryView& registry,
             std::string cell)
      : metrics_(metrics), registry_(registry), cell_(std::move(cell)) {}

  net::Awaitable<void> handle(net::HttpExchange& exchange);
  // From now on /readyz says no. Any thread.
  void set_draining() { draining_ = true; }

 private:
  const base::Metrics& metrics_;
  const discovery::RegistryView& registry_;
  std::string cell_;
  std::atomic<bool> draining_{false};
};

// {"program":"millrace-gateway","version":"0.1.0"}
std::string version_json();

}  // namespace millrace::gateway
