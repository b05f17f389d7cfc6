// SPDX-License-Identifier: Apache-2.0
#include "net/http_server.h"

#include <utility>

#include "net/server_core.h"

namespace millrace::net {

struct HttpServer::Impl {
  std::shared_ptr<ServerCore> core;
};

HttpServer::HttpServer(asio::io_context& io, Options options, HttpHandler handler)
    : impl_(std::make_shared<Impl>(
          Impl{std::make_shared<ServerCore>(io, std::move(options), std::move(handler))})) {}

HttpServer::~HttpServer() { impl_->core->stop(); }

base::Result<void> HttpServer::listen(const Endpoint& endpoint) {
  return impl_->core->listen(endpoint);
}

Endpoint HttpServer::local_endpoint() const { return impl_->core->local_endpoint(); }

void HttpServer::drain(base::Deadline deadline, std::function<void()> drained) {
  impl_->core->drain(deadline, std::move(drained));
}

HttpServer::Counts HttpServer::counts() const { return impl_->core->counts; }

}  // namespace millrace::net
