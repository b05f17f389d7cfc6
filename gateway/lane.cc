// SPDX-License-Identifier: Apache-2.0
#include "gateway/lane.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace millrace::gateway {
namespace {

constexpr base::Duration kTick = std::chrono::milliseconds(100);

}  // namespace

Lane::Lane(net::asio::io_context& io, net::BlockingPool& disk, Shared& shared, const LanePort& port,
           std::size_t threads)
    : io_(io),
      shared_(shared),
      service_(io, disk, shared, threads),
      server_(io,
              net::HttpServer::Options{
                  .limits = shared.config.limits.server,
                  .name = "media",
                  .reuse_port = true,
                  .standing = net::HttpServer::Standing::Public,
                  .gate = port.gate,
                  .connections = port.connections,
                  .refusal = [this](const base::Error& error) { return service_.refuse(error); },
                  .metrics = &port.metrics},
              [this](net::HttpExchange& exchange) { return service_.handle(exchange); }) {
  net::asio::co_spawn(io_, look_after(), net::asio::detached);
}

net::Awaitable<void> Lane::look_after() {
  net::asio::steady_timer timer(io_);
  while (true) {
    timer.expires_after(kTick);
    co_await timer.async_wait(net::asio::use_awaitable);
    service_.variants().ask_loads();
    shared_.metrics->throttle_users.set(static_cast<double>(shared_.throttle.users()));
  }
}

}  // namespace millrace::gateway
