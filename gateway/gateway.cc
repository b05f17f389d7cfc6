// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include "base/crypto.h"
#include "base/log.h"
#include "base/metrics.h"
#include "discovery/embedded_registry.h"
#include "gateway/api_service.h"
#include "gateway/delivery_book.h"
#include "gateway/gateway_metrics.h"
#include "gateway/lane.h"
#include "gateway/management_api.h"
#include "gateway/ops_service.h"
#include "gateway/shared.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "ratelimit/accept_gate.h"
#include "storage/bucket_set.h"

namespace millrace::gateway {
namespace {

using base::Result;

// The requests in flight of all threads.
class InFlightGate final : public net::RequestGate {
 public:
  explicit InFlightGate(std::size_t in_flight_max) : gate_(in_flight_max) {}
  [[nodiscard]] bool has_room() const override { return gate_.has_room(); }
  [[nodiscard]] bool try_acquire() override { return gate_.try_acquire(); }
  void release() override { gate_.release(); }

 private:
  ratelimit::AcceptGate gate_;
};

std::size_t thread_count(const GatewayConfig& config) {
  return config.threads > 0 ? config.threads
                            : std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

// Health and registry must stay reachable whatever the media port's limits are.
net::HttpServerLimits control_limits() {
  net::HttpServerLimits limits;
  limits.connections_max = 4'096;
  return limits;
}

Result<void> listen(net::HttpServer& server, const net::Endpoint& endpoint, std::string_view key) {
  auto bound = server.listen(endpoint);
  if (!bound) bound.error().public_message += " (gateway." + std::string(key) + ")";
  return bound;
}

// With SO_REUSEPORT the kernel lets another gateway of the same user listen on the same port and
// deals the connections out between the two. Asked without it, it says that the port is taken.
Result<void> refuse_taken_port(net::asio::io_context& io, const net::Endpoint& endpoint) {
  if (endpoint.port == 0) return {};
  net::HttpServer alone(io, {.name = "media"}, {});
  return listen(alone, endpoint, "listen");
}

}  // namespace

// Members in the order in which they need each other: the io_contexts go before what their
// coroutines refer to while they are torn down.
struct Gateway::Impl {
  Impl(Options options, std::unique_ptr<DeliveryBook> delivery_book)
      : gateway_metrics(metrics),
        delivery(std::move(delivery_book)),
        control(1),
        pool(thread_count(options.config)),
        disk(options.config.disk_threads, options.config.requests_in_flight_max),
        registry(control.io(0), options.config.registry, options.fleet_key, &metrics),
        ops(metrics, registry, options.config.cell),
        management(*delivery, shared, registry, disk),
        api(registry, management) {
    shared.config = std::move(options.config);
    shared.callers =
        std::make_shared<const CallerPolicy>(shared.config.throttle, shared.config.tier);
    shared.throttle.set_slot_cpu(shared.config.throttle.slot_cpu);
    shared.buckets = std::move(options.buckets);
    shared.fleet_key = std::move(options.fleet_key);
    shared.registry = &registry;
    shared.delivery = delivery.get();
    shared.note_connect_failure = [this](std::string_view id, std::string_view incarnation) {
      registry.note_connect_failure(id, incarnation);
    };
    shared.metrics = &gateway_metrics;
    shared.instance = base::random_hex(8);
  }

  Result<void> listen_all();
  void lane_drained(const std::function<void()>& drained);

  base::Metrics metrics;
  GatewayMetrics gateway_metrics;
  Shared shared;
  std::unique_ptr<DeliveryBook> delivery;
  net::IoPool control;
  net::IoPool pool;
  net::BlockingPool disk;
  discovery::EmbeddedRegistry registry;
  OpsService ops;
  ManagementApi management;
  ApiService api;
  std::unique_ptr<net::HttpServer> ops_server;
  std::unique_ptr<net::HttpServer> api_server;
  std::vector<std::unique_ptr<Lane>> lanes;
  std::atomic<std::size_t> lanes_running{0};
  std::atomic<bool> draining{false};
};

Result<void> Gateway::Impl::listen_all() {
  const auto media = net::parse_endpoint(shared.config.listen);
  const auto api_endpoint = net::parse_endpoint(shared.config.api_listen);
  const auto ops_endpoint = net::parse_endpoint(shared.config.ops_listen);
  if (!media) return base::fail(media.error());
  if (!api_endpoint) return base::fail(api_endpoint.error());
  if (!ops_endpoint) return base::fail(ops_endpoint.error());

  ops_server = std::make_unique<net::HttpServer>(
      control.io(0),
      net::HttpServer::Options{.limits = control_limits(),
                               .name = "ops",
                               .standing = net::HttpServer::Standing::Vital,
                               .metrics = &metrics},
      [this](net::HttpExchange& exchange) { return ops.handle(exchange); });
  if (auto bound = listen(*ops_server, *ops_endpoint, "ops_listen"); !bound) return bound;
  api_server = std::make_unique<net::HttpServer>(
      control.io(0),
      net::HttpServer::Options{.limits = control_limits(), .name = "api", .metrics = &metrics},
      [this](net::HttpExchange& exchange) { return api.handle(exchange); });
  if (auto bound = listen(*api_server, *api_endpoint, "api_listen"); !bound) return bound;

  if (auto free = refuse_taken_port(pool.io(0), *media); !free) return free;
  const LanePort port{.gate = std::make_shared<InFlightGate>(shared.config.requests_in_flight_max),
                      .connections = std::make_shared<net::ConnectionLimit>(
                          shared.config.limits.server.connections_max),
                      .metrics = metrics};
  net::Endpoint endpoint = *media;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    lanes.push_back(std::make_unique<Lane>(pool.io(i), disk, shared, port, pool.size()));
    if (auto bound = listen(lanes.back()->server(), endpoint, "listen"); !bound) return bound;
    endpoint = lanes.back()->server().local_endpoint();  // one port, whoever chose it
  }
  return {};
}

Result<std::unique_ptr<Gateway>> Gateway::make(Options options) {
  if (auto checked = storage::check_buckets(options.buckets); !checked) {
    return base::fail(std::move(checked.error()));
  }
  for (const auto& [host, to] : options.config.hosts) {
    if (options.buckets.contains(to.bucket)) continue;
    return base::fail(base::Reason::BadParameter, "gateway.hosts." + host + " names the bucket \"" +
                                                      to.bucket + "\", which is not under buckets");
  }
  auto checked = check_delivery(options.buckets, options.config.throttle.users);
  if (!checked) return base::fail(std::move(checked.error()));
  auto delivery = DeliveryBook::open(options.buckets, options.config.state_dir);
  if (!delivery) return base::fail(std::move(delivery.error()));
  auto impl = std::make_unique<Impl>(std::move(options), *std::move(delivery));
  if (auto bound = impl->listen_all(); !bound) return base::fail(std::move(bound.error()));
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Gateway::~Gateway() { stop(); }

Result<void> Gateway::reload(const Options& options) {
  const GatewayConfig& config = options.config;
  if (auto checked = check_delivery(options.buckets, config.throttle.users); !checked) {
    return checked;
  }
  impl_->shared.callers = std::make_shared<const CallerPolicy>(config.throttle, config.tier);
  impl_->shared.throttle.set_slot_cpu(config.throttle.slot_cpu);
  impl_->delivery->reconfigure(options.buckets);
  return {};
}

void Gateway::start() {
  impl_->control.start();
  impl_->pool.start();
}

Gateway::Addresses Gateway::addresses() const {
  return {impl_->lanes.front()->server().local_endpoint(), impl_->api_server->local_endpoint(),
          impl_->ops_server->local_endpoint()};
}

net::asio::io_context& Gateway::control_io() { return impl_->control.io(0); }

void Gateway::drain(const std::function<void()>& drained) {
  if (impl_->draining.exchange(true)) return;
  impl_->ops.set_draining();
  const auto deadline =
      base::Deadline::after(base::Clock::now(), impl_->shared.config.drain_timeout);
  impl_->lanes_running = impl_->lanes.size();
  for (const auto& lane : impl_->lanes) {
    net::asio::post(lane->io(), [this, &lane = *lane, deadline, drained] {
      lane.server().drain(deadline, [this, drained] { impl_->lane_drained(drained); });
    });
  }
}

void Gateway::Impl::lane_drained(const std::function<void()>& drained) {
  if (lanes_running.fetch_sub(1) != 1) return;
  // The registry stayed for the requests that were running; its agents look for another gateway
  // now.
  registry.drain();
  net::asio::post(control.io(0), [this, drained] {
    api_server->drain(base::Deadline::after(base::Clock::now(), std::chrono::seconds(1)), drained);
  });
}

void Gateway::stop() {
  impl_->pool.stop();
  impl_->control.stop();
}

}  // namespace millrace::gateway
