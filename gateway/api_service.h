// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "discovery/embedded_registry.h"
#include "gateway/management_api.h"
#include "net/asio.h"
#include "net/http_server.h"

namespace millrace::gateway {

// The api port: the embedded registry's endpoints, GET /v1/commands, the specs of all that the
// fleet can do, and the reference's calls that change what buckets give out.
class ApiService {
 public:
  // Both outlive it.
  ApiService(discovery::EmbeddedRegistry& registry, ManagementApi& management)
      : registry_(registry), management_(management) {}

  net::Awaitable<void> handle(net::HttpExchange& exchange);

 private:
  discovery::EmbeddedRegistry& registry_;
  ManagementApi& management_;
};

// {"version":1,"commands":[…]} in the order of the catalogue.
std::string commands_json(const pipeline::Catalogue& catalogue);

}  // namespace millrace::gateway
