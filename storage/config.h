// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/config.h"
#include "base/result.h"
#include "net/endpoint.h"
#include "storage/delivery_config.h"

namespace millrace::storage {

// Where the entries of one bucket are, and how they are given out.
struct BucketConfig {
  std::string kind = "local";        // "local" | "http"
  std::string folder;                // local: the files beneath it are the entries
  std::string origin;                // http: base URL, http(s)://host[:port][/prefix]
  std::string ca_file;               // http: PEM, instead of the system's certificates
  std::size_t connections_max = 64;  // http: to the origin, per io_context
  std::chrono::milliseconds connect_timeout{2'000};  // http
  std::chrono::milliseconds read_timeout{15'000};    // http: without one byte of progress
  DeliveryConfig delivery;                           // its keys stand in the bucket itself

  void bind(base::ConfigBinder& b);
};

// The section `buckets:` at the top of the file, which gateway and agent read alike.
struct StorageConfig {
  std::map<std::string, BucketConfig> buckets;

  void bind(base::ConfigBinder& b);
};

// The base URL of an HTTP bucket, taken apart.
struct Origin {
  net::Endpoint endpoint;
  std::string prefix;  // "" or "/a/b", never with a slash at its end; as written, percent-encoded
};
// BadParameter with a sentence that says what is allowed: no user, query, fragment or dot segment.
base::Result<Origin> parse_origin(std::string_view url);

// Letters, digits, '-', '_' and '.', 1 to 63 of them, beginning with a letter or digit.
bool is_bucket_name(std::string_view name);

}  // namespace millrace::storage
