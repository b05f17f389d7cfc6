// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/millrace_config.h"
#include "cli/state_dir.h"
#include "net/endpoint.h"

namespace millrace::cli {

// What `millrace up` was asked for; empty texts stand for "as configured".
struct UpOptions {
  std::vector<std::string> buckets;  // name=folder or name=http(s)://origin[/prefix]
  std::string listen;
  std::string api_listen;
  std::string ops_listen;
  std::filesystem::path config_file;
  std::filesystem::path state_dir;
  std::filesystem::path ready_file;
};

// "photos=./my-photos" -> name and bucket. BadParameter with a sentence for the terminal. A folder
// is made absolute.
base::Result<std::pair<std::string, storage::BucketConfig>> parse_bucket_flag(
    std::string_view text);

// Puts the flags over the configuration: flags win over the environment, that over the file.
base::Result<void> apply_flags(const UpOptions& options, MillraceConfig& config);

// Fills in what ties the processes of one machine together, where the configuration is silent (as
// its defaults are): the fleet's key, the agent's socket in the state dir, its cache in memory.
base::Result<void> tie_together(const StateDir& state, MillraceConfig& config);

// Where gateway and registry are, once the kernel has chosen the ports.
struct GatewayAddresses {
  net::Endpoint media;
  net::Endpoint api;
  net::Endpoint ops;
};
// {"media":"127.0.0.1:8080",…}, or the sentence of {"error":…} as an Error.
base::Result<GatewayAddresses> addresses_from_notice(std::string_view json);
// From now on these ports, also when the gateway is started again; and the agent reports to them.
void settle_addresses(const GatewayAddresses& addresses, MillraceConfig& config);

// The same place as this machine reaches it: a wildcard address becomes loopback.
net::Endpoint reachable(net::Endpoint endpoint);
std::string url_of(const net::Endpoint& endpoint);  // http://127.0.0.1:8080

}  // namespace millrace::cli
