// SPDX-License-Identifier: Apache-2.0
#include "gateway/management_token.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

#include "base/crypto.h"

namespace millrace::gateway {
namespace {

using base::Reason;
using Scheme = ManagementToken::Scheme;

constexpr std::size_t kSignatureBytes = 20;
constexpr std::int64_t kDateSkewMaxS = 15L * 60;
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";
constexpr std::string_view kBytesType = "application/octet-stream";
constexpr std::string_view kDateField = "X-Qiniu-Date";
constexpr std::string_view kSignedFields = "x-qiniu-";

base::Failure bad_form(std::string_view what) {
  return base::fail(
      Reason::BadSignatureForm,
      std::string(what) + "; write Authorization: QBox or Qiniu <access key>:<signature>");
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// X-Qiniu-Date, whatever the client wrote: capitals at the beginning and behind each hyphen.
std::string canonical_name(std::string_view name) {
  std::string canonical;
  bool begins = true;
  for (const char c : name) {
    canonical += begins ? upper(c) : lower(c);
    begins = c == '-';
  }
  return canonical;
}

bool is_signed_field(std::string_view name) {
  return name.size() > kSignedFields.size() &&
         net::equal_ignoring_case(name.substr(0, kSignedFields.size()), kSignedFields);
}

std::string data_of_qbox(const net::HttpRequest& request) {
  std::string data = request.target + "\n";
  if (request.headers.find("Content-Type") == kFormType) data += request.body;
  return data;
}

std::string data_of_qiniu(const net::HttpRequest& request, std::string_view host) {
  const auto type = request.headers.find("Content-Type");
  std::string data = request.method + " " + request.target + "\nHost: " + std::string(host) + "\n";
  if (type && !type->empty()) data += "Content-Type: " + std::string(*type) + "\n";
  std::vector<std::string> lines;
  for (const net::Header& field : request.headers) {
    if (!is_signed_field(field.name)) continue;
    lines.push_back(canonical_name(field.name) + ": " + field.value + "\n");
  }
  std::ranges::sort(lines);
  for (const std::string& line : lines) data += line;
  data += "\n";
  if (type && !type->empty() && *type != kBytesType) data += request.body;
  return data;
}

// What may have been signed. The Node SDK adds the port to a host that has it already when a URL
// names one, and signs 127.0.0.1:8081:8081.
std::vector<std::string> signed_data(Scheme scheme, const net::HttpRequest& request) {
  if (scheme == Scheme::QBox) return {data_of_qbox(request)};
  const std::string host(request.headers.find("Host").value_or(""));
  std::vector<std::string> all = {data_of_qiniu(request, host)};
  const std::size_t colon = host.rfind(':');
  const bool has_port = colon != std::string::npos && host.find(']', colon) == std::string::npos;
  if (has_port) all.push_back(data_of_qiniu(request, host + host.substr(colon)));
  return all;
}

// 20261122T055019Z; nullopt for anything else.
std::optional<std::int64_t> unix_time_of(std::string_view text) {
  constexpr std::string_view kForm = "ddddddddTddddddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t count) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + count, value);
    return value;
  };
  std::tm when{};
  when.tm_year = number(0, 4) - 1900;
  when.tm_mon = number(4, 2) - 1;
  when.tm_mday = number(6, 2);
  when.tm_hour = number(9, 2);
  when.tm_min = number(11, 2);
  when.tm_sec = number(13, 2);
  return ::timegm(&when);
}

base::Result<void> check_date(const net::HttpRequest& request, std::int64_t now_unix_s) {
  const auto field = request.headers.find(kDateField);
  if (!field) return {};
  const auto date = unix_time_of(*field);
  if (!date) return bad_form("X-Qiniu-Date is no date as in 20261122T055019Z");
  if (*date > now_unix_s + kDateSkewMaxS || *date < now_unix_s - kDateSkewMaxS) {
    return base::fail(Reason::TokenExpired,
                      "X-Qiniu-Date is more than 15 minutes away from this gateway's clock.");
  }
  return {};
}

}  // namespace

base::Result<ManagementToken> find_management_token(const net::HttpRequest& request) {
  const auto field = request.headers.find("Authorization");
  if (!field) {
    return base::fail(Reason::TokenMissing,
                      "Sign the request: Authorization: Qiniu <access key>:<signature>.");
  }
  std::string_view text = *field;
  const std::size_t space = text.find(' ');
  const std::string_view scheme = text.substr(0, space);
  if (space == std::string_view::npos || (scheme != "QBox" && scheme != "Qiniu")) {
    return bad_form("The scheme of Authorization is neither QBox nor Qiniu");
  }
  text.remove_prefix(space + 1);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return bad_form("The token has no access key");
  auto signature = base::base64url_decode(text.substr(colon + 1));
  if (!signature || signature->size() != kSignatureBytes) {
    return bad_form("The token's signature is not 20 bytes in URL-safe base64");
  }
  return ManagementToken{.scheme = scheme == "QBox" ? Scheme::QBox : Scheme::Qiniu,
                         .access_key = std::string(text.substr(0, colon)),
                         .signature = *std::move(signature)};
}

base::Result<void> check_management_token(const ManagementToken& token,
                                          const net::HttpRequest& request,
                                          std::string_view secret_key, std::int64_t now_unix_s) {
  bool right = false;
  for (const std::string& data : signed_data(token.scheme, request)) {
    const auto expected = base::hmac_sha1(secret_key, data);
    const std::string_view bytes(reinterpret_cast<const char*>(expected.data()), expected.size());
    right = base::equal_constant_time(bytes, token.signature) || right;
  }
  if (!right) {
    return base::fail(
        Reason::TokenInvalid,
        "The token was not made for this request with the secret key of its access key.");
  }
  return token.scheme == Scheme::Qiniu ? check_date(request, now_unix_s) : base::Result<void>{};
}

}  // namespace millrace::gateway
