// SPDX-License-Identifier: Apache-2.0
// millrace-gateway: configuration in, ports open, signals out.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <future>
#include <string>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/ops_service.h"
#include "gateway/process_config.h"
#include "gateway/signals.h"
#include "net/descriptors.h"

namespace millrace::gateway {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitConfiguration = 78;  // EX_CONFIG of sysexits.h: starting again would not help

// Tells whoever started this process, over the descriptor it passed: {"media":…} once it serves, or
// {"error":…}.
void notify(int fd, const nlohmann::ordered_json& message) {
  if (fd < 0) return;
  const std::string line = message.dump() + "\n";
  // A starter that is gone does not matter to the service.
  (void)!::write(fd, line.data(), line.size());
  ::close(fd);
}

int refuse_to_start(int notify_fd, int status, const base::Error& error) {
  fmt::print(stderr, "millrace-gateway: {}\n", error.public_message);
  notify(notify_fd, {{"error", error.public_message}});
  return status;
}

// The public ports leave some descriptors to the rest of the process, whatever the bound says.
void say_descriptors(const GatewayConfig& config) {
  const std::size_t limit = net::raise_descriptor_limit();
  const std::size_t usable = limit - std::min(limit, net::descriptors_kept(limit));
  if (usable >= config.limits.server.connections_max) return;
  base::log_warn(
      "descriptor_limit_below_connections_max",
      {{"connections", static_cast<std::int64_t>(usable)},
       {"connections_max", static_cast<std::int64_t>(config.limits.server.connections_max)},
       {"descriptor_limit", static_cast<std::int64_t>(limit)}});
}

int serve(const std::string& config_file, int notify_fd) {
  auto options = load_process_config(config_file, base::environment_of_process());
  if (!options) return refuse_to_start(notify_fd, kExitConfiguration, options.error());
  base::start_log("gateway", base::log_level_from_word(options->config.log_level));
  say_descriptors(options->config);
  auto made = Gateway::make(*std::move(options));
  if (!made) {
    const bool configuration = made.error().reason == base::Reason::BadParameter;
    return refuse_to_start(notify_fd, configuration ? kExitConfiguration : kExitFailed,
                           made.error());
  }
  Gateway& gateway = **made;
  std::promise<void> drained;
  const Signals signals(gateway, config_file, [&drained] { drained.set_value(); });
  gateway.start();
  const Gateway::Addresses addresses = gateway.addresses();
  base::log_info("serving", {{"media", addresses.media.text()},
                             {"api", addresses.api.text()},
                             {"ops", addresses.ops.text()}});
  notify(notify_fd, {{"media", addresses.media.text()},
                     {"api", addresses.api.text()},
                     {"ops", addresses.ops.text()}});
  drained.get_future().wait();
  gateway.stop();
  base::log_info("stopped");
  return 0;
}

}  // namespace
}  // namespace millrace::gateway

// NOLINTNEXTLINE(bugprone-exception-escape): what gets here ends the process
int main(int argc, char** argv) {
  CLI::App app("The HTTP front of a Millrace fleet.", "millrace-gateway");
  std::string config_file;
  int notify_fd = -1;
  bool version = false;
  app.add_option("--config", config_file, "YAML file; sections gateway: and buckets: are read");
  app.add_option("--notify-fd", notify_fd, "descriptor that is told the addresses, or the error");
  app.add_flag("--version", version, "print the version");
  CLI11_PARSE(app, argc, argv);
  if (version) {
    fmt::print("{}", millrace::gateway::version_json());
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  return millrace::gateway::serve(config_file, notify_fd);
}
