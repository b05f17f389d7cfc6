// SPDX-License-Identifier: Apache-2.0
#include "storage/config.h"

#include <algorithm>
#include <string>

namespace millrace::storage {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
  return false;
}

// RFC 3986 pchar and "/", as it goes into a request line.
bool is_path_text(std::string_view path) {
  return std::ranges::all_of(path, [](char c) {
    return is_alnum(c) || std::string_view("-._~!$&'()*+,;=:@%/").find(c) != std::string_view::npos;
  });
}

base::Failure bad_origin(std::string_view url, std::string_view wrong) {
  return base::fail(base::Reason::BadParameter, "\"" + std::string(url) +
                                                    "\" is no origin: " + std::string(wrong) +
                                                    "; write http(s)://host[:port][/prefix]");
}

}  // namespace

bool is_bucket_name(std::string_view name) {
  if (name.empty() || name.size() > 63 || !is_alnum(name.front())) return false;
  return std::ranges::all_of(
      name, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

base::Result<Origin> parse_origin(std::string_view url) {
  const bool tls = url.starts_with("https://");
  if (!tls && !url.starts_with("http://")) return bad_origin(url, "the scheme is http or https");
  const std::string_view rest = url.substr(tls ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  std::string_view path = rest.substr(authority.size());

  if (authority.empty()) return bad_origin(url, "the host is missing");
  if (authority.find('@') != std::string_view::npos) {
    return bad_origin(url, "a user or password cannot stand in it");
  }
  if (path.find_first_of("?#") != std::string_view::npos) {
    return bad_origin(url, "a query or fragment cannot stand in it");
  }
  if (!is_path_text(path)) return bad_origin(url, "the prefix has to be percent-encoded");
  if (has_dot_segment(path)) return bad_origin(url, "the prefix has a dot segment");
  while (path.ends_with('/')) path.remove_suffix(1);

  const bool bracketed = authority.front() == '[';
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (!bracketed || colon > authority.rfind(']'));
  std::string with_port(authority);
  if (!has_port) with_port += tls ? ":443" : ":80";
  auto endpoint = net::parse_endpoint(with_port);
  if (!endpoint || endpoint->is_unix() || endpoint->port == 0) {
    return bad_origin(url, "\"" + std::string(authority) + "\" is no host or host:port");
  }
  endpoint->tls = tls;
  return Origin{.endpoint = std::move(*endpoint), .prefix = std::string(path)};
}

void BucketConfig::bind(base::ConfigBinder& b) {
  b.choice("kind", kind, {"local", "http"}, "local: a folder; http: the files of a web server");
  b.text("folder", folder, "local: the files beneath this folder are the entries");
  b.text("origin", origin, "http: base URL, http(s)://host[:port][/prefix]");
  b.text("ca_file", ca_file, "http: PEM certificates to trust instead of the system's");
  b.count("connections_max", connections_max, {.min = 1, .max = 10'000},
          "http: connections to the origin, per thread");
  b.milliseconds("connect_timeout_ms_max", connect_timeout, {.min = 1, .max = kHourMs},
                 "http: until connected");
  b.milliseconds("read_timeout_ms_max", read_timeout, {.min = 1, .max = kHourMs},
                 "http: without one byte of progress");
  delivery.bind(b);
  if (kind == "local") {
    if (folder.empty()) b.refuse("a local bucket needs a folder");
    if (!origin.empty()) b.refuse("origin is for buckets of kind http");
    if (!ca_file.empty()) b.refuse("ca_file is for buckets of kind http");
    return;
  }
  if (!folder.empty()) b.refuse("folder is for buckets of kind local");
  if (const auto parsed = parse_origin(origin); !parsed) b.refuse(parsed.error().public_message);
}

void StorageConfig::bind(base::ConfigBinder& b) {
  b.parts("buckets", buckets, "where originals come from, by the bucket's name in the URL");
  for (const auto& [name, unused] : buckets) {
    if (!is_bucket_name(name)) {
      b.refuse("buckets: \"" + name +
               "\" is no bucket name; 1 to 63 letters, digits, '-', '_' or '.', beginning with a "
               "letter or digit");
    }
  }
}

}  // namespace millrace::storage
