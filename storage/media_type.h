// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace millrace::storage {

// By the extension of the key's last segment, without case; "application/octet-stream" when it is
// not known. What a worker decodes is decided by magic bytes, never by this: it is only the
// Content-Type of an original.
std::string_view media_type_of_key(std::string_view key);

}  // namespace millrace::storage
