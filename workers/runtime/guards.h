// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace millrace::workers {

// The process ends with its parent: with the agent's thread that started it, or with the agent when
// that took it over from a template. False when the agent at the other end of `channel_fd` is gone
// already.
bool bind_to_parent(int channel_fd);

// What the process does with signals: a spent CPU limit, a lost input and a crash that follows a
// refused allocation become exit statuses (ipc::WorkerExit); Ctrl-C at a terminal, which reaches
// the whole process group, is left to the agent. Call once, from the thread that works.
void install_guards();

// The bytes whose loss is told apart from other SIGBUS, until they are forgotten: those of a few
// dozen files at a time. Empty ones need no guard.
void guard_input(std::span<const std::byte> input);
void forget_input(std::span<const std::byte> input);

}  // namespace millrace::workers
