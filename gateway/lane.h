// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "base/metrics.h"
#include "gateway/media_service.h"
#include "gateway/shared.h"
#include "net/asio.h"
#include "net/connection_limit.h"
#include "net/http_server.h"
#include "net/io_pool.h"

namespace millrace::gateway {

// What the lanes of the media port have in common.
struct LanePort {
  std::shared_ptr<net::RequestGate> gate;
  std::shared_ptr<net::ConnectionLimit> connections;
  base::Metrics& metrics;  // outlives them
};

// The media port on one thread, and what it looks after between requests. Made and destroyed while
// its io_context does not run.
class Lane {
 public:
  // All outlive it. `threads`: of this gateway, each with a lane of its own.
  Lane(net::asio::io_context& io, net::BlockingPool& disk, Shared& shared, const LanePort& port,
       std::size_t threads);

  [[nodiscard]] net::asio::io_context& io() { return io_; }
  [[nodiscard]] net::HttpServer& server() { return server_; }

 private:
  net::Awaitable<void> look_after();

  net::asio::io_context& io_;
  const Shared& shared_;
  MediaService service_;
  net::HttpServer server_;
};

}  // namespace millrace::gateway
