// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "net/http_server.h"

namespace millrace::agent {

// The operator's port: /metrics, /livez, /readyz (says why not), /version. One thread.
struct OpsPage {
  base::Metrics& metrics;
  std::function<void()> refresh;               // brings the gauges up to date
  std::function<std::string()> why_not_ready;  // empty: ready
  std::string program;
  std::string version;
};
// `page` outlives the exchange.
net::Awaitable<void> answer_ops(const OpsPage& page, net::HttpExchange& exchange);

}  // namespace millrace::agent
