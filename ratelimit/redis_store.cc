// SPDX-License-Identifier: Apache-2.0
#include "ratelimit/redis_store.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <list>
#include <random>
#include <utility>
#include <vector>

#include "ratelimit/redis_connection.h"
#include "ratelimit/redis_script.h"

namespace millrace::ratelimit {

namespace {

std::string unique_start() {
  std::random_device random;
  return std::to_string((std::uint64_t{random()} << 32) | random()) + "-";
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

bool limits_anything(const ThrottleRequest& request) {
  return request.user.rate.limits() || request.user.concurrency_max > 0 ||
         std::any_of(request.commands.begin(), request.commands.end(),
                     [](const CommandLimit& command) { return command.concurrency_max > 0; });
}

// At least one of each, lest a small limit become none.
std::uint32_t share_of(std::uint32_t limit, std::size_t gateways_count) {
  if (limit == 0) return 0;
  return std::max<std::uint32_t>(static_cast<std::uint32_t>(limit / gateways_count), 1);
}

}  // namespace

std::string_view word_of(FallBack reason) {
  switch (reason) {
    case FallBack::Slow:
      return "slow";
    case FallBack::Failed:
      return "failed";
    case FallBack::Down:
      return "down";
    case FallBack::Full:
      return "full";
  }
  return "";
}

// Everything, so that a permit which outlives the store finds out.
struct RedisStore::Impl : std::enable_shared_from_this<Impl> {
  struct Call {
    ThrottleRequest request;
    RedisAsk ask;
    Done done;  // empty: answered, or given up
    std::list<std::shared_ptr<Call>>::iterator waiting;
    bool sent_again = false;
  };
  class Held;

  Impl(const RedisOptions& redis, EventLoop& events, Throttle& throttle, Observer& watcher)
      : options(redis),
        loop(events),
        share(throttle),
        observer(watcher),
        connection(events),
        breaker(redis.breaker, events.now()) {}

  void decide(const ThrottleRequest& request, Done done);
  void ask(const std::shared_ptr<Call>& call);
  void answered(const std::shared_ptr<Call>& call, const RedisAnswer& answer);
  void admit(Call& call, Decision& decision);
  Done leave(Call& call);
  void fall_back(const ThrottleRequest& request, const Done& done, FallBack reason);
  void give_back(const RedisLease& lease, base::Duration held_for);
  void send_for_lease(std::string command, bool again);
  void load_script();

  void tick();
  void wake_at(base::TimePoint at);
  void wake_when_needed();
  void give_up_slow_calls(base::TimePoint now);
  void renew_leases(base::TimePoint now);

  void probe();
  void connect(const std::string& host);
  void send_probe();
  void probe_ended(StoreBreaker::ProbeOutcome outcome, std::string_view problem);
  void lost(std::string_view problem);
  void say_state(std::string_view problem);

  RedisOptions options;
  EventLoop& loop;
  Throttle& share;
  Observer& observer;
  std::unique_ptr<EventLoop::Timer> timer;
  RedisConnection connection;
  StoreBreaker breaker;
  bool said_closed = false;
  bool looking_up = false;
  bool loading = false;
  bool stopping = false;
  std::string sha;  // of the script, from the server
  std::string unique = unique_start();
  std::uint64_t sequence = 0;
  std::list<std::shared_ptr<Call>> waiting;  // oldest first
  std::list<RedisLease> leases;              // renewed longest ago first
  base::TimePoint wakes_at = base::TimePoint::max();
};

class RedisStore::Impl::Held final : public Permit::Holding {
 public:
  Held(std::weak_ptr<Impl> store, std::list<RedisLease>::iterator lease)
      : store_(std::move(store)), lease_(lease) {}
  void give_back(std::optional<base::TimePoint> now) override {
    const auto store = store_.lock();
    if (!store) return;  // its lease expires
    const RedisLease lease = std::move(*lease_);
    store->leases.erase(lease_);
    const base::Duration held_for = now ? *now - lease.taken_at : base::Duration::zero();
    if (now) store->share.learn(held_for);
    store->give_back(lease, held_for);
  }

 private:
  std::weak_ptr<Impl> store_;
  std::list<RedisLease>::iterator lease_;
};

// Deciding.

void RedisStore::Impl::decide(const ThrottleRequest& request, Done done) {
  if (!limits_anything(request)) return done(Decision{});
  if (!breaker.closed()) return fall_back(request, done, FallBack::Down);
  if (connection.outstanding() >= options.calls_max) {
    return fall_back(request, done, FallBack::Full);
  }
  const base::TimePoint now = loop.now();
  auto call = std::make_shared<Call>();
  call->request = request;
  call->ask = ask_redis(request, {.sha = sha,
                                  .prefix = options.key_prefix,
                                  .unique = unique + std::to_string(++sequence),
                                  .weight = weight_of(request.predicted_cpu, share.slot_cpu()),
                                  .lease = options.lease,
                                  .unmeasured = share.holding_mean()});
  call->ask.lease.taken_at = now;
  call->ask.lease.renewed_at = now;
  call->done = std::move(done);
  call->waiting = waiting.insert(waiting.end(), call);
  ask(call);
  wake_at(now + options.answer_max);
}

void RedisStore::Impl::ask(const std::shared_ptr<Call>& call) {
  const auto on_answer = [this, call](const RedisAnswer& answer) { answered(call, answer); };
  if (!connection.send(call->ask.command, on_answer)) answered(call, RedisAnswer{});
}

void RedisStore::Impl::answered(const std::shared_ptr<Call>& call, const RedisAnswer& answer) {
  const bool in_time = call->done != nullptr;
  if (answer.kind == RedisAnswer::Kind::Integers) {
    Decision decision = decision_of(answer.integers, call->request, call->ask);
    if (in_time) {
      breaker.answered();
      observer.decided_by_redis();
      admit(*call, decision);
      return leave(*call)(std::move(decision));
    }
    observer.answered_late();
    if (decision.admitted()) give_back(call->ask.lease, base::Duration::zero());
    return;
  }
  if (!in_time) return;
  if (answer.kind == RedisAnswer::Kind::Error && answer.text.starts_with("NOSCRIPT") &&
      !call->sent_again) {
    call->sent_again = true;
    load_script();
    return ask(call);
  }
  const bool gone = answer.kind == RedisAnswer::Kind::Gone;
  if (!gone) {
    breaker.failed(loop.now());
    say_state(answer.text);
  }
  fall_back(call->request, leave(*call), gone ? FallBack::Down : FallBack::Failed);
}

void RedisStore::Impl::admit(Call& call, Decision& decision) {
  if (!decision.admitted() || call.ask.lease.pools.empty()) return;
  const auto lease = leases.insert(leases.end(), std::move(call.ask.lease));
  decision.permit = Permit(std::make_unique<Held>(weak_from_this(), lease));
  wake_at(lease->renewed_at + options.lease / 3);
}

RedisStore::Done RedisStore::Impl::leave(Call& call) {
  waiting.erase(call.waiting);
  return std::exchange(call.done, nullptr);
}

void RedisStore::Impl::fall_back(const ThrottleRequest& request, const Done& done,
                                 FallBack reason) {
  const std::size_t gateways = std::max<std::size_t>(options.gateways_count, 1);
  std::vector<CommandLimit> commands(request.commands.begin(), request.commands.end());
  for (CommandLimit& command : commands) {
    command.concurrency_max = share_of(command.concurrency_max, gateways);
  }
  ThrottleRequest smaller = request;
  smaller.commands = commands;
  RateLimit& rate = smaller.user.rate;
  if (rate.limits()) rate.burst = share_of(rate.burst_or_default(), gateways);
  rate.rate_per_s /= static_cast<double>(gateways);
  smaller.user.concurrency_max = share_of(request.user.concurrency_max, gateways);
  observer.fell_back(reason);
  done(share.decide(smaller, loop.now()));
}

// Leases.

void RedisStore::Impl::give_back(const RedisLease& lease, base::Duration held_for) {
  if (lease.pools.empty()) return;
  send_for_lease(give_back_to_redis(sha, lease, held_for), false);
}

// Nobody waits for the answer. What cannot be sent is left to expire.
void RedisStore::Impl::send_for_lease(std::string command, bool again) {
  if (connection.outstanding() >= 2 * options.calls_max) return;
  const std::string sent = command;
  static_cast<void>(connection.send(
      sent, [this, command = std::move(command), again](const RedisAnswer& answer) mutable {
        if (again || stopping || answer.kind != RedisAnswer::Kind::Error) return;
        if (!answer.text.starts_with("NOSCRIPT")) return;
        load_script();
        send_for_lease(std::move(command), true);
      }));
}

void RedisStore::Impl::renew_leases(base::TimePoint now) {
  while (!leases.empty() && leases.front().renewed_at + options.lease / 3 <= now) {
    leases.front().renewed_at = now;
    send_for_lease(renew_in_redis(sha, leases.front(), options.lease), false);
    leases.splice(leases.end(), leases, leases.begin());
  }
}

// Time.

void RedisStore::Impl::tick() {
  wakes_at = base::TimePoint::max();
  const auto keep = shared_from_this();
  // An answer that has arrived counts, though this thread was too busy to see it.
  if (!waiting.empty() && waiting.front()->ask.lease.taken_at + options.answer_max <= loop.now()) {
    connection.read_now();
  }
  const base::TimePoint now = loop.now();
  give_up_slow_calls(now);
  if (connection.is_open() && connection.owes() &&
      connection.silent_since() + options.silent_max <= now) {
    connection.close();
    lost("no answer for " + std::to_string(options.silent_max / std::chrono::milliseconds(1)) +
         " ms");
  }
  renew_leases(now);
  if (breaker.probe_at() <= now) probe();
  wake_when_needed();
}

void RedisStore::Impl::give_up_slow_calls(base::TimePoint now) {
  while (!waiting.empty() && waiting.front()->ask.lease.taken_at + options.answer_max <= now) {
    const std::shared_ptr<Call> call = waiting.front();
    breaker.failed(now);
    say_state("answers take too long");
    fall_back(call->request, leave(*call), FallBack::Slow);
  }
}

void RedisStore::Impl::wake_at(base::TimePoint at) {
  if (at >= wakes_at || stopping) return;
  wakes_at = at;
  timer->expire_at(at);
}

void RedisStore::Impl::wake_when_needed() {
  if (!waiting.empty()) wake_at(waiting.front()->ask.lease.taken_at + options.answer_max);
  if (!leases.empty()) wake_at(leases.front().renewed_at + options.lease / 3);
  if (connection.is_open() && connection.owes()) {
    wake_at(connection.silent_since() + options.silent_max);
  }
  wake_at(breaker.probe_at());
}

// The connection and its probes.

void RedisStore::Impl::probe() {
  breaker.probe_sent();
  if (connection.is_open()) return send_probe();
  if (!options.unix_path.empty() || is_numeric(options.host)) return connect(options.host);
  if (std::exchange(looking_up, true)) return;
  loop.look_up(options.host,
               [weak = weak_from_this()](const std::string& host, const std::string& problem) {
                 const auto self = weak.lock();
                 if (!self || self->stopping) return;
                 self->looking_up = false;
                 if (host.empty()) return self->lost(problem);
                 self->connect(host);
               });
}

void RedisStore::Impl::connect(const std::string& host) {
  const auto changed = [this](bool connected) {
    if (connected) return send_probe();
    lost(connection.problem());
  };
  const std::string problem = options.unix_path.empty()
                                  ? connection.open_tcp(host, options.port, changed)
                                  : connection.open_unix(options.unix_path, changed);
  if (!problem.empty()) return lost(problem);
  wake_when_needed();
}

// Signs in where that is new, brings the script, and has it write.
void RedisStore::Impl::send_probe() {
  using Outcome = StoreBreaker::ProbeOutcome;
  const auto bad = [this](const RedisAnswer& answer) {
    if (answer.kind == RedisAnswer::Kind::Error) probe_ended(Outcome::Bad, answer.text);
  };
  if (!options.password.empty()) {
    const std::string& user = options.username;
    static_cast<void>(connection.send(user.empty()
                                          ? redis_command({"AUTH", options.password})
                                          : redis_command({"AUTH", user, options.password}),
                                      bad));
  }
  if (options.database != 0) {
    const std::string database = std::to_string(options.database);
    static_cast<void>(connection.send(redis_command({"SELECT", database}), bad));
  }
  const base::TimePoint sent_at = loop.now();
  const auto written = [this, sent_at](const RedisAnswer& answer) {
    if (answer.kind == RedisAnswer::Kind::Gone) return;
    const bool good = answer.kind == RedisAnswer::Kind::Integer;
    const bool in_time = loop.now() - sent_at <= options.answer_max;
    probe_ended(!good     ? Outcome::Bad
                : in_time ? Outcome::Good
                          : Outcome::Late,
                good ? "answers take too long" : answer.text);
  };
  const auto loaded = [this, written](const RedisAnswer& answer) {
    if (stopping || answer.kind == RedisAnswer::Kind::Gone) return;
    if (answer.kind != RedisAnswer::Kind::Text) {
      return probe_ended(Outcome::Bad, answer.text);
    }
    sha = answer.text;
    static_cast<void>(connection.send(probe_redis(sha, options.key_prefix), written));
  };
  static_cast<void>(connection.send(redis_command({"SCRIPT", "LOAD", kRedisScript}), loaded));
  wake_when_needed();
}

// Once, however many calls find it missing: what is sent behind it finds it there.
void RedisStore::Impl::load_script() {
  if (std::exchange(loading, true)) return;
  const auto loaded = [this](const RedisAnswer&) { loading = false; };
  if (!connection.send(redis_command({"SCRIPT", "LOAD", kRedisScript}), loaded)) loading = false;
}

void RedisStore::Impl::probe_ended(StoreBreaker::ProbeOutcome outcome, std::string_view problem) {
  breaker.probe_ended(outcome, loop.now());
  say_state(problem);
  wake_when_needed();
}

void RedisStore::Impl::lost(std::string_view problem) {
  if (stopping) return;
  breaker.lost(loop.now());
  say_state(problem);
  wake_when_needed();
}

void RedisStore::Impl::say_state(std::string_view problem) {
  if (stopping || breaker.closed() == said_closed) return;
  said_closed = breaker.closed();
  observer.state_changed(said_closed, said_closed ? std::string_view() : problem);
}

RedisStore::RedisStore(const RedisOptions& options, EventLoop& loop, Throttle& share,
                       Observer& observer)
    : impl_(std::make_shared<Impl>(options, loop, share, observer)) {
  impl_->timer = loop.timer([impl = impl_.get()] { impl->tick(); });
  impl_->wake_at(loop.now());
}

RedisStore::~RedisStore() {
  impl_->stopping = true;
  impl_->timer = nullptr;
  impl_->connection.close();
}

void RedisStore::decide(const ThrottleRequest& request, Done done) {
  impl_->decide(request, std::move(done));
}

void RedisStore::set_gateways_count(std::size_t count) { impl_->options.gateways_count = count; }

bool RedisStore::redis_decides() const { return impl_->breaker.closed(); }

}  // namespace millrace::ratelimit
