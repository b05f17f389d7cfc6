// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "discovery/embedded_registry.h"
#include "net/asio.h"
#include "net/http_server.h"

namespace millrace::gateway {

// The api port: the embedded registry's endpoints, and GET /v1/commands, the specs of all that the
// fleet can do.
class ApiService {
 public:
  // Outlives it.
  explicit ApiService(discovery::EmbeddedRegistry& registry) : registry_(registry) {}

  net::Awaitable<void> handle(net::HttpExchange& exchange);

 private:
  discovery::EmbeddedRegistry& registry_;
};

// {"version":1,"commands":[…]} in the order of the catalogue.
std::string commands_json(const pipeline::Catalogue& catalogue);

}  // namespace millrace::gateway
