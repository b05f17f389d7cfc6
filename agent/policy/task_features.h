// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/deadline.h"
#include "ipc/messages.h"
#include "pipeline/pipeline.h"

namespace millrace::agent {

// What of a file and a plan decides what the task will take.
struct TaskFeatures {
  std::string chain;       // the commands with what is no size of theirs: "imageView2/1|facecrop"
  std::string format_in;   // as the probe says: "jpeg"
  std::string format_out;  // as the plan says; empty: that of the source
  double source_px = 0;    // of one frame, and of the other pictures
  double result_px = 0;    // as far as the parameters tell; 0: no picture comes out
  double frames = 1;
  double seconds = 0;
};

// Reads sizes from parameters by their usual names and forms (w, h, <width>x<height>), whatever the
// command: what a command does otherwise with them is learned under its own name. `others`: the
// pictures that the plan needs besides. Pure; O(plan).
TaskFeatures features_of(const ipc::Probe& probe, const pipeline::Pipeline& plan,
                         const pipeline::Catalogue& catalogue,
                         const std::vector<ipc::Probe>& others = {});

// Whether the task's decode may be of use to others of the same original that wait behind it, and
// theirs to it: a JPEG to what is cheap to encode, so that one worker for all keeps nobody waiting.
// `cpu`: what it is expected to take, zero when that is not known.
bool can_share_decode(const TaskFeatures& task, base::Duration cpu);

}  // namespace millrace::agent
