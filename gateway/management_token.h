// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_server.h"

namespace millrace::gateway {

// Who may manage: `Authorization: QBox <access key>:<signature>` or `Qiniu <access
// key>:<signature>`, the signature being the URL-safe base64 of an HMAC-SHA1 with the secret key
// (reference/qiniu.md 6.2).
struct ManagementToken {
  enum class Scheme {
    QBox,   // over target and form body
    Qiniu,  // over method, target, Host, Content-Type, X-Qiniu-… fields and body
  };
  Scheme scheme = Scheme::Qiniu;
  std::string access_key;
  std::string signature;  // 20 bytes
};

// TokenMissing without the field; BadSignatureForm for one that is of neither form.
base::Result<ManagementToken> find_management_token(const net::HttpRequest& request);

// TokenInvalid when the secret key did not make it for this request; TokenExpired when its
// X-Qiniu-Date is more than a quarter of an hour away. A request may have none (SDKs can be told
// to leave it out), and QBox never has: who must keep listeners from playing it again needs TLS in
// front.
base::Result<void> check_management_token(const ManagementToken& token,
                                          const net::HttpRequest& request,
                                          std::string_view secret_key, std::int64_t now_unix_s);

}  // namespace millrace::gateway
