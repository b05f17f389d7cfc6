// SPDX-License-Identifier: Apache-2.0
//
// One mutex guards the state. A heartbeat is taken under it and then hangs, without it, on a timer
// of its own connection's thread: the timer ends the hold, and whoever has news for the heartbeat
// (a later one, a drain) posts to that thread and cancels the timer. A heartbeat whose client goes
// away says that the agent died.
#include "discovery/embedded_registry.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>

#include "base/crypto.h"
#include "base/log.h"
#include "discovery/published.h"
#include "discovery/registry_protocol.h"
#include "discovery/registry_state.h"
#include "discovery/signature.h"

namespace millrace::discovery {
namespace {

using base::Reason;
using base::Result;
using boost::system::error_code;
namespace asio = net::asio;

constexpr std::chrono::milliseconds kExpiryTick{250};

// A heartbeat that hangs. Its fields belong to its connection's thread.
struct Hanging {
  explicit Hanging(const asio::any_io_executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool gone = false;                 // the client
  std::optional<BeatAnswer> answer;  // why it is let go
};

void let_go(const std::shared_ptr<Hanging>& hanging, BeatAnswer answer) {
  asio::post(hanging->timer.get_executor(), [hanging, answer] {
    if (hanging->answer) return;
    hanging->answer = answer;
    hanging->timer.cancel();
  });
}

RegistryState::Limits limits_of(const RegistryConfig& config) {
  return {.gone_after = config.gone_after,
          .forget_after = 2 * config.clock_skew,
          .remember_commands = config.remember_commands,
          .nodes_max = config.nodes_max};
}

}  // namespace

struct EmbeddedRegistry::Impl : std::enable_shared_from_this<EmbeddedRegistry::Impl> {
  Impl(asio::io_context& io, const RegistryConfig& with, std::string key, base::Metrics* metrics)
      : config(with),
        fleet_key(std::move(key)),
        state(limits_of(with)),
        published(state.snapshot()),
        tick(io) {
    if (metrics == nullptr) return;
    nodes = metrics->gauge("millrace_registry_nodes", "Nodes in the embedded registry");
    for (const char* outcome : {"joined", "changed", "refreshed", "withdrawn", "repeated",
                                "replaced", "full", "refused"}) {
      beats[outcome] =
          metrics->counter("millrace_registry_heartbeats_total",
                           "Heartbeats received, by what became of them", {{"outcome", outcome}});
    }
    counted = true;
  }

  struct Taken {
    RegistryState::Beat beat{};
    std::shared_ptr<const NodeRecord> record;
    std::shared_ptr<Hanging> hanging;  // null when it is answered at once
    bool draining = false;
  };
  // Takes a heartbeat off the list of those that hang, also when its coroutine is destroyed with
  // its io_context: the timer must not outlive that.
  class Hold {
   public:
    Hold(Impl& registry, const Taken& taken) : registry_(registry), taken_(taken) {}
    ~Hold() {
      const std::lock_guard lock(registry_.mutex);
      const auto at = registry_.hanging.find(taken_.record->id);
      if (at != registry_.hanging.end() && at->second == taken_.hanging) {
        registry_.hanging.erase(at);
      }
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Impl& registry_;
    const Taken& taken_;
  };

  void count(std::string_view outcome) {
    if (counted) beats.find(outcome)->second.add();
  }

  // Under the mutex, after every change of the state.
  void publish() {
    published.store(state.snapshot());
    if (counted) nodes.set(static_cast<double>(state.snapshot()->nodes.size()));
  }

  Result<std::shared_ptr<const NodeRecord>> record_of(std::string_view id, const std::string& body);
  Result<Taken> take(std::string_view id, std::uint64_t sequence, const std::string& body,
                     const asio::any_io_executor& executor);
  void left(const Taken& taken, std::uint64_t sequence);
  net::Awaitable<void> heartbeat(net::HttpExchange& exchange, std::string id,
                                 std::string request_id);
  net::Awaitable<BeatAnswer> hang(net::HttpExchange& exchange, const Taken& taken);
  [[nodiscard]] std::string list() const;
  void arm();

  const RegistryConfig config;
  const std::string fleet_key;
  mutable std::mutex mutex;
  RegistryState state;
  bool draining = false;
  std::map<std::string, std::shared_ptr<Hanging>, std::less<>> hanging;  // the newest of each id
  // Body and record of each id's last heartbeat: an equal body is not parsed again.
  std::map<std::string, std::pair<std::string, std::shared_ptr<const NodeRecord>>, std::less<>>
      parsed;
  Published<Snapshot> published;
  asio::steady_timer tick;
  base::Gauge nodes;
  std::map<std::string, base::Counter, std::less<>> beats;
  bool counted = false;
};

Result<std::shared_ptr<const NodeRecord>> EmbeddedRegistry::Impl::record_of(
    std::string_view id, const std::string& body) {
  {
    const std::lock_guard lock(mutex);
    const auto known = parsed.find(id);
    if (known != parsed.end() && known->second.first == body) return known->second.second;
  }
  auto record = node_record_from_json(body);
  if (!record) return base::fail(std::move(record.error()));
  if (record->id != id) {
    return base::fail(Reason::BadParameter,
                      "The record's id is \"" + record->id + "\", the path's is another");
  }
  return std::make_shared<const NodeRecord>(std::move(*record));
}

Result<EmbeddedRegistry::Impl::Taken> EmbeddedRegistry::Impl::take(
    std::string_view id, std::uint64_t sequence, const std::string& body,
    const asio::any_io_executor& executor) {
  auto record = record_of(id, body);
  if (!record) return base::fail(std::move(record.error()));
  Taken taken;
  taken.record = *record;

  const std::lock_guard lock(mutex);
  const std::uint64_t before = state.snapshot()->generation;
  taken.beat = state.heartbeat(taken.record, sequence, base::Clock::now());
  count(word_of(taken.beat));
  if (state.snapshot()->generation != before) publish();
  using Beat = RegistryState::Beat;
  if (taken.beat == Beat::Repeated) {
    return base::fail(Reason::TokenInvalid, "A message with this sequence or a later one has come");
  }
  if (taken.beat == Beat::Full) {
    return base::fail(Reason::QueueFull, "The registry knows " + std::to_string(config.nodes_max) +
                                             " nodes, as many as nodes_max allows");
  }
  if (taken.beat == Beat::Replaced) return taken;

  if (parsed.size() > 2 * config.nodes_max) parsed.clear();
  parsed.insert_or_assign(std::string(id), std::pair(body, taken.record));
  auto& newest = hanging[std::string(id)];
  if (newest) let_go(newest, BeatAnswer::Superseded);
  // A node that has just become known hears so at once.
  const bool hangs = taken.beat == Beat::Refreshed || taken.beat == Beat::Changed;
  taken.draining = draining;
  if (hangs && !draining) {
    newest = taken.hanging = std::make_shared<Hanging>(executor);
  } else {
    hanging.erase(hanging.find(id));
  }
  return taken;
}

void EmbeddedRegistry::Impl::left(const Taken& taken, std::uint64_t sequence) {
  const NodeRecord& record = *taken.record;
  bool changed = false;
  {
    const std::lock_guard lock(mutex);
    changed = state.lost(record.id, record.incarnation, sequence, base::Clock::now());
    if (changed) publish();
  }
  if (changed) {
    base::log_warn("node_lost", {{"node", record.id}, {"why", "its heartbeat broke"}});
  }
}

net::Awaitable<void> EmbeddedRegistry::Impl::heartbeat(net::HttpExchange& exchange, std::string id,
                                                       std::string request_id) {
  const auto self = shared_from_this();
  const net::HttpRequest& request = exchange.request();
  const auto sequence = verify(fleet_key, request.method, request.target, request.headers,
                               request.body, unix_ms_now(), config.clock_skew);
  if (!sequence) {
    count("refused");
    co_await net::respond_error(exchange, sequence.error(), request_id);
    co_return;
  }
  const auto executor = co_await asio::this_coro::executor;
  const Result<Taken> taken = take(id, *sequence, request.body, executor);
  if (!taken) {
    co_await net::respond_error(exchange, taken.error(), request_id);
    co_return;
  }
  using Beat = RegistryState::Beat;
  if (taken->beat == Beat::Joined || taken->beat == Beat::Changed ||
      taken->beat == Beat::Withdrawn) {
    base::log_info("node_heard", {{"node", id},
                                  {"outcome", word_of(taken->beat)},
                                  {"state", word_of(taken->record->state)},
                                  {"address", taken->record->address}});
  }

  BeatAnswer answer = BeatAnswer::Accepted;
  if (taken->draining) answer = BeatAnswer::Draining;
  if (taken->beat == Beat::Replaced) answer = BeatAnswer::Replaced;
  if (taken->beat == Beat::Withdrawn) answer = BeatAnswer::Withdrawn;
  if (taken->hanging) answer = co_await hang(exchange, *taken);
  if (taken->hanging && taken->hanging->gone) {
    left(*taken, *sequence);
    co_return;
  }
  net::HttpHead head;
  head.headers.set("Content-Type", "application/json");
  head.headers.set("Cache-Control", "no-store");
  const std::string body = to_json(answer);
  const auto sent = co_await exchange.respond(std::move(head), body);
  if (!sent) left(*taken, *sequence);
}

// Both parameters are locals of the awaiting coroutine or outlive it.
net::Awaitable<BeatAnswer> EmbeddedRegistry::Impl::hang(net::HttpExchange& exchange,
                                                        const Taken& taken) {
  const Hold hold(*this, taken);
  const std::shared_ptr<Hanging> here = taken.hanging;
  exchange.on_client_gone([here] {
    here->gone = true;
    here->timer.cancel();
  });
  if (!here->gone && !here->answer) {
    here->timer.expires_after(config.heartbeat_hold);
    // let_go runs on this thread, before this wait begins or while it lasts.
    error_code ignored;
    co_await here->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  exchange.on_client_gone({});
  co_return here->answer.value_or(BeatAnswer::Accepted);
}

std::string EmbeddedRegistry::Impl::list() const {
  using Json = nlohmann::json;
  const auto snapshot = published.load();
  Json known = Json::array();
  for (const auto& record : snapshot->nodes) known.push_back(Json::parse(to_json(*record)));
  return Json{{"version", kRegistryVersion},
              {"generation", snapshot->generation},
              {"nodes", std::move(known)}}
      .dump();
}

void EmbeddedRegistry::Impl::arm() {
  tick.expires_after(kExpiryTick);
  tick.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (error || !self) return;
    std::vector<std::string> expired;
    {
      const std::lock_guard lock(self->mutex);
      const auto before = self->state.snapshot();
      const bool changed = self->state.expire(base::Clock::now());
      if (changed) self->publish();
      const auto after = self->state.snapshot();
      for (const auto& node : before->nodes) {
        if (!changed) break;
        const bool still = std::ranges::any_of(
            after->nodes, [&node](const auto& other) { return other->id == node->id; });
        if (!still) expired.push_back(node->id);
      }
    }
    for (const std::string& id : expired) {
      base::log_warn("node_lost", {{"node", id}, {"why", "no heartbeat came"}});
    }
    self->arm();
  });
}

EmbeddedRegistry::EmbeddedRegistry(asio::io_context& io, const RegistryConfig& config,
                                   std::string fleet_key, base::Metrics* metrics)
    : impl_(std::make_shared<Impl>(io, config, std::move(fleet_key), metrics)) {
  impl_->arm();
}

EmbeddedRegistry::~EmbeddedRegistry() = default;

std::shared_ptr<const Snapshot> EmbeddedRegistry::snapshot() const {
  return impl_->published.load();
}

bool EmbeddedRegistry::owns(std::string_view target) { return target.starts_with(kRegistryPrefix); }

net::Awaitable<void> EmbeddedRegistry::handle(net::HttpExchange& exchange) {
  const net::HttpRequest& request = exchange.request();
  const std::string request_id = base::random_hex(8);
  const std::string_view target = request.target;
  if (target == kNodesTarget) {
    if (request.method != "GET" && request.method != "HEAD") {
      co_await net::respond_error(
          exchange, base::make_error(Reason::BadMethod, "The list of nodes answers GET"),
          request_id);
      co_return;
    }
    const auto verified = verify(impl_->fleet_key, request.method, target, request.headers,
                                 request.body, unix_ms_now(), impl_->config.clock_skew);
    if (!verified) {
      co_await net::respond_error(exchange, verified.error(), request_id);
      co_return;
    }
    net::HttpHead head;
    head.headers.set("Content-Type", "application/json");
    head.headers.set("Cache-Control", "no-store");
    const std::string body = impl_->list();
    co_await exchange.respond(std::move(head), body);
    co_return;
  }
  const std::string prefix = std::string(kNodesTarget) + "/";
  const std::string_view id =
      target.starts_with(prefix) ? target.substr(prefix.size()) : std::string_view();
  if (!is_node_id(id)) {
    co_await net::respond_error(
        exchange,
        base::make_error(Reason::BadTarget,
                         "The registry answers /v1/registry/nodes and /v1/registry/nodes/<id>"),
        request_id);
    co_return;
  }
  if (request.method != "POST") {
    co_await net::respond_error(
        exchange, base::make_error(Reason::BadMethod, "A node is made known by POST"), request_id);
    co_return;
  }
  co_await impl_->heartbeat(exchange, std::string(id), request_id);
}

void EmbeddedRegistry::note_connect_failure(std::string_view node_id,
                                            std::string_view incarnation) {
  bool changed = false;
  {
    const std::lock_guard lock(impl_->mutex);
    changed = impl_->state.connect_failed(node_id, incarnation, base::Clock::now());
    if (changed) impl_->publish();
  }
  if (changed) {
    base::log_warn("node_lost", {{"node", node_id}, {"why", "it refused a connection"}});
  }
}

void EmbeddedRegistry::drain() {
  const std::lock_guard lock(impl_->mutex);
  impl_->draining = true;
  for (const auto& [id, hanging] : impl_->hanging) let_go(hanging, BeatAnswer::Draining);
  impl_->hanging.clear();
}

}  // namespace millrace::discovery
