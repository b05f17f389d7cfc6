// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/server_address.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace millrace::bench {

base::Result<ServerAddress> server_address_of(std::string_view url) {
  const auto refuse = [&] {
    return base::fail(base::Reason::BadParameter,
                      fmt::format("the url \"{}\" must be http://<IPv4 address>:<port>", url));
  };
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = url;
  if (!rest.starts_with(kScheme)) return refuse();
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  const std::size_t colon = rest.find(':');
  ServerAddress server;
  server.authority = rest;
  std::string host(rest.substr(0, colon));
  if (host == "localhost") host = "127.0.0.1";
  std::uint16_t port = 80;
  if (colon != std::string_view::npos) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return refuse();
  }
  server.address.sin_family = AF_INET;
  server.address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &server.address.sin_addr) != 1) return refuse();
  return server;
}

}  // namespace millrace::bench
