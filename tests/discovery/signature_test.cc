// SPDX-License-Identifier: Apache-2.0
#include "discovery/signature.h"

#include <gtest/gtest.h>

namespace millrace::discovery {
namespace {

using base::Reason;
using std::chrono::milliseconds;

constexpr std::string_view kKey = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kTarget = "/v1/registry/nodes/a";
constexpr std::int64_t kNow = 1'767'225'600'000;

net::Headers signed_headers(std::int64_t sent_at = kNow, std::uint64_t sequence = 7) {
  net::Headers headers;
  sign(headers, kKey, {"POST", kTarget, sent_at, sequence, "{}"});
  return headers;
}

base::Result<std::uint64_t> check(const net::Headers& headers, std::string_view method = "POST",
                                  std::string_view target = kTarget, std::string_view body = "{}",
                                  std::string_view key = kKey) {
  return verify(key, method, target, headers, body, kNow, milliseconds(30'000));
}

TEST(SignatureTest, IsTheHmacThatTheDocumentDescribes) {
  // printf 'millrace-registry-1\nPOST\n/v1/registry/nodes/a\n1767225600000\n7\n{}' |
  //   openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
  EXPECT_EQ(signature_of(kKey, {"POST", kTarget, kNow, 7, "{}"}),
            "e7f44ca3428edf68a11b26a971659f349c2b8e12f4c76184228afde1270398c5");
}

TEST(SignatureTest, AcceptsWhatTheKeySigned) {
  const auto sequence = check(signed_headers());
  ASSERT_TRUE(sequence);
  EXPECT_EQ(*sequence, 7U);
}

TEST(SignatureTest, RefusesWhatWasAltered) {
  const net::Headers good = signed_headers();
  const auto reason = [](const base::Result<std::uint64_t>& result) {
    return result ? Reason::Internal : result.error().reason;
  };
  EXPECT_EQ(reason(check(good, "GET")), Reason::TokenInvalid);
  EXPECT_EQ(reason(check(good, "POST", "/v1/registry/nodes/b")), Reason::TokenInvalid);
  EXPECT_EQ(reason(check(good, "POST", kTarget, "{ }")), Reason::TokenInvalid);
  EXPECT_EQ(reason(check(good, "POST", kTarget, "{}", "another key of more than 32 bytes....")),
            Reason::TokenInvalid);
  net::Headers other = good;
  other.set(kSequenceHeader, "8");
  EXPECT_EQ(reason(check(other)), Reason::TokenInvalid);
  other = good;
  other.set(kTimeHeader, std::to_string(kNow + 1));
  EXPECT_EQ(reason(check(other)), Reason::TokenInvalid);
  other = good;
  other.set(kSignatureHeader, "");
  EXPECT_EQ(reason(check(other)), Reason::TokenInvalid);
}

TEST(SignatureTest, SaysWhatIsMissingOrMalformed) {
  for (const std::string_view name : {kSignatureHeader, kTimeHeader, kSequenceHeader}) {
    net::Headers headers = signed_headers();
    headers.remove(name);
    const auto result = check(headers);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().reason, Reason::TokenMissing);
  }
  for (const char* bad : {"", "x", "1x", "-1", "99999999999999999999999"}) {
    net::Headers headers = signed_headers();
    headers.set(kSequenceHeader, bad);
    const auto result = check(headers);
    ASSERT_FALSE(result) << bad;
    EXPECT_EQ(result.error().reason, Reason::BadSignatureForm) << bad;
  }
}

TEST(SignatureTest, RefusesOtherTimesThanNow) {
  EXPECT_TRUE(check(signed_headers(kNow - 30'000)));
  EXPECT_TRUE(check(signed_headers(kNow + 30'000)));
  for (const std::int64_t time :
       {kNow - 30'001, kNow + 30'001, std::int64_t{0}, INT64_MIN, INT64_MAX}) {
    const auto result = check(signed_headers(time));
    ASSERT_FALSE(result) << time;
    EXPECT_EQ(result.error().reason, Reason::TokenExpired) << time;
  }
}

}  // namespace
}  // namespace millrace::discovery
