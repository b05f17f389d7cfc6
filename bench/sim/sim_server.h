// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "agent/config.h"
#include "base/result.h"
#include "bench/lab/scenario.h"
#include "gateway/config.h"
#include "ipc/messages.h"
#include "pipeline/pipeline.h"
#include "storage/config.h"

namespace millrace::bench::sim {

// The server of a scenario as its own configuration classes read it, and what stands in its
// buckets.
struct SimServer {
  gateway::GatewayConfig gateway;
  agent::AgentConfig agent;
  storage::StorageConfig storage;
  std::size_t workers = 1;
  pipeline::Catalogue catalogue;
  std::map<std::string, Bucket> buckets;
};

// `cores`: workers of a scenario that asks for one each. BadParameter: the configuration is not one
// (the sentence has line and key), or a mix writes its pipeline in a form that no command has.
base::Result<SimServer> server_of(const Scenario& scenario, std::size_t cores);

// The commands that the mixes use, with the parameters that they give: an imitation of what workers
// describe, good for parsing, hashing and weighing requests, and for nothing else. Placeholders
// such as {r} stand for numbers.
pipeline::Catalogue catalogue_of(const Scenario& scenario);

// What the header of an original says: of the pictures that the scenario has made, else
// `source_px` of the mix.
ipc::Probe probe_of(const Bucket* bucket, const std::string& key, double source_px);
// Its length, roughly: pixels times a quarter of a byte.
std::uint64_t source_bytes_of(const ipc::Probe& probe);

}  // namespace millrace::bench::sim
