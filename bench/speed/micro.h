// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "bench/speed/operations.h"
#include "bench/speed/pictures.h"

namespace millrace::bench::speed {

struct MicroOptions {
  std::vector<Operation> operations;
  std::size_t rounds = 15;
};

// What a picture costs without a server around it: processor time of one core, our own worker
// (ImageWorker::run, into a file in memory) and bare libvips (vips_result) in turns in this
// process, so that both have its allocator and its one thread a picture. Medians of the rounds for
// each photograph; the row of an operation has the mean of its photographs. The first round warms
// up. Internal: a picture was not made, or not in the size that was asked for.
base::Result<nlohmann::ordered_json> measure_micro(const std::vector<Photo>& photos,
                                                   const MicroOptions& options);
// The table of such a result, for a terminal.
std::string micro_table(const nlohmann::ordered_json& rows);

}  // namespace millrace::bench::speed
