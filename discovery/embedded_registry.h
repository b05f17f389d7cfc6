// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "discovery/config.h"
#include "discovery/registry.h"
#include "net/asio.h"
#include "net/http_server.h"

namespace millrace::discovery {

// The registry that lives in a gateway: a RegistryView for the router, and endpoints for the agents
// of the fleet (docs/formats/registry.md). It keeps nothing on disk: after a restart its agents are
// back within a heartbeat. Any thread may call any member; handlers run on their connection's
// thread.
class EmbeddedRegistry final : public RegistryView {
 public:
  // Expiry ticks on `io`, which outlives this object. `metrics` may be null, else outlives it too.
  EmbeddedRegistry(net::asio::io_context& io, const RegistryConfig& config, std::string fleet_key,
                   base::Metrics* metrics = nullptr);
  ~EmbeddedRegistry() override;

  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const override;

  // True for the targets that `handle` answers: everything under /v1/registry/.
  [[nodiscard]] static bool owns(std::string_view target);
  // POST /v1/registry/nodes/<id> (a hanging heartbeat) and GET /v1/registry/nodes. This object
  // outlives the exchange.
  net::Awaitable<void> handle(net::HttpExchange& exchange);

  // The gateway was refused a connection by this node: it is out of the snapshot until its next
  // heartbeat.
  void note_connect_failure(std::string_view node_id, std::string_view incarnation);

  // Hanging heartbeats are answered at once, and later ones too, so that the server can drain.
  void drain();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::discovery
