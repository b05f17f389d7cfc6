// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "workers/runtime/worker.h"

namespace millrace::workers {

// The process that the workers of one kind are forked from: it has made `worker`, which is all the
// slow part of starting, and answers an agent's spawn frames on `channel_fd` (docs/formats/ipc.md)
// until the agent closes it. Each worker shares the memory of the start with it and with the others
// for as long as nobody writes to it, and is ready within milliseconds.
//
// It never probes and never runs: no byte of a client's file comes near it, and whatever a file
// does to a worker ends with that worker.
//
// Returns in the template and, again, in each worker, which serves the agent on `channel_fd` (see
// serve() in worker.h); what is returned is the exit status of the process that it returns in. As
// long as the template has a second thread every spawn is refused, and the agent is told why.
int serve_spawns(Worker& worker, int channel_fd);

}  // namespace millrace::workers
