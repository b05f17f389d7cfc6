// SPDX-License-Identifier: Apache-2.0
#include "discovery/config.h"

#include "net/endpoint.h"

namespace millrace::discovery {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;

}  // namespace

void RegistryConfig::bind(base::ConfigBinder& b) {
  b.milliseconds("gone_after_ms", gone_after, {.min = 100, .max = kDayMs},
                 "a node without a heartbeat for so long is gone");
  b.milliseconds("heartbeat_hold_ms_max", heartbeat_hold, {.min = 10, .max = kDayMs},
                 "a hanging heartbeat is answered after so long at the latest");
  b.milliseconds("clock_skew_ms_max", clock_skew, {.min = 1'000, .max = kDayMs},
                 "between the clocks of node and registry; older messages are refused");
  b.milliseconds("remember_commands_ms", remember_commands, {.min = 0, .max = kDayMs},
                 "commands stay known for so long after the last node that had them");
  b.count("nodes_max", nodes_max, {.min = 1, .max = 100'000}, "nodes known at a time");
  if (heartbeat_hold >= gone_after) {
    b.refuse("heartbeat_hold_ms_max has to be below gone_after_ms");
  }
}

void RegistrarConfig::bind(base::ConfigBinder& b) {
  b.text_list("registries", registries, "host:port of every gateway's API port");
  b.milliseconds("heartbeat_period_ms", heartbeat_period, {.min = 50, .max = kDayMs},
                 "between two heartbeats");
  b.milliseconds("back_off_ms_min", back_off_min, {.min = 1, .max = kDayMs},
                 "before the second try, doubled with each further failure");
  b.milliseconds("back_off_ms_max", back_off_max, {.min = 1, .max = kDayMs},
                 "between two tries at the most");
  b.milliseconds("connect_timeout_ms_max", connect_timeout, {.min = 1, .max = kDayMs},
                 "until connected");
  b.milliseconds("answer_timeout_ms_max", answer_timeout, {.min = 1, .max = kDayMs},
                 "for a hanging heartbeat; above the registry's heartbeat_hold_ms_max");
  b.milliseconds("withdraw_timeout_ms_max", withdraw_timeout, {.min = 0, .max = kDayMs},
                 "at stop, for the registries' word");
  if (back_off_min > back_off_max) b.refuse("back_off_ms_min is above back_off_ms_max");
  for (const std::string& registry : registries) {
    if (const auto endpoint = net::parse_endpoint(registry); !endpoint) {
      b.refuse("registries: " + endpoint.error().public_message);
    }
  }
}

}  // namespace millrace::discovery
