// SPDX-License-Identifier: Apache-2.0
#include "net/http_client.h"

#include <utility>

#include <fmt/format.h>

#include "net/client_call.h"
#include "net/client_core.h"

namespace millrace::net {

struct HttpClient::Impl {
  std::shared_ptr<ClientCore> core;
};

HttpClient::HttpClient(asio::io_context& io, Options options)
    : impl_(std::make_shared<Impl>(Impl{std::make_shared<ClientCore>(io, std::move(options))})) {}

HttpClient::~HttpClient() { impl_->core->stop(); }

void HttpClient::close_idle() { impl_->core->close_idle(); }

Awaitable<base::Result<std::unique_ptr<ClientResponse>>> HttpClient::send(Endpoint endpoint,
                                                                          ClientRequest request,
                                                                          base::Deadline deadline,
                                                                          CancelToken cancel) {
  auto call = std::make_unique<ClientCall>(impl_->core, std::move(endpoint), std::move(request),
                                           deadline, std::move(cancel));
  auto opened = co_await call->open();
  if (!opened) co_return base::fail(std::move(opened).error());
  co_return base::Result<std::unique_ptr<ClientResponse>>(std::move(call));
}

Awaitable<base::Result<std::string>> ClientResponse::read_all(base::Bytes max) {
  const auto too_large = [max] {
    return base::fail(base::Reason::SourceTooLarge,
                      fmt::format("The upstream's answer is larger than {} bytes.", max.count));
  };
  const auto length = content_length();
  if (length && *length > max.count) co_return too_large();
  std::string whole;
  if (length) whole.reserve(static_cast<std::size_t>(*length));
  while (!body_complete()) {
    const auto piece = co_await read_some();
    if (!piece) co_return base::fail(piece.error());
    if (whole.size() + piece->size() > max.count) co_return too_large();
    whole.append(*piece);
  }
  co_return whole;
}

}  // namespace millrace::net
