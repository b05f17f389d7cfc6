// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "discovery/config.h"
#include "discovery/registry.h"
#include "net/asio.h"

namespace millrace::discovery {

// Keeps an agent known to the embedded registries of its gateways, with hanging heartbeats
// (docs/formats/registry.md). On one io_context's thread.
class HttpRegistrar final : public Registrar {
 public:
  // BadParameter when an address of the configuration cannot be read. `metrics` may be null, else
  // outlives it.
  static base::Result<std::unique_ptr<HttpRegistrar>> make(net::asio::io_context& io,
                                                           const RegistrarConfig& config,
                                                           std::string fleet_key,
                                                           base::Metrics* metrics = nullptr);
  ~HttpRegistrar() override;

  void publish(NodeRecord record) override;
  // Returns after withdraw() or stop().
  net::Awaitable<void> run() override;
  // Waits for the word of every registry that is reachable, at most withdraw_timeout.
  net::Awaitable<void> withdraw() override;
  // Ends run() and breaks the hanging heartbeats, as a death would.
  void stop();
  // At least one registry has this node's record.
  [[nodiscard]] bool registered() const;

 private:
  struct Impl;
  explicit HttpRegistrar(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::discovery
