// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::bench {

struct ServerAddress {
  sockaddr_in address{};
  std::string authority;  // as the URL has it, for Host
};

// http://127.0.0.1:8080: IPv4 by number, or localhost. BadParameter otherwise.
base::Result<ServerAddress> server_address_of(std::string_view url);

}  // namespace millrace::bench
