// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "agent/config.h"
#include "agent/metrics.h"
#include "agent/variant_service.h"
#include "base/result.h"
#include "net/http_server.h"
#include "pipeline/task.h"

namespace millrace::agent {

// The agent's answers to gateways: POST /v1/task (docs/formats/task.md) and GET /v1/load. Checks
// the fleet's signature and the replay window, asks VariantService, and writes the answer from the
// cache file's memory. One thread.
class TaskServer : public std::enable_shared_from_this<TaskServer> {
 public:
  // The load that answers carry is made anew at most so often.
  static constexpr base::Duration kLoadLife = std::chrono::milliseconds(20);
  struct Options {
    std::string node_id;
    std::string fleet_key;
    std::chrono::milliseconds clock_skew{30'000};
    std::chrono::milliseconds deadline_max{30'000};
    std::size_t waiting_max = 20'000;
    std::set<std::string> tiers;  // those with a queue
    std::string lightest_tier;    // where tasks of any other wait
  };
  struct Sources {
    std::function<pipeline::NodeLoad()> load;  // what rides on every answer
    // For 503 and 504: when to come back, for a user of this tier.
    std::function<std::size_t(const std::string& tier)> retry_after_s;
  };
  TaskServer(Options options, Sources sources, std::shared_ptr<VariantService> variants,
             const AgentMetrics& metrics);

  // Answers the exchange, whatever it asks.
  static net::Awaitable<void> handle(std::shared_ptr<TaskServer> server,
                                     net::HttpExchange& exchange);
  // From now on tasks are refused with `draining`; those that run go on.
  void drain() { draining_ = true; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  base::Result<pipeline::Task> accept(const net::HttpRequest& request);
  VariantRequest request_of(pipeline::Task& task, const net::HttpRequest& http,
                            base::TimePoint received);
  net::Awaitable<void> task(net::HttpExchange& exchange);
  net::Awaitable<base::Result<VariantOutcome>> wait_for(net::HttpExchange& exchange,
                                                        VariantRequest request);
  // Who asked, as far as the answer needs to know.
  struct Asker {
    std::string request_id;
    std::string tier;
  };
  net::Awaitable<void> answer(net::HttpExchange& exchange, const VariantOutcome& outcome,
                              const Asker& asker);
  net::Awaitable<void> send_file(net::HttpExchange& exchange, net::HttpHead head, CachedFile& file,
                                 const Asker& asker);
  net::Awaitable<void> refuse(net::HttpExchange& exchange, const base::Error& error,
                              const Asker& asker);
  void add_node_fields(net::Headers& headers, base::TimePoint now);

  Options options_;
  Sources sources_;
  std::shared_ptr<VariantService> variants_;
  const AgentMetrics& metrics_;
  pipeline::ReplayWindow replay_;
  std::size_t waiting_ = 0;
  bool draining_ = false;
  bool warned_of_tier_ = false;
  std::string load_text_;
  base::TimePoint load_made_{};
};

}  // namespace millrace::agent
