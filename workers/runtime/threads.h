// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace millrace::workers {

// The threads of this process, without one that a sanitizer keeps for itself; 0 when /proc does not
// tell. A process that is forked has one, and whatever the others of its parent held stays held: so
// only a parent with one thread is forked.
std::size_t threads_of_process();

}  // namespace millrace::workers
