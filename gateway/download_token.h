// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::gateway {

// A signed URL: …?<pipeline>&e=<unix time>&token=<access key>:<signature>, where the signature is
// the URL-safe base64 of HMAC-SHA1 with the secret key over everything before "&token=", the scheme
// and host included, exactly as the client sent it (reference/qiniu.md 6.1).
struct DownloadToken {
  std::string access_key;
  std::string signature;           // 20 bytes
  std::string_view signed_target;  // of the target it was read from
  std::int64_t expires_unix_s = 0;
};

// The token of a request target as received. nullopt when it has none; BadSignatureForm for one
// that is not of the form above ("e" right before it, nothing behind it).
base::Result<std::optional<DownloadToken>> find_download_token(std::string_view target);

// TokenInvalid when the secret key did not make it for this URL; TokenExpired. `host` is the Host
// header as received, `scheme` that of the client's URL.
base::Result<void> check_download_token(const DownloadToken& token, std::string_view scheme,
                                        std::string_view host, std::string_view secret_key,
                                        std::int64_t now_unix_s);

}  // namespace millrace::gateway
