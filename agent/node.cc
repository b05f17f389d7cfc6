// SPDX-License-Identifier: Apache-2.0
#include "agent/node.h"

#include <algorithm>
#include <array>
#include <memory>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/ops_server.h"
#include "agent/queue_options.h"
#include "agent/task_server.h"
#include "base/crypto.h"
#include "base/log.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "storage/bucket_set.h"

namespace millrace::agent {
namespace {

constexpr std::size_t kDiskQueueMax = 4'096;
constexpr base::Duration kDrainTick = std::chrono::milliseconds(5);
constexpr base::Bytes kTaskBytesMax = base::kibibytes(64);

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::vector<std::string> tier_names(const AgentConfig& config) {
  std::vector<std::string> names;
  names.reserve(config.tiers.size());
  for (const auto& [name, tier] : config.tiers) names.push_back(name);
  return names;
}

std::string lightest_tier(const AgentConfig& config) {
  return std::ranges::min_element(
             config.tiers,
             [](const auto& a, const auto& b) { return a.second.weight < b.second.weight; })
      ->first;
}

WorkerPool::Options pool_options(const Node::Options& options) {
  const WorkersConfig& workers = options.config.image_workers;
  WorkerPool::Options pool;
  pool.program.kind = "image";
  pool.program.binary = options.worker_binary;
  if (!workers.face_model.empty()) pool.program.arguments = {"--face-model", workers.face_model};
  pool.cores = allowed_cores();
  pool.work_slots = workers.count == 0 ? pool.cores.size() : workers.count;
  pool.probe_slots = workers.probe_count;
  pool.spares = workers.spares;
  pool.pin = workers.pin;
  pool.niceness = static_cast<int>(workers.nice);
  pool.recycle = {.tasks_max = workers.tasks_max, .rss_max = workers.rss_max};
  pool.start_timeout = workers.start_timeout;
  pool.back_off_min = workers.back_off_min;
  pool.back_off_max = workers.back_off_max;
  return pool;
}

net::HttpServer::Options server_options(const std::string& name, std::size_t connections_max,
                                        net::HttpServer::Standing standing,
                                        base::Metrics& metrics) {
  net::HttpServer::Options options;
  options.name = name;
  options.standing = standing;
  options.metrics = &metrics;
  options.limits.body_max = kTaskBytesMax;
  options.limits.connections_max = connections_max;
  return options;
}

}  // namespace

struct Node::Impl : std::enable_shared_from_this<Node::Impl> {
  Impl(net::asio::io_context& io_context, Options given, base::Metrics& base_metrics,
       discovery::Registrar* node_registrar)
      : io(io_context),
        options(std::move(given)),
        series(base_metrics),
        metrics(base_metrics, tier_names(options.config)),
        registrar(node_registrar),
        disk(options.config.fetch.disk_threads, kDiskQueueMax),
        buckets(io, disk, options.storage.buckets),
        ops_page{base_metrics, [this] { refresh(); }, [this] { return why_not_ready(); },
                 "millrace-agent", options.version} {}

  base::Result<void> build();
  base::Result<void> listen();
  void wire_workers();
  void publish();
  void refresh();
  [[nodiscard]] pipeline::NodeLoad load() const;
  [[nodiscard]] std::string why_not_ready() const;
  static net::Awaitable<void> finish_drain(std::shared_ptr<Impl> self,
                                           std::function<void()> drained);

  net::asio::io_context& io;
  Options options;
  base::Metrics& series;
  AgentMetrics metrics;
  discovery::Registrar* registrar;
  net::BlockingPool disk;
  storage::BucketSet buckets;
  OpsPage ops_page;
  std::string incarnation = base::random_hex(8);
  discovery::NodeState state = discovery::NodeState::Starting;

  std::shared_ptr<CacheStore> store;
  std::shared_ptr<WorkerPool> pool;
  std::shared_ptr<RunQueue> work_queue;
  std::shared_ptr<RunQueue> probe_queue;
  std::shared_ptr<SourceCatalog> sources;
  std::shared_ptr<VariantService> variants;
  std::shared_ptr<TaskServer> tasks;
  std::unique_ptr<net::HttpServer> task_port;
  std::unique_ptr<net::HttpServer> ops_port;
};

base::Result<void> Node::Impl::build() {
  const AgentConfig& config = options.config;
  auto opened = CacheStore::open(config.cache);
  if (!opened) return base::fail(std::move(opened.error()));
  store = std::move(*opened);
  pool = std::make_shared<WorkerPool>(io, pool_options(options), metrics);
  work_queue = std::make_shared<RunQueue>(io, pool, WorkerRole::Work,
                                          work_queue_options(config, pool->slots(WorkerRole::Work)),
                                          metrics);
  probe_queue =
      std::make_shared<RunQueue>(io, pool, WorkerRole::Probe, probe_queue_options(config), metrics);
  const auto quarantine =
      std::make_shared<Quarantine>(Quarantine::Rules{.deaths_max = config.quarantine.deaths_max,
                                                     .ttl = config.quarantine.ttl,
                                                     .entries_max = config.quarantine.entries_max});
  const auto prober = std::make_shared<Prober>(
      io, config.limits, config.image_workers.probe_timeout, probe_queue, quarantine);
  sources = std::make_shared<SourceCatalog>(
      io,
      SourceCatalog::Options{
          .fresh = config.cache.source_fresh,
          .known_max = config.cache.sources_known_max,
          .source_max = config.limits.source_max,
          .gate = {.downloads_per_origin_max = config.fetch.downloads_per_origin_max,
                   .waiting_per_origin_max = config.fetch.waiting_per_origin_max}},
      [this](std::string_view name) { return buckets.find(name); }, store, metrics);
  variants = std::make_shared<VariantService>(
      io,
      VariantService::Options{.limits = config.limits,
                              .keep_results = config.cache.results,
                              .cancel_grace = config.image_workers.cancel_grace},
      VariantService::Parts{store, sources, prober, work_queue, pool, quarantine,
                            std::make_shared<CostModel>()},
      metrics);
  const std::vector<std::string> names = tier_names(config);
  tasks = std::make_shared<TaskServer>(
      TaskServer::Options{.node_id = config.node_id,
                          .fleet_key = options.fleet_key,
                          .clock_skew = config.clock_skew,
                          .deadline_max = config.limits.deadline,
                          .waiting_max = config.limits.waiting_max,
                          .tiers = {names.begin(), names.end()},
                          .lightest_tier = lightest_tier(config)},
      TaskServer::Sources{
          .load = [this] { return load(); },
          .retry_after_s =
              [this](const std::string& tier) { return work_queue->retry_after_s(tier); }},
      variants, metrics);
  return {};
}

base::Result<void> Node::Impl::listen() {
  const AgentConfig& config = options.config;
  const auto task_address = net::parse_endpoint(config.listen);
  if (!task_address) return base::fail(task_address.error());
  task_port = std::make_unique<net::HttpServer>(
      io,
      server_options("agent", config.connections_max, net::HttpServer::Standing::Public, series),
      [served = tasks](net::HttpExchange& exchange) {
        return TaskServer::handle(served, exchange);
      });
  if (auto bound = task_port->listen(*task_address); !bound) return bound;
  if (config.ops_listen.empty()) return {};
  const auto ops_address = net::parse_endpoint(config.ops_listen);
  if (!ops_address) return base::fail(ops_address.error());
  ops_port = std::make_unique<net::HttpServer>(
      io, server_options("ops", 256, net::HttpServer::Standing::Vital, series),
      [this](net::HttpExchange& exchange) { return answer_ops(ops_page, exchange); });
  return ops_port->listen(*ops_address);
}

void Node::Impl::wire_workers() {
  work_queue->start();
  probe_queue->start();
  pool->on_change([this] {
    if (pool->describe()) variants->learn(*pool->describe());
    const bool is_up = why_not_ready().empty();
    if (state == discovery::NodeState::Starting && is_up) {
      state = discovery::NodeState::Serving;
      base::log_info("agent_ready", {{"node", options.config.node_id},
                                     {"address", task_port->local_endpoint().text()}});
    }
    publish();
  });
  pool->start();
}

void Node::Impl::publish() {
  if (registrar == nullptr) return;
  discovery::NodeRecord record;
  record.id = options.config.node_id;
  record.incarnation = incarnation;
  record.address = options.config.advertise.empty() ? task_port->local_endpoint().text()
                                                    : options.config.advertise;
  record.cell = options.config.cell;
  record.build = options.version;
  record.state = state;
  const bool has_workers = pool->ready(WorkerRole::Work) > 0 && pool->describe() != nullptr;
  if (has_workers) {
    const auto slots = static_cast<std::uint32_t>(pool->slots(WorkerRole::Work));
    record.kinds.push_back({pool->describe()->kind, slots, pool->describe()->commands});
  }
  registrar->publish(std::move(record));
}

void Node::Impl::refresh() {
  metrics.cache_bytes.set(static_cast<double>(store->used().count));
  metrics.cache_pinned_bytes.set(static_cast<double>(store->pinned().count));
  metrics.cache_entries.set(static_cast<double>(store->entries()));
  metrics.cache_evictions.set(static_cast<double>(store->evictions()));
  metrics.waiting_requests.set(static_cast<double>(tasks->waiting()));
  metrics.workers_ready.set(static_cast<double>(pool->ready(WorkerRole::Work)));
  metrics.workers_busy.set(static_cast<double>(pool->busy(WorkerRole::Work)));
  const QueueDecider& decider = work_queue->decider();
  metrics.preparing.set(static_cast<double>(decider.preparing()));
  for (const auto& [name, tier] : metrics.tiers) {
    tier.depth.set(static_cast<double>(decider.depth(name)));
    tier.cpu_seconds.set(std::chrono::duration<double>(decider.queued_cpu(name)).count());
    tier.lifo_switches.set(static_cast<double>(decider.lifo_switches(name)));
  }
}

pipeline::NodeLoad Node::Impl::load() const {
  pipeline::NodeLoad load = work_queue->decider().load(base::Clock::now());
  load.busy = static_cast<std::uint32_t>(pool->busy(WorkerRole::Work));
  load.slots = static_cast<std::uint32_t>(pool->slots(WorkerRole::Work));
  load.cache_bytes = store->used().count;
  return load;
}

std::string Node::Impl::why_not_ready() const {
  if (state == discovery::NodeState::Draining) return "draining";
  if (pool->ready(WorkerRole::Work) == 0) return "no image worker is up";
  if (pool->ready(WorkerRole::Probe) == 0) return "no worker for probes is up";
  return {};
}

net::Awaitable<void> Node::Impl::finish_drain(std::shared_ptr<Impl> self,
                                              std::function<void()> drained) {
  if (self->registrar != nullptr) co_await self->registrar->withdraw();
  WaitPoint stopped(self->io);
  self->pool->stop([&stopped] { stopped.notify(); });
  co_await stopped.wait(base::Deadline::never());
  // Work whose clients were cut off is told to stop, and all of it has a deadline: nothing of it
  // may outlive the buckets.
  while (self->variants->in_flight() + self->sources->in_flight() > 0) {
    WaitPoint tick(self->io);
    co_await tick.wait(base::Deadline::after(base::Clock::now(), kDrainTick));
  }
  base::log_info("agent_stopped", {{"node", self->options.config.node_id}});
  drained();
}

base::Result<std::unique_ptr<Node>> Node::start(net::asio::io_context& io, Options options,
                                                base::Metrics& metrics,
                                                discovery::Registrar* registrar) {
  if (options.config.node_id.empty()) options.config.node_id = host_name();
  auto impl = std::make_shared<Impl>(io, std::move(options), metrics, registrar);
  if (auto built = impl->build(); !built) return base::fail(std::move(built.error()));
  if (auto bound = impl->listen(); !bound) return base::fail(std::move(bound.error()));
  impl->wire_workers();
  impl->publish();
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Node::Node(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

// The callbacks that point into Impl go with it; whoever still waits inside keeps only its own
// parts.
Node::~Node() {
  impl_->pool->on_change({});
  impl_->task_port.reset();
  impl_->ops_port.reset();
}

void Node::drain(std::function<void()> drained) {
  impl_->state = discovery::NodeState::Draining;
  impl_->tasks->drain();
  impl_->publish();
  base::log_info("agent_draining", {{"node", impl_->options.config.node_id}});
  const auto deadline =
      base::Deadline::after(base::Clock::now(), impl_->options.config.drain_timeout);
  impl_->task_port->drain(deadline, [self = impl_, drained = std::move(drained)]() mutable {
    net::asio::co_spawn(self->io, Impl::finish_drain(self, std::move(drained)),
                        net::asio::detached);
  });
}

net::Endpoint Node::task_endpoint() const { return impl_->task_port->local_endpoint(); }

net::Endpoint Node::ops_endpoint() const {
  return impl_->ops_port ? impl_->ops_port->local_endpoint() : net::Endpoint{};
}

std::string Node::why_not_ready() const { return impl_->why_not_ready(); }

}  // namespace millrace::agent
