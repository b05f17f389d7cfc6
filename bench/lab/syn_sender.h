// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <random>

#include "base/unique_fd.h"

namespace millrace::bench {

// Sends SYN packets that nothing follows, from made-up addresses of the loopback network, so that
// none leaves the machine. (The kernel answers the server's SYN-ACK to such an address with a
// reset: a burst costs the server each handshake's work, not a place for long.)
class SynSender {
 public:
  // Null without the right to send raw packets (CAP_NET_RAW), or to a server elsewhere.
  static std::unique_ptr<SynSender> make(const sockaddr_in& server);
  SynSender(base::UniqueFd raw, const sockaddr_in& server)
      : raw_(std::move(raw)), server_(server) {}

  bool send();
  [[nodiscard]] std::size_t sent() const { return sent_; }

 private:
  base::UniqueFd raw_;
  sockaddr_in server_;
  std::minstd_rand random_{1};
  std::size_t sent_ = 0;
};

}  // namespace millrace::bench
