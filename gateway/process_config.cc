// SPDX-License-Identifier: Apache-2.0
#include "gateway/process_config.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "discovery/fleet_key.h"
#include "storage/config.h"

namespace millrace::gateway {

base::Result<Gateway::Options> load_process_config(const std::string& file,
                                                   const base::Environment& environment) {
  std::string text;
  if (!file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (in) text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in) {
      return base::fail(base::Reason::BadParameter,
                        "cannot read " + file + ": " + std::generic_category().message(errno));
    }
  }
  Gateway::Options options;
  storage::StorageConfig storage;
  auto loaded = base::load_config(text, environment, [&](base::ConfigBinder& b) {
    b.part("gateway", options.config, "the HTTP front: admits, routes, answers");
    storage.bind(b);
    b.foreign_section("agent");
  });
  if (!loaded) return base::fail(std::move(loaded.error()));
  options.buckets = std::move(storage.buckets);
  if (options.config.fleet_key_file.empty()) {
    return base::fail(base::Reason::BadParameter,
                      "gateway.fleet_key_file is empty: name the file with the fleet's key "
                      "(millrace up makes one)");
  }
  auto key = discovery::load_fleet_key(options.config.fleet_key_file);
  if (!key) return base::fail(std::move(key.error()));
  options.fleet_key = *std::move(key);
  return options;
}

}  // namespace millrace::gateway
