// SPDX-License-Identifier: Apache-2.0
#include "cli/up_plan.h"

#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::cli {
namespace {

using base::fail;
using base::Reason;

bool is_url(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace

base::Result<std::pair<std::string, storage::BucketConfig>> parse_bucket_flag(
    std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string name(text.substr(0, equals));
  const std::string place(equals == std::string_view::npos ? "" : text.substr(equals + 1));
  if (name.empty() || place.empty()) {
    return fail(Reason::BadParameter, "--bucket " + std::string(text) +
                                          ": write name=folder or name=http(s)://origin, such as "
                                          "photos=./my-photos");
  }
  if (!storage::is_bucket_name(name)) {
    return fail(Reason::BadParameter,
                "--bucket " + std::string(text) + ": \"" + name +
                    "\" is no bucket name; it has 1 to 63 letters, digits, '-', '_' and '.', and "
                    "begins with a letter or digit");
  }
  storage::BucketConfig bucket;
  if (is_url(place)) {
    if (auto origin = storage::parse_origin(place); !origin) {
      return fail(Reason::BadParameter,
                  "--bucket " + std::string(text) + ": " + origin.error().public_message);
    }
    bucket.kind = "http";
    bucket.origin = place;
    return std::pair(name, bucket);
  }
  std::error_code error;
  bucket.folder = std::filesystem::absolute(place, error).lexically_normal().string();
  if (error || !std::filesystem::is_directory(bucket.folder, error)) {
    return fail(Reason::BadParameter,
                "--bucket " + std::string(text) + ": there is no folder " + place);
  }
  return std::pair(name, bucket);
}

base::Result<void> apply_flags(const UpOptions& options, MillraceConfig& config) {
  for (const std::string& text : options.buckets) {
    auto bucket = parse_bucket_flag(text);
    if (!bucket) return fail(std::move(bucket.error()));
    // The flag says where the bucket is; how it gives out what is there stays as configured.
    storage::BucketConfig& known = config.storage.buckets[bucket->first];
    bucket->second.delivery = std::move(known.delivery);
    known = std::move(bucket->second);
  }
  const auto address = [](std::string_view flag, const std::string& given,
                          std::string& value) -> base::Result<void> {
    if (given.empty()) return {};
    const auto endpoint = net::parse_endpoint(given);
    if (!endpoint) {
      return fail(Reason::BadParameter,
                  std::string(flag) + " " + given + ": " + endpoint.error().public_message);
    }
    if (endpoint->tls || endpoint->is_unix()) {
      return fail(Reason::BadParameter, std::string(flag) + " " + given + ": write host:port");
    }
    value = given;
    return {};
  };
  if (auto set = address("--listen", options.listen, config.gateway.listen); !set) return set;
  if (auto set = address("--api-listen", options.api_listen, config.gateway.api_listen); !set) {
    return set;
  }
  if (auto set = address("--ops-listen", options.ops_listen, config.gateway.ops_listen); !set) {
    return set;
  }
  if (config.storage.buckets.empty()) {
    return fail(Reason::BadParameter,
                "there is nothing to serve: name a bucket, such as --bucket photos=./my-photos, or "
                "a --config FILE with buckets");
  }
  return {};
}

base::Result<void> tie_together(const StateDir& state, MillraceConfig& config) {
  const agent::AgentConfig defaults;
  if (config.gateway.fleet_key_file.empty() && config.agent.fleet_key_file.empty()) {
    auto file = state.fleet_key_file();
    if (!file) return fail(std::move(file.error()));
    config.gateway.fleet_key_file = file->string();
  }
  if (config.gateway.fleet_key_file.empty()) {
    config.gateway.fleet_key_file = config.agent.fleet_key_file;
  }
  if (config.agent.fleet_key_file.empty()) {
    config.agent.fleet_key_file = config.gateway.fleet_key_file;
  }
  if (config.agent.listen == defaults.listen) {
    auto file = state.socket_file("agent.sock");
    if (!file) return fail(std::move(file.error()));
    config.agent.listen = "unix:" + file->string();
  }
  // Gateways that share limits keep no state of their own (docs/decisions/0070).
  if (config.gateway.state_dir.empty() && config.gateway.gateways_count == 1) {
    config.gateway.state_dir = (state.root() / "gateway").string();
  }
  if (config.agent.cache.dir == defaults.cache.dir) {
    config.agent.cache.dir = state.cache_dir().string();
  }
  return {};
}

base::Result<GatewayAddresses> addresses_from_notice(std::string_view json) {
  const auto notice = nlohmann::json::parse(json, nullptr, false);
  if (notice.is_object() && notice.contains("error") && notice["error"].is_string()) {
    return fail(Reason::BadParameter, notice["error"].get<std::string>());
  }
  GatewayAddresses addresses;
  const auto read = [&notice](const char* name, net::Endpoint& endpoint) {
    if (!notice.is_object() || !notice.contains(name) || !notice[name].is_string()) return false;
    auto parsed = net::parse_endpoint(notice[name].get<std::string>());
    if (!parsed) return false;
    endpoint = *std::move(parsed);
    return true;
  };
  if (!read("media", addresses.media) || !read("api", addresses.api) ||
      !read("ops", addresses.ops)) {
    return fail(Reason::Internal, "the gateway's word about its addresses cannot be read",
                std::string(json));
  }
  return addresses;
}

net::Endpoint reachable(net::Endpoint endpoint) {
  if (endpoint.host == "0.0.0.0") endpoint.host = "127.0.0.1";
  if (endpoint.host == "::") endpoint.host = "::1";
  return endpoint;
}

std::string url_of(const net::Endpoint& endpoint) { return "http://" + endpoint.text(); }

void settle_addresses(const GatewayAddresses& addresses, MillraceConfig& config) {
  config.gateway.listen = addresses.media.text();
  config.gateway.api_listen = addresses.api.text();
  config.gateway.ops_listen = addresses.ops.text();
  const agent::AgentConfig defaults;
  if (config.agent.registrar.registries == defaults.registrar.registries) {
    config.agent.registrar.registries = {reachable(addresses.api).text()};
  }
}

}  // namespace millrace::cli
