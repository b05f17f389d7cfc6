// SPDX-License-Identifier: Apache-2.0
#include "net/resolver.h"

#include <cstring>
#include <utility>

#include <boost/asio/ip/tcp.hpp>

namespace millrace::net {

std::shared_ptr<NameLookup> NameLookup::begin(asio::io_context& io, const std::string& host,
                                              std::uint16_t port, std::shared_ptr<WakeUp> wake_up) {
  using Resolver = asio::ip::tcp::resolver;
  auto lookup = std::make_shared<NameLookup>();
  auto resolver = std::make_shared<Resolver>(io);
  resolver->async_resolve(
      host, std::to_string(port), Resolver::numeric_service,
      [lookup, resolver, wake_up = std::move(wake_up)](const boost::system::error_code& problem,
                                                       const Resolver::results_type& found) {
        if (problem) lookup->problem_ = problem.message();
        for (const auto& entry : found) {
          const auto endpoint = entry.endpoint();
          SocketAddress address;
          std::memcpy(&address.storage, endpoint.data(), endpoint.size());
          address.length = static_cast<socklen_t>(endpoint.size());
          lookup->addresses_.push_back(address);
        }
        lookup->done_ = true;
        wake_up->notify();
      });
  return lookup;
}

}  // namespace millrace::net
