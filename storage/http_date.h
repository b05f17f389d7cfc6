// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::storage {

// RFC 9110 section 5.6.7: IMF-fixdate, and the two obsolete forms that a recipient must accept.
// Seconds since 1970; nullopt for anything else. A two-digit year more than 50 years ahead of `now`
// belongs to the last century.
std::optional<std::int64_t> parse_http_date(std::string_view text, std::int64_t now_unix_s);
// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string format_http_date(std::int64_t unix_s);

}  // namespace millrace::storage
