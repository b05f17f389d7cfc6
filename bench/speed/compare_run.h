// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench/speed/comparison.h"
#include "bench/speed/url_template.h"

namespace millrace::bench::speed {

struct CompareOptions {
  std::filesystem::path binaries;         // of millrace-bench-speed
  std::filesystem::path system_binaries;  // of millrace
  std::filesystem::path peers;            // bench/peers
  std::filesystem::path packages;         // state/bench-peers
  std::vector<std::string> sources;       // --photos, --photo, --ops for millrace-bench-speed
  std::vector<Operation> operations;
  std::vector<PeerTemplate> templates;  // servers that run already
  bool with_peers = true;               // those that are installed
  std::vector<std::string> systems;     // these alone; empty: all
  bool with_workers = true;             // one worker beside two
  std::size_t connections = 16;
  std::size_t rounds = 5;
  std::chrono::milliseconds warm_up{500};
  std::chrono::milliseconds window{6'000};
  std::vector<std::string> settings;  // of our own, key=value
  std::string version;                // of our own
  bool quiet = false;
};

// The whole of a comparison. Origin, our own system and the others run all the time; in each round
// each of them has its turn at each operation, alone, the first turn going round. One answer of
// each system, operation and photograph is looked at beforehand. Internal: our own system, the
// origin or the pictures could not be had.
base::Result<Comparison> run_comparison(const CompareOptions& options);

}  // namespace millrace::bench::speed
