// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace millrace::ipc {

// The exit status of a worker. Part of the protocol, because some ends can be told in no other way
// (docs/formats/ipc.md).
enum class WorkerExit : int {
  PeerClosed = 0,    // the agent closed the channel: the normal end
  Usage = 64,        // arguments that make no sense
  Protocol = 65,     // a frame could not be understood, or the channel failed
  CpuSpent = 66,     // a task used more CPU than RunLimits::cpu_max
  MemorySpent = 67,  // a library aborted or crashed after an allocation had been refused
  InputLost = 68,    // the input was truncated while it was being read
  ParentGone = 69,   // the agent had died before the worker was ready
  StartFailed = 70,  // what the worker needs is not there
};

// Why the task failed that a worker was at when it ended, from what waitpid gave: TaskTooExpensive
// for CpuSpent and MemorySpent, WorkerDied for anything else.
base::Reason reason_of_wait_status(int wait_status);
// "exit 66 (cpu_spent)", "signal 9 (KILL)": for the log.
std::string text_of_wait_status(int wait_status);

}  // namespace millrace::ipc
