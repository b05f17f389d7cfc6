// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "agent/config.h"
#include "base/config.h"
#include "base/result.h"
#include "gateway/config.h"
#include "storage/config.h"

namespace millrace::cli {

// The one configuration file, with every process' section.
struct MillraceConfig {
  gateway::GatewayConfig gateway;
  agent::AgentConfig agent;
  storage::StorageConfig storage;  // section buckets:

  void bind(base::ConfigBinder& binder);
};

// File (none when empty), then overrides. BadParameter with a sentence for the terminal.
base::Result<MillraceConfig> load_millrace_config(const std::filesystem::path& file,
                                                  const base::Environment& environment);
// As YAML that load_millrace_config reads back.
std::string print_millrace_config(MillraceConfig config, bool commented,
                                  base::Secrets secrets = base::Secrets::Shown);

}  // namespace millrace::cli
