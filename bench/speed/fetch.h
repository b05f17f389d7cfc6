// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "bench/lab/server_address.h"

namespace millrace::bench::speed {

struct Fetched {
  int status = 0;
  std::string body;  // of up to 64 MiB
};

// The head of a GET, for a connection that stays.
std::string request_head(const std::string& path, const std::string& authority);
// One GET on a connection of its own; blocks. Internal: no answer within a minute.
base::Result<Fetched> fetch(const ServerAddress& server, const std::string& path);

}  // namespace millrace::bench::speed
