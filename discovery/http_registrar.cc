// SPDX-License-Identifier: Apache-2.0
#include "discovery/http_registrar.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "discovery/registry_link.h"
#include "discovery/registry_protocol.h"
#include "net/endpoint.h"

namespace millrace::discovery {

namespace asio = net::asio;
using boost::system::error_code;

struct HttpRegistrar::Impl {
  explicit Impl(asio::io_context& with) : io(with), stopping(with), farewell(with) {}

  asio::io_context& io;
  std::chrono::milliseconds withdraw_timeout{};
  std::shared_ptr<Outbox> outbox = std::make_shared<Outbox>();
  std::vector<std::shared_ptr<RegistryLink>> links;
  NodeRecord record;
  asio::steady_timer stopping;  // run() waits for its cancellation
  asio::steady_timer farewell;  // withdraw() waits for the last link
  std::size_t farewells_left = 0;
  bool stopped = false;

  void stop() {
    if (stopped) return;
    stopped = true;
    for (const auto& link : links) link->stop();
    stopping.cancel();
    farewell.cancel();
  }
};

namespace {

net::Awaitable<void> wait_on(asio::steady_timer& timer) {
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

base::Result<std::unique_ptr<HttpRegistrar>> HttpRegistrar::make(asio::io_context& io,
                                                                 const RegistrarConfig& config,
                                                                 std::string fleet_key,
                                                                 base::Metrics* metrics) {
  auto impl = std::make_shared<Impl>(io);
  impl->withdraw_timeout = config.withdraw_timeout;
  impl->outbox->fleet_key = std::move(fleet_key);
  for (const std::string& address : config.registries) {
    auto endpoint = net::parse_endpoint(address);
    if (!endpoint) return base::fail(std::move(endpoint.error()));
    impl->links.push_back(
        std::make_shared<RegistryLink>(io, std::move(*endpoint), config, impl->outbox, metrics));
  }
  return std::unique_ptr<HttpRegistrar>(new HttpRegistrar(std::move(impl)));
}

HttpRegistrar::HttpRegistrar(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

// NOLINTNEXTLINE(bugprone-exception-escape): what stop() cancels are timers, which cannot fail
HttpRegistrar::~HttpRegistrar() { stop(); }

void HttpRegistrar::publish(NodeRecord record) {
  impl_->outbox->target = std::string(kNodesTarget) + "/" + record.id;
  impl_->outbox->body = to_json(record);
  impl_->record = std::move(record);
  for (const auto& link : impl_->links) link->changed();
}

net::Awaitable<void> HttpRegistrar::run() {
  const auto impl = impl_;
  for (const auto& link : impl->links)
    asio::co_spawn(impl->io, RegistryLink::run(link), asio::detached);
  impl->stopping.expires_at(asio::steady_timer::time_point::max());
  if (!impl->stopped) co_await wait_on(impl->stopping);
}

net::Awaitable<void> HttpRegistrar::withdraw() {
  const auto impl = impl_;
  if (!impl->outbox->body.empty() && !impl->stopped) {
    NodeRecord record = impl->record;
    record.state = NodeState::Down;
    const std::string body = to_json(record);
    const auto deadline = base::Deadline::after(base::Clock::now(), impl->withdraw_timeout);
    impl->farewells_left = impl->links.size();
    impl->farewell.expires_at(deadline.at());
    for (const auto& link : impl->links) {
      asio::co_spawn(impl->io, RegistryLink::withdraw(link, body, deadline),
                     [impl](const std::exception_ptr&, bool) {
                       if (--impl->farewells_left == 0) impl->farewell.cancel();
                     });
    }
    if (impl->farewells_left > 0) co_await wait_on(impl->farewell);
  }
  impl->stop();
}

void HttpRegistrar::stop() { impl_->stop(); }

bool HttpRegistrar::registered() const {
  return std::ranges::any_of(impl_->links, [](const auto& link) { return link->registered(); });
}

}  // namespace millrace::discovery
