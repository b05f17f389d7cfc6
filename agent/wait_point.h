// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/deadline.h"
#include "net/asio.h"
// after asio.h
#include <boost/asio/steady_timer.hpp>

namespace millrace::agent {

// Where one coroutine waits for a word from another on the same thread, or for a deadline. A word
// that comes before the wait is kept; waiting takes it. Address-stable; the waiter outlives its
// wait.
class WaitPoint {
 public:
  explicit WaitPoint(net::asio::io_context& io) : timer_(io) {}

  // The waiter resumes from the io_context, never inside this call.
  void notify() {
    told_ = true;
    timer_.cancel();
  }
  // True when told, false when `deadline` passed first.
  net::Awaitable<bool> wait(base::Deadline deadline);

 private:
  net::asio::steady_timer timer_;
  bool told_ = false;
};

}  // namespace millrace::agent
