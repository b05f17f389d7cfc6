// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.h"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <sys/random.h>
#include <tuple>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace millrace::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// OpenSSL fails here only when its default provider cannot be loaded: nothing could be signed or
// verified.
void require(bool worked) {
  if (!worked) std::abort();
}

void append_hex(std::string& out, std::uint8_t byte) {
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 0xF];
}

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The value of a digit of the alphabet; 64 and above for any other character.
std::uint32_t digit_of(char c) { return static_cast<std::uint32_t>(kBase64Url.find(c)); }

std::uint32_t octet(char c) { return static_cast<std::uint8_t>(c); }

// OpenSSL 3 looks an algorithm up by its name each time that it is named, under a lock, and that
// costs more than to hash a short text: each is looked up once and kept for the process' life.
const EVP_MD* sha256_digest() {
  static const EVP_MD* const digest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(digest != nullptr);
  return digest;
}

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

// A context without a key for each thread; `digest_name` is one and the same at each place.
Mac make_mac(const char* digest_name) {
  static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  require(algorithm != nullptr);
  Mac mac(EVP_MAC_CTX_new(algorithm));
  require(mac != nullptr);
  std::string name(digest_name);
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_end()};
  require(EVP_MAC_CTX_set_params(mac.get(), parameters.data()) == 1);
  return mac;
}

template <std::size_t size>
std::array<std::uint8_t, size> hmac(EVP_MAC_CTX* mac, std::string_view key, std::string_view text) {
  // A null key means "use the one set before" to OpenSSL, so an empty key still points somewhere.
  const std::string_view safe_key = key.empty() ? std::string_view("") : key;
  std::array<std::uint8_t, size> digest{};
  std::size_t length = 0;
  require(EVP_MAC_init(mac, as_bytes(safe_key), safe_key.size(), nullptr) == 1 &&
          EVP_MAC_update(mac, as_bytes(text), text.size()) == 1 &&
          EVP_MAC_final(mac, digest.data(), &length, digest.size()) == 1 &&
          length == digest.size());
  return digest;
}

}  // namespace

Digest256 sha256(std::string_view text) {
  Digest256 digest{};
  unsigned int size = 0;
  require(EVP_Digest(text.data(), text.size(), digest.data(), &size, sha256_digest(), nullptr) ==
              1 &&
          size == digest.size());
  return digest;
}

Digest256 hmac_sha256(std::string_view key, std::string_view text) {
  thread_local const Mac mac = make_mac("SHA256");
  return hmac<std::tuple_size_v<Digest256>>(mac.get(), key, text);
}

std::array<std::uint8_t, 20> hmac_sha1(std::string_view key, std::string_view text) {
  thread_local const Mac mac = make_mac("SHA1");
  return hmac<20>(mac.get(), key, text);
}

std::string hex(const Digest256& digest) {
  std::string out;
  out.reserve(digest.size() * 2);
  for (const std::uint8_t byte : digest) append_hex(out, byte);
  return out;
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_hex(std::size_t byte_count) {
  std::string bytes(byte_count, '\0');
  std::size_t have = 0;
  while (have < byte_count) {
    const ssize_t got = ::getrandom(bytes.data() + have, byte_count - have, 0);
    require(got > 0 || errno == EINTR);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  std::string out;
  out.reserve(byte_count * 2);
  for (const char c : bytes) append_hex(out, static_cast<std::uint8_t>(c));
  return out;
}

std::string base64url_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = octet(bytes[i]) << 16;
    if (left > 1) group |= octet(bytes[i + 1]) << 8;
    if (left > 2) group |= octet(bytes[i + 2]);
    out += kBase64Url[group >> 18];
    out += kBase64Url[group >> 12 & 63];
    out += left > 1 ? kBase64Url[group >> 6 & 63] : '=';
    out += left > 2 ? kBase64Url[group & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 0 && text.ends_with('=')) {
    text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint32_t digit = digit_of(text[i]);
    if (digit > 63) return std::nullopt;
    group = (group << 6 | digit) & 0xFFFFFF;
    if (i % 4 == 0) continue;
    // After the second, third and fourth digit of a group one more octet is whole.
    const std::uint32_t spare_bits = 6 - 2 * static_cast<std::uint32_t>(i % 4);
    out += static_cast<char>(group >> spare_bits & 0xFF);
  }
  // Bits that belong to no octet must be zero, or two texts would mean the same.
  if (tail == 2 && (group & 0xF) != 0) return std::nullopt;
  if (tail == 3 && (group & 0x3) != 0) return std::nullopt;
  return out;
}

}  // namespace millrace::base
