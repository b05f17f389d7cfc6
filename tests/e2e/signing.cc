// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/signing.h"

#include <array>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace millrace::test {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

std::string base64url(std::string_view bytes) {
  std::string encoded(bytes.size() * 2 + 8, '\0');
  const int length = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                       octets(bytes), static_cast<int>(bytes.size()));
  encoded.resize(static_cast<std::size_t>(length));
  for (char& c : encoded) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return encoded;
}

std::string signature(const std::string& secret, std::string_view text) {
  std::array<unsigned char, 20> digest{};
  unsigned int size = 0;
  ::HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), octets(text), text.size(),
         digest.data(), &size);
  return base64url({reinterpret_cast<const char*>(digest.data()), size});
}

std::string signed_target(const std::string& target, const KeyPair& key, std::int64_t expires) {
  const char* separator = target.find('?') == std::string::npos ? "?e=" : "&e=";
  const std::string url = target + separator + std::to_string(expires);
  return url + "&token=" + key.access + ":" + signature(key.secret, "http://127.0.0.1" + url);
}

}  // namespace millrace::test
