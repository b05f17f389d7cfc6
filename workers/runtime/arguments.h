// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "workers/runtime/worker.h"

namespace millrace::workers {

// The arguments that every worker understands, and its own:
//   millrace-image-worker --channel-fd 3 [--log-level info] [--face-model FILE]
//   millrace-image-worker --print-docs FOLDER
struct WorkerArguments {
  int channel_fd = -1;     // an open socket; -1 with print_docs
  std::string print_docs;  // folder for one page a command (docs/commands/); empty: serve
  base::LogLevel log_level = base::LogLevel::Info;
  std::map<std::string, std::string> options;  // "face-model" -> FILE; only those given
};

// `own_options` without the dashes; each takes a value. BadParameter with a sentence.
base::Result<WorkerArguments> parse_worker_arguments(int argc, const char* const* argv,
                                                     const std::vector<std::string>& own_options);

using MakeWorker =
    std::function<base::Result<std::unique_ptr<Worker>>(const WorkerArguments& arguments)>;

// A worker's main: arguments, log to standard error as `component`, the worker; then it is the
// template that workers are forked from (worker_template.h), or writes the pages. Returns the exit
// status, of the template and of each worker.
int worker_main(int argc, const char* const* argv, const std::string& component,
                const std::vector<std::string>& own_options, const MakeWorker& make);

}  // namespace millrace::workers
