// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/up_plan.h"

namespace millrace::cli {

// `millrace up`: gateway and agent on this machine, in the foreground, until SIGINT or SIGTERM.
// Children that die are started again; none outlives this process. Gives the exit status: 0 after a
// stop that was asked for, 1 when something could not be started (the reason is on standard error),
// 78 for a configuration that cannot be.
int run_up(const UpOptions& options);

}  // namespace millrace::cli
