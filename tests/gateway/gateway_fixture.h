// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "discovery/http_registrar.h"
#include "gateway/gateway.h"
#include "net/http_server.h"
#include "net/io_pool.h"
#include "tests/gateway/raw_client.h"

namespace millrace::gateway {

inline constexpr const char* kFleetKey = "0123456789abcdef0123456789abcdef";

// An agent by script: a real server that a real registrar makes known. What it answers to tasks is
// the test's; to a question for its load it says nothing of it.
class FakeAgent {
 public:
  using Script = std::function<net::Awaitable<void>(net::HttpExchange&)>;
  struct Options {
    std::string id = "node-1";
    std::string incarnation = "1";
    std::string address = {};  // registered instead of its own
    std::string listen = "127.0.0.1:0";
    std::vector<std::string> formats = {};  // of its resize; none: it takes no format
  };
  FakeAgent(const net::Endpoint& registry, const Options& options, Script script);
  ~FakeAgent();

  // The tasks that came, as they came.
  [[nodiscard]] std::vector<net::HttpRequest> requests() const;
  [[nodiscard]] int load_questions() const { return load_questions_; }

 private:
  net::Awaitable<void> answer(net::HttpExchange& exchange);

  net::IoPool pool_{1};
  mutable std::mutex mutex_;
  std::vector<net::HttpRequest> requests_;
  std::atomic<int> load_questions_{0};
  Script script_;
  net::HttpServer server_;
  std::unique_ptr<discovery::HttpRegistrar> registrar_;
};

// A whole gateway on free ports, with a bucket "photos" in a folder of the test's own.
class GatewayTest : public testing::Test {
 protected:
  GatewayTest();
  ~GatewayTest() override;

  // Change config_ and photos_ before.
  void start_gateway();
  [[nodiscard]] Gateway::Options options() const;
  // Starts an agent and waits until the gateway takes it for serving.
  FakeAgent& start_agent(FakeAgent::Script script, const FakeAgent::Options& options = {});
  void stop_agents() { agents_.clear(); }
  void write_photo(const std::string& key, std::string_view bytes) const;

  [[nodiscard]] Reply get(const std::string& target, const Fields& fields = {},
                          const std::string& method = "GET") const {
    return fetch(gateway_->addresses().media.port, target, fields, method);
  }
  [[nodiscard]] std::uint16_t media_port() const { return gateway_->addresses().media.port; }
  [[nodiscard]] std::uint16_t api_port() const { return gateway_->addresses().api.port; }
  [[nodiscard]] std::uint16_t ops_port() const { return gateway_->addresses().ops.port; }
  // The value of a series of /metrics, by the beginning of its line.
  [[nodiscard]] double metric(const std::string& series) const;

  std::filesystem::path folder_;
  GatewayConfig config_;
  storage::BucketConfig photos_;  // its folder is folder_
  std::map<std::string, storage::BucketConfig> other_buckets_;
  std::unique_ptr<Gateway> gateway_;
  std::vector<std::unique_ptr<FakeAgent>> agents_;
};

// Looks again until it holds, half a minute at most: the other side is other threads.
bool eventually(const std::function<bool()>& condition);
std::string reason_of(const Reply& reply);
// An answer to a task that always fits.
net::HttpHead picture_head();

}  // namespace millrace::gateway
