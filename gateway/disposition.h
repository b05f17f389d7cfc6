// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace millrace::gateway {

// Content-Disposition for `attname=<name>`: attachment;filename="<name>". An empty name stands for
// the last segment of the key. What a quoted string or a file name cannot hold (quotes,
// backslashes, slashes, control characters) becomes "_"; a name outside ASCII gets an ASCII form
// and RFC 5987's filename* beside it (if it is UTF-8).
std::string content_disposition(std::string_view name, std::string_view key);

// Types that a browser may run scripts from when it opens them as a page (HTML, SVG, XML, unknown
// ones): such an answer gets kSandboxPolicy. Pictures, audio, video, PDF, plain text, JSON and
// bytes do not.
bool needs_sandbox(std::string_view media_type);
inline constexpr std::string_view kSandboxPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; sandbox";

}  // namespace millrace::gateway
