// SPDX-License-Identifier: Apache-2.0
#include "discovery/registry_link.h"

#include <chrono>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "discovery/signature.h"

namespace millrace::discovery {
namespace {

using base::Clock;
using base::Reason;
using base::Result;
using boost::system::error_code;
namespace asio = net::asio;

constexpr base::Bytes kAnswerBytesMax{64 << 10};

net::HttpClient::Options client_options(const RegistrarConfig& config) {
  net::HttpClient::Options options;
  options.limits.connect_timeout = config.connect_timeout;
  options.limits.read_timeout = config.answer_timeout;
  // Those under way, and a farewell beside them.
  options.limits.connections_per_endpoint_max = BeatSchedule::kUnderWayMax + 1;
  options.limits.idle_per_endpoint_max = BeatSchedule::kUnderWayMax + 1;
  return options;
}

BeatSchedule::Timing timing_of(const RegistrarConfig& config) {
  BeatSchedule::Timing timing;
  timing.period = config.heartbeat_period;
  timing.back_off_min = config.back_off_min;
  timing.back_off_max = config.back_off_max;
  return timing;
}

// What a refused heartbeat says for the operator: the registry's own sentence.
base::Error refusal(int status, const std::string& body) {
  return base::make_error(Reason::OriginFailed, "The registry refused the heartbeat",
                          "status " + std::to_string(status) + ": " + body);
}

}  // namespace

net::ClientRequest Outbox::next(const std::string& message) {
  net::ClientRequest request;
  request.method = "POST";
  request.target = target;
  request.body = message;
  request.headers.set("Content-Type", "application/json");
  // A second copy of the same message would be taken for a replay; the next heartbeat is the
  // repetition.
  request.repeat_on_stale_connection = false;
  sign(request.headers, fleet_key,
       SignedParts{"POST", request.target, unix_ms_now(), ++sequence, request.body});
  return request;
}

RegistryLink::RegistryLink(asio::io_context& io, net::Endpoint registry,
                           const RegistrarConfig& config, std::shared_ptr<Outbox> outbox,
                           base::Metrics* metrics)
    : io_(io),
      registry_(std::move(registry)),
      config_(config),
      outbox_(std::move(outbox)),
      client_(io, client_options(config)),
      schedule_(timing_of(config)),
      due_(io),
      random_(std::random_device{}()) {
  if (metrics == nullptr) return;
  const base::Labels labels{{"registry", registry_.text()}};
  failures_ = metrics->counter("millrace_agent_heartbeat_failures_total",
                               "Heartbeats that a registry did not take", labels);
  registered_gauge_ = metrics->gauge("millrace_agent_registered",
                                     "1 while the registry has this node's record", labels);
  counted_ = true;
}

net::Awaitable<void> RegistryLink::run(std::shared_ptr<RegistryLink> link) {
  while (!link->stopped_) {
    const base::TimePoint now = Clock::now();
    const bool can_send = !link->silent_ && !link->outbox_->body.empty();
    const base::TimePoint due = can_send ? link->schedule_.due() : base::TimePoint::max();
    if (due <= now) {
      net::ClientRequest request = link->outbox_->next(link->outbox_->body);
      const std::uint64_t sequence = link->outbox_->sequence;
      link->schedule_.sent(sequence, now);
      asio::co_spawn(link->io_, beat(link, std::move(request), sequence), asio::detached);
      continue;
    }
    link->due_.expires_at(due);
    error_code ignored;  // wake() cancels the wait
    co_await link->due_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

net::Awaitable<void> RegistryLink::beat(std::shared_ptr<RegistryLink> link,
                                        net::ClientRequest request, std::uint64_t sequence) {
  const auto deadline = base::Deadline::after(Clock::now(), link->config_.answer_timeout);
  const Result<BeatAnswer> answer = co_await link->post(std::move(request), deadline);
  link->settle(sequence, answer);
}

void RegistryLink::settle(std::uint64_t sequence, const Result<BeatAnswer>& answer) {
  if (stopped_ || silent_) return;
  const bool taken = answer && *answer != BeatAnswer::Replaced && *answer != BeatAnswer::Draining;
  const std::string registry = registry_.text();
  if (taken) {
    if (schedule_.answered(sequence, Clock::now())) {
      base::log_info("registered", {{"registry", registry}});
    }
  } else {
    constexpr double kSteps = 1 << 16;
    const double random = static_cast<double>(random_() % (1U << 16)) / kSteps;
    if (counted_) failures_.add();
    // One line an outage, however many tries it takes.
    if (schedule_.failed(sequence, Clock::now(), random)) {
      const std::string why =
          answer ? "it answered " + std::string(word_of(*answer))
                 : answer.error().public_message + " (" + answer.error().detail + ")";
      base::log_warn("registry_lost", {{"registry", registry}, {"why", why}});
    }
  }
  if (counted_) registered_gauge_.set(schedule_.registered() ? 1 : 0);
  wake();
}

void RegistryLink::changed() {
  schedule_.changed(Clock::now());
  wake();
}

void RegistryLink::stop() {
  stopped_ = true;
  if (counted_) registered_gauge_.set(0);
  counted_ = false;  // what is still under way counts no more: the metrics may be gone before it
  cancel_.cancel();
  wake();
}

void RegistryLink::wake() { due_.cancel(); }

net::Awaitable<Result<BeatAnswer>> RegistryLink::post(net::ClientRequest request,
                                                      base::Deadline deadline) {
  auto response = co_await client_.send(registry_, std::move(request), deadline, cancel_.token());
  if (!response) co_return base::fail(std::move(response.error()));
  const Result<std::string> body = co_await (*response)->read_all(kAnswerBytesMax);
  if (!body) co_return base::fail(body.error());
  if ((*response)->status() != 200) {
    co_return base::fail(refusal((*response)->status(), *body));
  }
  co_return beat_answer_from_json(*body);
}

net::Awaitable<bool> RegistryLink::withdraw(std::shared_ptr<RegistryLink> link, std::string body,
                                            base::Deadline deadline) {
  link->silent_ = true;
  if (link->counted_) link->registered_gauge_.set(0);
  net::ClientRequest request = link->outbox_->next(body);
  const Result<BeatAnswer> answer = co_await link->post(std::move(request), deadline);
  co_return answer && *answer == BeatAnswer::Withdrawn;
}

}  // namespace millrace::discovery
