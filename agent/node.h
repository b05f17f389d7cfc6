// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/config.h"
#include "base/metrics.h"
#include "base/result.h"
#include "discovery/registry.h"
#include "net/asio.h"
#include "net/endpoint.h"
#include "storage/config.h"

namespace millrace::agent {

// One node's agent, whole: cache, workers, queues, task port, ops port, and the node's record in
// the registry. On one io_context's thread.
class Node {
 public:
  struct Options {
    AgentConfig config;
    storage::StorageConfig storage;
    std::string fleet_key;
    std::string worker_binary;  // path of millrace-image-worker
    std::string version;
  };
  // What is wrong with the configuration or the machine: BadParameter or Internal with a sentence
  // for the operator. `registrar` may be null (tests), else outlives the node.
  static base::Result<std::unique_ptr<Node>> start(net::asio::io_context& io, Options options,
                                                   base::Metrics& metrics,
                                                   discovery::Registrar* registrar);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Publishes `draining`, refuses new tasks, lets the running ones end within drain_timeout,
  // withdraws from the registry and stops the workers; then calls `drained`. Once.
  void drain(std::function<void()> drained);

  [[nodiscard]] net::Endpoint task_endpoint() const;
  [[nodiscard]] net::Endpoint ops_endpoint() const;
  // Empty when ready for tasks.
  [[nodiscard]] std::string why_not_ready() const;

 private:
  struct Impl;
  explicit Node(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::agent
