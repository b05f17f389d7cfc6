// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/deadline.h"

namespace millrace::ratelimit {

// What a store needs of the thread it lives on, so that this folder knows no event library. All of
// it happens on that one thread, and nothing is called back from within a call to it.
class EventLoop {
 public:
  class SocketEvents {
   public:
    virtual ~SocketEvents() = default;
    virtual void readable() = 0;  // may destroy the watcher that calls
    virtual void writable() = 0;
  };
  // Reports as long as it is wanted (level-triggered). Its end comes before the socket is closed;
  // it does not own the socket.
  class SocketWatcher {
   public:
    virtual ~SocketWatcher() = default;
    virtual void want_read(bool wanted) = 0;
    virtual void want_write(bool wanted) = 0;
  };
  // Calls once each time it is set; setting again replaces. Silent after its end.
  class Timer {
   public:
    virtual ~Timer() = default;
    virtual void expire_at(base::TimePoint at) = 0;
  };
  // `numeric`: an address of the host, or empty with the reason in `problem`.
  using Found = std::function<void(std::string numeric, std::string problem)>;

  virtual ~EventLoop() = default;
  virtual base::TimePoint now() = 0;
  virtual std::unique_ptr<SocketWatcher> watch(int socket, SocketEvents& events) = 0;
  virtual std::unique_ptr<Timer> timer(std::function<void()> expired) = 0;
  virtual void look_up(const std::string& host, Found found) = 0;
};

}  // namespace millrace::ratelimit
