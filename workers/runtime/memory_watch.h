// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace millrace::workers {

// Whether this process was refused memory since forget_refusals(). Codecs turn a failed allocation
// into "cannot decode", and without this the client would be told that the picture is broken. Any
// thread, async-signal-safe.
bool memory_was_refused();
void forget_refusals();

// From now on a failed operator new is noticed too; it still throws std::bad_alloc.
void watch_operator_new();

}  // namespace millrace::workers
