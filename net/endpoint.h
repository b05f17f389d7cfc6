// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::net {

// Where a server listens or a client connects.
//   "127.0.0.1:8080"  "[::1]:8080"  "images.internal:80"  "unix:/run/millrace/agent.sock"
// Port 0 lets the kernel choose (tests).
struct Endpoint {
  std::string host;  // empty for a unix socket; without brackets
  std::uint16_t port = 0;
  std::string unix_path;  // empty for TCP
  bool tls = false;       // clients only: https

  [[nodiscard]] bool is_unix() const { return !unix_path.empty(); }
  [[nodiscard]] std::string text() const;  // as parse_endpoint reads it
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// BadParameter with a sentence that says what is allowed.
base::Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace millrace::net
