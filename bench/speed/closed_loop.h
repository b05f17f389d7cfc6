// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <netinet/in.h>
#include <string>
#include <sys/types.h>

#include "bench/speed/comparison.h"

namespace millrace::bench::speed {

struct ClosedLoop {
  sockaddr_in server{};
  std::size_t connections = 16;  // kept alive, a request in flight on each
  std::chrono::milliseconds warm_up{500};
  std::chrono::milliseconds window{6'000};
  pid_t watch_root = 0;  // whose tree is watched; 0: nothing is
  struct Request {
    std::size_t photo = 0;
    std::string text;  // the whole head
  };
  std::function<Request()> next_request;
};

// Keeps a request in flight on every connection through warm-up and window, on the calling thread.
// What is answered in the window counts, and so does the processor time of the tree in it: requests
// are under way at both of its ends.
Round run_closed_loop(const ClosedLoop& loop);

}  // namespace millrace::bench::speed
