// SPDX-License-Identifier: Apache-2.0
#include "base/crypto.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

// FIPS 180-2, appendix B.
TEST(CryptoTest, Sha256MeetsThePublishedVectors) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// RFC 2202, cases 1, 2 and 6.
TEST(CryptoTest, HmacSha1MeetsTheVectorsOfRfc2202) {
  const auto digest = [](std::string_view key, std::string_view text) {
    const auto bytes = hmac_sha1(key, text);
    return base64url_encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  };
  EXPECT_EQ(digest(std::string(20, '\x0b'), "Hi There"), "thcxhlUFcmTii8C2-zeMjvFGvgA=");
  EXPECT_EQ(digest("Jefe", "what do ya want for nothing?"), "7_zfauXrL6LSdBbV8YTfnCWafHk=");
  EXPECT_EQ(
      digest(std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
      "qkrl4VJy0A6VcFY3zoo7Ve1AIRI=");
}

// RFC 4231, cases 1 to 3, 6 and 7.
TEST(CryptoTest, HmacMeetsTheVectorsOfRfc4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\xaa'), std::string(50, '\xdd'))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'),
                            "This is a test using a larger than block-size key and a larger than "
                            "block-size data. The key needs to be hashed before being used by the "
                            "HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(CryptoTest, HmacTakesAnEmptyKeyAndText) {
  EXPECT_EQ(hex(hmac_sha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  EXPECT_EQ(hmac_sha256(std::string_view(), std::string_view()), hmac_sha256("", ""));
}

TEST(CryptoTest, ComparesByContentAndLength) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secret2"));
}

TEST(CryptoTest, RandomHexHasTheAskedLengthAndDiffers) {
  EXPECT_EQ(random_hex(0), "");
  const std::string first = random_hex(32);
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(first.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(first, random_hex(32));
}

// RFC 4648, section 10, in the alphabet of section 5.
const std::vector<std::pair<std::string, std::string>> kBase64Vectors = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xfe", "-__-"},
};

TEST(CryptoTest, Base64UrlMeetsTheVectorsOfRfc4648) {
  for (const auto& [bytes, text] : kBase64Vectors) {
    EXPECT_EQ(base64url_encode(bytes), text);
    EXPECT_EQ(base64url_decode(text), bytes) << text;
    EXPECT_EQ(base64url_decode(text.substr(0, text.find('='))), bytes) << "unpadded " << text;
  }
}

TEST(CryptoTest, Base64UrlReturnsEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(base64url_decode(base64url_encode(bytes.substr(0, size))), bytes.substr(0, size));
  }
}

TEST(CryptoTest, Base64UrlRefusesWhatIsNotCanonical) {
  for (const char* text : {"A", "Zg=", "Zg===", "Zm9v=", "=", "====", "Zm+v", "Zm/v", "Zm9v Zg",
                           "Zm9v\n", "Zh", "Zm9", "Zg==Zg=="}) {
    EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace millrace::base
