// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "discovery/embedded_registry.h"
#include "discovery/http_registrar.h"
#include "net/http_server.h"
#include "net/io_pool.h"
// after asio.h
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

// Gateways and agents as far as discovery sees them, each on a thread of its own, on loopback.
namespace millrace::discovery {

inline const std::string kFleetKey = "0123456789abcdef0123456789abcdef";

// "It happens": more than an overloaded machine needs. Looks every few milliseconds.
inline bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

class LiveThread {
 public:
  LiveThread() { pool_.start(); }
  net::asio::io_context& io() { return pool_.io(0); }
  // Runs `call` there and waits for it.
  void on_thread(const std::function<void()>& call) {
    // Shared: the other thread is still inside set_value when this one wakes.
    const auto done = std::make_shared<std::promise<void>>();
    net::asio::post(io(), [&call, done] {
      call();
      done->set_value();
    });
    done->get_future().wait();
  }
  void stop() { pool_.stop(); }

 private:
  net::IoPool pool_{1};
};

class LiveGateway {
 public:
  explicit LiveGateway(const RegistryConfig& config, std::uint16_t port = 0,
                       const std::string& key = kFleetKey)
      : registry_(std::make_unique<EmbeddedRegistry>(thread_.io(), config, key, &metrics_)) {
    net::HttpServer::Options options;
    options.name = "api";
    server_ = std::make_unique<net::HttpServer>(
        thread_.io(), std::move(options),
        [this](net::HttpExchange& exchange) { return registry_->handle(exchange); });
    thread_.on_thread([&] {
      const auto listening =
          server_->listen(net::Endpoint{.host = "127.0.0.1", .port = port, .unix_path = {}});
      EXPECT_TRUE(listening) << listening.error().detail;
      endpoint_ = server_->local_endpoint();
    });
  }
  // As a killed process would: everything breaks at once.
  ~LiveGateway() {
    thread_.on_thread([this] { server_.reset(); });
    thread_.stop();
  }
  LiveGateway(const LiveGateway&) = delete;
  LiveGateway& operator=(const LiveGateway&) = delete;

  EmbeddedRegistry& registry() { return *registry_; }
  [[nodiscard]] const net::Endpoint& endpoint() const { return endpoint_; }
  // The record of this id; null while it is not in the snapshot.
  [[nodiscard]] std::shared_ptr<const NodeRecord> node(std::string_view id) const {
    const auto snapshot = registry_->snapshot();
    for (const auto& record : snapshot->nodes) {
      if (record->id == id) return record;
    }
    return nullptr;
  }
  [[nodiscard]] std::uint64_t beats(const std::string& outcome) const {
    const std::string text = metrics_.text();
    const std::string name = "millrace_registry_heartbeats_total{outcome=\"" + outcome + "\"} ";
    const std::size_t at = text.find(name);
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + name.size()));
  }

 private:
  base::Metrics metrics_;
  LiveThread thread_;
  std::unique_ptr<EmbeddedRegistry> registry_;
  std::unique_ptr<net::HttpServer> server_;
  net::Endpoint endpoint_;
};

class LiveAgent {
 public:
  LiveAgent(RegistrarConfig config, const std::vector<net::Endpoint>& registries,
            const std::string& key = kFleetKey) {
    config.registries.clear();
    for (const net::Endpoint& registry : registries) config.registries.push_back(registry.text());
    thread_.on_thread([&] {
      auto made = HttpRegistrar::make(thread_.io(), config, key, &metrics_);
      ASSERT_TRUE(made);
      registrar_ = std::move(*made);
      net::asio::co_spawn(thread_.io(), registrar_->run(),
                          [this](const std::exception_ptr&) { ended_.set_value(); });
    });
  }
  ~LiveAgent() {
    thread_.on_thread([this] { registrar_.reset(); });
    thread_.stop();
  }
  LiveAgent(const LiveAgent&) = delete;
  LiveAgent& operator=(const LiveAgent&) = delete;

  void publish(NodeRecord record) {
    thread_.on_thread([&] { registrar_->publish(std::move(record)); });
  }
  // As a killed process would.
  void kill() {
    thread_.on_thread([this] { registrar_->stop(); });
  }
  void withdraw() {
    const auto done = std::make_shared<std::promise<void>>();
    net::asio::co_spawn(thread_.io(), registrar_->withdraw(),
                        [done](const std::exception_ptr&) { done->set_value(); });
    done->get_future().wait();
  }
  bool registered() {
    bool is = false;
    thread_.on_thread([&] { is = registrar_->registered(); });
    return is;
  }
  bool run_ended() {
    return ended_.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready;
  }

 private:
  base::Metrics metrics_;
  LiveThread thread_;
  std::unique_ptr<HttpRegistrar> registrar_;
  std::promise<void> ended_;
};

}  // namespace millrace::discovery
