// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

namespace millrace::agent {

// Requests share one download, one probe, one making of a result. Whether such work ended for a
// reason of the request that began it, so that another who waited for it begins its own: it had
// less time, or went away. Every other failure is everybody's.
constexpr bool ended_for_its_beginner(base::Reason reason) {
  return reason == base::Reason::Deadline || reason == base::Reason::ClientGone;
}
// Of the making of a result, which waits in its beginner's queue: that may have been full.
constexpr bool making_ended_for_its_beginner(base::Reason reason) {
  return ended_for_its_beginner(reason) || reason == base::Reason::QueueFull;
}

}  // namespace millrace::agent
