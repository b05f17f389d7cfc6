// SPDX-License-Identifier: Apache-2.0
#include "cli/millrace_config.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "gateway/delivery_book.h"

namespace millrace::cli {

void MillraceConfig::bind(base::ConfigBinder& b) {
  b.part("gateway", gateway, "the HTTP front: admits, routes, answers");
  b.part("agent", agent, "one per node: fetches originals, caches, supervises workers");
  storage.bind(b);
  if (auto sound = gateway::check_delivery(storage.buckets, gateway.throttle.users); !sound) {
    b.refuse(sound.error().public_message);
  }
  for (const auto& [tier, unused] : gateway.throttle.tiers) {
    if (agent.tiers.contains(tier)) continue;
    b.refuse("gateway.tiers." + tier + " has no queue: name it under agent.tiers too");
  }
}

base::Result<MillraceConfig> load_millrace_config(const std::filesystem::path& file,
                                                  const base::Environment& environment) {
  std::string text;
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (in) text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in) {
      return base::fail(base::Reason::BadParameter, "cannot read " + file.string() + ": " +
                                                        std::generic_category().message(errno));
    }
  }
  MillraceConfig config;
  auto loaded =
      base::load_config(text, environment, [&config](base::ConfigBinder& b) { config.bind(b); });
  if (!loaded) {
    base::Error error = std::move(loaded.error());
    if (!file.empty()) error.public_message = file.string() + ": " + error.public_message;
    return base::fail(std::move(error));
  }
  return config;
}

std::string print_millrace_config(MillraceConfig config, bool commented, base::Secrets secrets) {
  return base::print_config([&config](base::ConfigBinder& b) { config.bind(b); }, commented,
                            secrets);
}

}  // namespace millrace::cli
