// SPDX-License-Identifier: Apache-2.0
#include "gateway/host_bucket.h"

namespace millrace::gateway {

std::optional<std::string_view> bucket_of_host(const std::map<std::string, HostConfig>& hosts,
                                               std::optional<std::string_view> host_header) {
  if (hosts.empty() || !host_header) return std::nullopt;
  std::string host(host_header->substr(0, host_header->find(':')));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto found = hosts.find(host);
  if (found == hosts.end()) return std::nullopt;
  return found->second.bucket;
}

}  // namespace millrace::gateway
