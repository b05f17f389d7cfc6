// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "discovery/record.h"
#include "net/asio.h"
#include "pipeline/pipeline.h"

namespace millrace::discovery {

// All nodes at one moment, with the catalogue of everything they can do. Immutable, shared between
// threads.
struct Snapshot {
  std::uint64_t generation = 0;
  std::vector<std::shared_ptr<const NodeRecord>> nodes;
  pipeline::Catalogue catalogue;
};

// Where gateways learn about nodes. Implementations publish from their own thread.
class RegistryView {
 public:
  virtual ~RegistryView() = default;
  // Never null. The last good one when the registry cannot be reached. Any thread, wait-free.
  [[nodiscard]] virtual std::shared_ptr<const Snapshot> snapshot() const = 0;
};

// Where an agent makes itself known.
class Registrar {
 public:
  virtual ~Registrar() = default;
  // The record to publish from now on (state or kinds changed): sent at once.
  virtual void publish(NodeRecord record) = 0;
  // Heartbeats until cancelled; never fails, retries with back-off and says so in log and metrics.
  virtual net::Awaitable<void> run() = 0;
  // Takes the node out (drain) and waits for the registry's word, at most until the deadline.
  virtual net::Awaitable<void> withdraw() = 0;
};

}  // namespace millrace::discovery
