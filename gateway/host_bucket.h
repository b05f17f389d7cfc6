// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config.h"

namespace millrace::gateway {

// The bucket that `hosts` maps a Host header to, if any. The header's case and port do not matter.
std::optional<std::string_view> bucket_of_host(const std::map<std::string, HostConfig>& hosts,
                                               std::optional<std::string_view> host_header);

}  // namespace millrace::gateway
