// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace millrace::agent {

// A kind of worker. Its program is the template that they are forked from; it is given
// `--channel-fd 3` before `arguments`.
struct WorkerProgram {
  std::string kind;    // "image"
  std::string binary;  // path
  std::vector<std::string> arguments;
};

struct LaunchedProcess {
  pid_t pid = -1;
  base::UniqueFd pidfd;    // readable when the process has ended
  base::UniqueFd channel;  // our end, non-blocking
};

// Starts a template: descriptor 3 is the channel, 0 is empty, 1 and 2 are our standard error, all
// others are closed; no signal is blocked or ignored. It has a process group of its own, to which
// belongs whatever it forks until adopt_worker(). From now on this process takes over orphans among
// its descendants (PR_SET_CHILD_SUBREAPER), which is how it gets the workers. Internal with errno's
// text.
base::Result<LaunchedProcess> launch_template(const WorkerProgram& program);
// Takes over a worker that a template has forked, with our end of its channel. It gets a process
// group of its own: Ctrl-C at a terminal reaches us alone, and we end it when its task is done.
// Internal when it is no child of this process; one that cannot be watched is ended.
base::Result<LaunchedProcess> adopt_worker(pid_t pid, base::UniqueFd channel);
// Kills what is left of a template's process group, once the template has ended, and reaps all of
// it. The template's wait status.
int reap_template(pid_t pid);

// A channel whose first end is ours and non-blocking.
base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_worker_channel();

// Pins every thread of a process to one core. False when the process is gone or the core is not
// ours.
bool pin_process(pid_t pid, int core);
// Has every thread of a process give way to others as setpriority(2) says, 0 to 19; never less than
// it does already. False when the process is gone.
bool set_niceness(pid_t pid, int niceness);
// The cores that this process may use, ascending.
std::vector<int> allowed_cores();
// Resident set now; 0 when the process is gone.
base::Bytes resident_memory(pid_t pid);

}  // namespace millrace::agent
