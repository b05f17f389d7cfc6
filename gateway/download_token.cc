// SPDX-License-Identifier: Apache-2.0
#include "gateway/download_token.h"

#include <charconv>
#include <system_error>
#include <utility>

#include "base/crypto.h"
#include "pipeline/target.h"

namespace millrace::gateway {
namespace {

using base::Reason;

constexpr std::string_view kToken = "token=";
constexpr std::size_t kSignatureBytes = 20;

base::Failure bad_form(std::string_view what) {
  return base::fail(
      Reason::BadSignatureForm,
      std::string(what) + "; a signed URL ends in e=<unix time>&token=<access key>:<signature>");
}

// The place of the parameter "token" in the query, if there is one.
std::optional<std::size_t> find_parameter(std::string_view target) {
  std::size_t at = target.find('?');
  while (at != std::string_view::npos) {
    if (target.substr(at + 1).starts_with(kToken)) return at + 1;
    at = target.find('&', at + 1);
  }
  return std::nullopt;
}

std::optional<std::int64_t> expiry(std::string_view parameter) {
  if (!parameter.starts_with("e=")) return std::nullopt;
  parameter.remove_prefix(2);
  std::int64_t value = 0;
  const char* const end = parameter.data() + parameter.size();
  const auto [stop, error] = std::from_chars(parameter.data(), end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

}  // namespace

base::Result<std::optional<DownloadToken>> find_download_token(std::string_view target) {
  const auto at = find_parameter(target);
  if (!at) return std::nullopt;
  const std::string_view value = target.substr(*at + kToken.size());
  if (value.find('&') != std::string_view::npos) return bad_form("Something follows the token");
  if (target[*at - 1] != '&') return bad_form("The token's URL has no time of expiry");
  DownloadToken token;
  token.signed_target = target.substr(0, *at - 1);
  const std::size_t before = token.signed_target.find_last_of("?&");
  const auto expires = expiry(token.signed_target.substr(before + 1));
  if (!expires) return bad_form("The token does not follow a time of expiry");
  token.expires_unix_s = *expires;

  const auto text = pipeline::percent_decode(value);
  const std::size_t colon = text ? text->find(':') : std::string::npos;
  if (!text || colon == std::string::npos) return bad_form("The token has no colon");
  token.access_key = text->substr(0, colon);
  auto signature = base::base64url_decode(std::string_view(*text).substr(colon + 1));
  if (token.access_key.empty() || !signature || signature->size() != kSignatureBytes) {
    return bad_form("The token's signature is not 20 bytes in URL-safe base64");
  }
  token.signature = *std::move(signature);
  return std::optional(std::move(token));
}

base::Result<void> check_download_token(const DownloadToken& token, std::string_view scheme,
                                        std::string_view host, std::string_view secret_key,
                                        std::int64_t now_unix_s) {
  std::string url;
  url.reserve(scheme.size() + host.size() + token.signed_target.size() + 3);
  url.append(scheme).append("://").append(host).append(token.signed_target);
  const auto expected = base::hmac_sha1(secret_key, url);
  const std::string_view bytes(reinterpret_cast<const char*>(expected.data()), expected.size());
  if (!base::equal_constant_time(bytes, token.signature)) {
    return base::fail(Reason::TokenInvalid,
                      "The token was not made for this URL with the secret key of its access key.");
  }
  if (token.expires_unix_s < now_unix_s) {
    return base::fail(Reason::TokenExpired, "The token's time has passed.");
  }
  return {};
}

}  // namespace millrace::gateway
