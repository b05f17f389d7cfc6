// SPDX-License-Identifier: Apache-2.0
#include "net/endpoint.h"

#include <charconv>
#include <sys/un.h>

namespace millrace::net {
namespace {

constexpr std::string_view kAllowed =
    "An endpoint is host:port, [IPv6]:port or unix:/path/of/socket";

base::Failure refuse(std::string_view text, std::string_view why) {
  return base::fail(base::Reason::BadParameter, std::string(kAllowed) + "; \"" + std::string(text) +
                                                    "\" " + std::string(why) + ".");
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_ipv6_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
         c == '.' || c == '%';
}

base::Result<Endpoint> parse_unix(std::string_view text, std::string_view path) {
  if (path.empty() || path.front() != '/') return refuse(text, "has no absolute path");
  if (path.find('\0') != std::string_view::npos) return refuse(text, "has a NUL in its path");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return refuse(text, "has a path longer than the 107 bytes that the system allows");
  }
  Endpoint endpoint;
  endpoint.unix_path = path;
  return endpoint;
}

}  // namespace

std::string Endpoint::text() const {
  if (is_unix()) return "unix:" + unix_path;
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

base::Result<Endpoint> parse_endpoint(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  if (text.starts_with(kUnix)) return parse_unix(text, text.substr(kUnix.size()));

  Endpoint endpoint;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return refuse(text, "has no closing bracket");
    endpoint.host = text.substr(1, close - 1);
    if (text.substr(close + 1).substr(0, 1) != ":") return refuse(text, "has no port");
    port = text.substr(close + 2);
    for (const char c : endpoint.host) {
      if (!is_ipv6_character(c)) return refuse(text, "has no IPv6 address between its brackets");
    }
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return refuse(text, "has no port");
    endpoint.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return refuse(text, "has an IPv6 address without brackets");
    }
    for (const char c : endpoint.host) {
      if (!is_host_character(c)) return refuse(text, "has a host with a character that none has");
    }
  }
  if (endpoint.host.empty()) return refuse(text, "has no host");
  const char* const end = port.data() + port.size();
  const auto [stop, problem] = std::from_chars(port.data(), end, endpoint.port);
  if (problem != std::errc{} || stop != end) return refuse(text, "has no port from 0 to 65535");
  return endpoint;
}

}  // namespace millrace::net
