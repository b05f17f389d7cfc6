// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "base/metrics.h"
#include "discovery/beat_schedule.h"
#include "discovery/config.h"
#include "discovery/registry_protocol.h"
#include "net/asio.h"
#include "net/cancel.h"
#include "net/http_client.h"

namespace millrace::discovery {

// What an agent has to say, shared by its links. One thread.
struct Outbox {
  std::string fleet_key;
  std::string target;          // /v1/registry/nodes/<id>
  std::string body;            // the record's JSON; empty before the first publish
  std::uint64_t sequence = 0;  // of the last message

  [[nodiscard]] net::ClientRequest next(const std::string& message);
};

// Heartbeats of one agent to one registry, on one io_context's thread. Held by shared_ptr: a
// heartbeat that is under way keeps its link.
class RegistryLink {
 public:
  RegistryLink(net::asio::io_context& io, net::Endpoint registry, const RegistrarConfig& config,
               std::shared_ptr<Outbox> outbox, base::Metrics* metrics);

  // Until stop().
  static net::Awaitable<void> run(std::shared_ptr<RegistryLink> link);
  void changed();
  // Sends `body` (the record with state down) instead of any further heartbeat; true when the
  // registry took it.
  static net::Awaitable<bool> withdraw(std::shared_ptr<RegistryLink> link, std::string body,
                                       base::Deadline deadline);
  // Ends run(), breaks what is under way.
  void stop();
  [[nodiscard]] bool registered() const { return !silent_ && schedule_.registered(); }

 private:
  static net::Awaitable<void> beat(std::shared_ptr<RegistryLink> link, net::ClientRequest request,
                                   std::uint64_t sequence);
  net::Awaitable<base::Result<BeatAnswer>> post(net::ClientRequest request,
                                                base::Deadline deadline);
  void settle(std::uint64_t sequence, const base::Result<BeatAnswer>& answer);
  void wake();

  net::asio::io_context& io_;
  net::Endpoint registry_;
  RegistrarConfig config_;
  std::shared_ptr<Outbox> outbox_;
  net::HttpClient client_;
  BeatSchedule schedule_;
  net::asio::steady_timer due_;
  net::CancelSource cancel_;
  std::minstd_rand random_;
  bool silent_ = false;  // no further heartbeat: withdrawn
  bool stopped_ = false;
  bool counted_ = false;
  base::Counter failures_;
  base::Gauge registered_gauge_;
};

}  // namespace millrace::discovery
