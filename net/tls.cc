// SPDX-License-Identifier: Apache-2.0
#include "net/tls.h"

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "net/raw_socket.h"

namespace millrace::net {

namespace ssl = asio::ssl;

struct TlsContext::Impl {
  ssl::context context{ssl::context::tls_client};
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

base::Result<std::shared_ptr<TlsContext>> TlsContext::make(const std::string& ca_file) {
  auto impl = std::make_unique<Impl>();
  TlsStream::Problem problem;
  impl->context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                                ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                                ssl::context::no_tlsv1_1,
                            problem);
  if (!problem) {
    if (ca_file.empty()) {
      impl->context.set_default_verify_paths(problem);
    } else {
      impl->context.load_verify_file(ca_file, problem);
    }
  }
  if (!problem) impl->context.set_verify_mode(ssl::verify_peer, problem);
  if (problem) {
    return base::fail(base::Reason::Internal, "The certificates cannot be read.",
                      (ca_file.empty() ? "system store" : ca_file) + ": " + problem.message());
  }
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

struct TlsStream::Impl {
  Impl(std::shared_ptr<TlsContext> with, StreamSocket& socket, std::string name)
      : context(std::move(with)), host(std::move(name)), stream(socket, context->impl_->context) {}

  std::shared_ptr<TlsContext> context;
  std::string host;
  ssl::stream<StreamSocket&> stream;
};

TlsStream::TlsStream(std::shared_ptr<TlsContext> context, StreamSocket& socket, std::string host)
    : impl_(std::make_unique<Impl>(std::move(context), socket, std::move(host))) {}
TlsStream::~TlsStream() = default;

Awaitable<TlsStream::Problem> TlsStream::handshake() {
  Problem problem;
  const bool literal = address_of_literal(impl_->host, 0).length > 0;
  // RFC 6066 section 3: names only.
  if (!literal) SSL_set_tlsext_host_name(impl_->stream.native_handle(), impl_->host.c_str());
  impl_->stream.set_verify_callback(ssl::host_name_verification(impl_->host), problem);
  if (problem) co_return problem;
  co_await impl_->stream.async_handshake(ssl::stream_base::client,
                                         asio::redirect_error(asio::use_awaitable, problem));
  co_return problem;
}

Awaitable<std::size_t> TlsStream::read_some(std::span<char> into, Problem& problem) {
  const std::size_t count = co_await impl_->stream.async_read_some(
      asio::buffer(into.data(), into.size()), asio::redirect_error(asio::use_awaitable, problem));
  co_return count;
}

Awaitable<TlsStream::Problem> TlsStream::write(std::string_view bytes) {
  Problem problem;
  co_await asio::async_write(impl_->stream, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, problem));
  co_return problem;
}

}  // namespace millrace::net
