// SPDX-License-Identifier: Apache-2.0
#include "gateway/signals.h"

#include <csignal>
#include <utility>

#include "base/log.h"
#include "gateway/process_config.h"

namespace millrace::gateway {

Signals::Signals(Gateway& gateway, std::string config_file, std::function<void()> drained)
    : gateway_(gateway),
      config_file_(std::move(config_file)),
      drained_(std::move(drained)),
      signals_(gateway.control_io().get_executor(), SIGTERM, SIGINT, SIGHUP) {
  await();
}

void Signals::await() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      reload();
    } else {
      base::log_info("draining", {{"signal", std::int64_t{signal}}});
      gateway_.drain(drained_);
    }
    await();
  });
}

void Signals::reload() {
  const auto options = load_process_config(config_file_, base::environment_of_process());
  base::Result<void> reloaded;
  if (options) {
    reloaded = gateway_.reload(*options);
  } else {
    reloaded = base::fail(options.error());
  }
  if (!reloaded) {
    base::log_error("reload_refused",
                    {{"file", config_file_}, {"why", reloaded.error().public_message}});
    return;
  }
  base::log_info("reloaded",
                 {{"file", config_file_},
                  {"users", static_cast<std::int64_t>(options->config.throttle.users.size())}});
}

}  // namespace millrace::gateway
