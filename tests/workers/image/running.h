// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "workers/image/image_worker.h"

namespace millrace::workers::image {

// The worker of this test process.
ImageWorker& test_worker();

// What a run gave: the outcome and the bytes of the file.
struct Variant {
  ipc::RunOutcome outcome;
  std::string file;
};

// Checks the pipeline against the worker's own specs and runs it, as the worker's main loop does.
// `others`: the files of the other pictures that the pipeline names, in the order of
// pipeline::pictures_of.
base::Result<Variant> run_pipeline(const std::string& input, const std::string& pipeline,
                                   const std::vector<std::string>& others,
                                   const ipc::RunLimits& limits = {});
base::Result<Variant> run_pipeline(const std::string& input, const std::string& pipeline,
                                   const ipc::RunLimits& limits = {},
                                   base::Deadline deadline = base::Deadline::never());
// The same as one of a group; `next`: with the first, the pipelines of the others.
base::Result<Variant> run_in_group(const std::string& input, const std::string& pipeline,
                                   std::uint64_t group, const std::vector<std::string>& next = {});
// The word of the reason, or "" when it worked.
std::string reason_of(const std::string& input, const std::string& pipeline,
                      const ipc::RunLimits& limits = {});
base::Result<ipc::Probe> probe(const std::string& input, const ipc::RunLimits& limits = {});

}  // namespace millrace::workers::image
