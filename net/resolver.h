// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/asio.h"
#include "net/raw_socket.h"
#include "net/wake_up.h"

namespace millrace::net {

// One look-up of a name, on the io_context's resolver thread. The system's resolver cannot be
// interrupted, so whoever waits may leave it behind: the outcome is shared.
class NameLookup {
 public:
  static std::shared_ptr<NameLookup> begin(asio::io_context& io, const std::string& host,
                                           std::uint16_t port, std::shared_ptr<WakeUp> wake_up);

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const std::vector<SocketAddress>& addresses() const { return addresses_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  bool done_ = false;
  std::vector<SocketAddress> addresses_;
  std::string problem_;
};

}  // namespace millrace::net
