// SPDX-License-Identifier: Apache-2.0
#include "tests/gateway/gateway_fixture.h"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

namespace millrace::gateway {
namespace {

pipeline::CommandSpec command(const std::string& name, const std::string& gives) {
  pipeline::CommandSpec spec;
  spec.name = name;
  spec.summary = name;
  spec.kind = "image";
  spec.takes = {"image"};
  spec.gives = gives;
  pipeline::ParameterSpec width;
  width.name = "w";
  width.kind = pipeline::ParameterKind::Integer;
  width.min = 1;
  width.max = 9999;
  spec.named = {width};
  return spec;
}

// One that is told the URL of the original.
pipeline::CommandSpec code_command() {
  pipeline::CommandSpec spec = command("code", "image");
  pipeline::ParameterSpec url;
  url.name = "url";
  url.kind = pipeline::ParameterKind::Text;
  url.min = 1;
  url.max = 200;
  url.from_request = true;
  spec.named.push_back(url);
  return spec;
}

// One that lays other pictures over the original.
pipeline::CommandSpec mark_command() {
  pipeline::CommandSpec spec = command("mark", "image");
  pipeline::ParameterSpec image;
  image.name = "image";
  image.kind = pipeline::ParameterKind::Picture;
  image.takes_key = true;
  spec.named.push_back(image);
  return spec;
}

discovery::NodeRecord record_of(const FakeAgent::Options& options, const net::Endpoint& endpoint) {
  discovery::NodeRecord record;
  record.id = options.id;
  record.incarnation = options.incarnation;
  record.address = options.address.empty() ? endpoint.text() : options.address;
  record.cell = "default";
  record.build = "test";
  record.state = discovery::NodeState::Serving;
  pipeline::CommandSpec resize = command("resize", "image");
  if (!options.formats.empty()) {
    pipeline::ParameterSpec format;
    format.name = "format";
    format.kind = pipeline::ParameterKind::Choice;
    format.choices = options.formats;
    resize.named.push_back(format);
  }
  record.kinds = {discovery::NodeKind{
      "image", 2, {resize, command("info", "json"), code_command(), mark_command()}}};
  return record;
}

}  // namespace

FakeAgent::FakeAgent(const net::Endpoint& registry, const Options& options, Script script)
    : script_(std::move(script)),
      server_(pool_.io(0),
              net::HttpServer::Options{.limits = {}, .name = "agent", .gate = {}, .refusal = {}},
              [this](net::HttpExchange& exchange) { return answer(exchange); }) {
  const auto bound = server_.listen(*net::parse_endpoint(options.listen));
  if (!bound) throw std::runtime_error(bound.error().detail);
  discovery::RegistrarConfig config;
  config.registries = {registry.text()};
  auto registrar = discovery::HttpRegistrar::make(pool_.io(0), config, kFleetKey);
  if (!registrar) throw std::runtime_error(registrar.error().public_message);
  registrar_ = *std::move(registrar);
  registrar_->publish(record_of(options, server_.local_endpoint()));
  net::asio::co_spawn(pool_.io(0), registrar_->run(), net::asio::detached);
  pool_.start();
}

net::Awaitable<void> FakeAgent::answer(net::HttpExchange& exchange) {
  if (exchange.request().target == "/v1/load") {
    ++load_questions_;
    (void)co_await exchange.respond({}, {});
    co_return;
  }
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(exchange.request());
  }
  co_await script_(exchange);
}

FakeAgent::~FakeAgent() { pool_.stop(); }

std::vector<net::HttpRequest> FakeAgent::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

GatewayTest::GatewayTest() {
  std::string pattern = (std::filesystem::temp_directory_path() / "millrace-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  photos_.folder = pattern;
  config_.listen = config_.api_listen = config_.ops_listen = "127.0.0.1:0";
  config_.threads = 2;
  config_.drain_timeout = std::chrono::milliseconds(0);
}

GatewayTest::~GatewayTest() {
  agents_.clear();
  gateway_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Gateway::Options GatewayTest::options() const {
  auto buckets = other_buckets_;
  buckets["photos"] = photos_;
  return {.config = config_, .buckets = std::move(buckets), .fleet_key = kFleetKey};
}

void GatewayTest::start_gateway() {
  auto made = Gateway::make(options());
  ASSERT_TRUE(made) << made.error().public_message << " " << made.error().detail;
  gateway_ = *std::move(made);
  gateway_->start();
}

FakeAgent& GatewayTest::start_agent(FakeAgent::Script script, const FakeAgent::Options& options) {
  agents_.push_back(
      std::make_unique<FakeAgent>(gateway_->addresses().api, options, std::move(script)));
  EXPECT_TRUE(eventually([&] {
    const auto nodes = nlohmann::json::parse(fetch(ops_port(), "/readyz").body, nullptr, false);
    return nodes.is_object() && nodes.value("nodes_serving", 0U) == agents_.size();
  }));
  return *agents_.back();
}

void GatewayTest::write_photo(const std::string& key, std::string_view bytes) const {
  const auto file = folder_ / key;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

double GatewayTest::metric(const std::string& series) const {
  const std::string text = fetch(ops_port(), "/metrics").body;
  const std::size_t at = text.find("\n" + series);
  if (at == std::string::npos) return -1;
  return std::strtod(text.c_str() + text.find(' ', at + series.size()), nullptr);
}

bool eventually(const std::function<bool()>& condition) {
  const auto end = base::Clock::now() + std::chrono::seconds(30);
  while (!condition()) {
    if (base::Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::string reason_of(const Reply& reply) {
  const auto json = nlohmann::json::parse(reply.body, nullptr, false);
  return json.is_object() ? json.value("reason", "") : "";
}

net::HttpHead picture_head() {
  net::HttpHead head;
  head.headers.add("Content-Type", "image/jpeg");
  head.headers.add("ETag", "\"e1\"");
  head.headers.add("Server-Timing", "work;dur=1");
  return head;
}

}  // namespace millrace::gateway
