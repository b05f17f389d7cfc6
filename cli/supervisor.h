// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "cli/supervision.h"
#include "net/asio.h"

namespace millrace::cli {

// Keeps child processes running, as Supervision decides, and stops them in order. One thread; it
// takes SIGCHLD, and waits for its own children only.
class Supervisor {
 public:
  struct Role {
    std::string name;
    std::function<base::Result<pid_t>()> start;
    base::Duration stop_patience;  // between SIGTERM and SIGKILL
  };
  struct Events {
    // A child will not be started again. What runs is left running: stop() is the owner's.
    std::function<void(const std::string& name, const std::string& why)> gave_up;
    std::function<void(const std::string& name, const std::string& how, base::Duration wait)>
        restarting;
  };

  Supervisor(net::asio::io_context& io, Events events);
  ~Supervisor();  // SIGKILLs and reaps what still runs
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts a child. When it cannot be started, gave_up is called.
  void start(Role role);
  [[nodiscard]] bool has(const std::string& name) const;
  [[nodiscard]] pid_t pid_of(const std::string& name) const;  // 0: not running
  // It serves: its end is an accident from now on, to be made good.
  void became_up(const std::string& name);
  // SIGTERM to one after the other, in the order of start(), each when the one before has ended;
  // `stopped` at last.
  void stop(std::function<void()> stopped);
  // No more patience: SIGKILL to all; stop() goes on from there.
  void kill_all();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace millrace::cli
