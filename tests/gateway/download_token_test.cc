// SPDX-License-Identifier: Apache-2.0
#include "gateway/download_token.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace millrace::gateway {
namespace {

constexpr std::int64_t kExpires = 1451491200;
constexpr const char* kHost = "developer.qiniu.com";
constexpr const char* kSecret = "MY_SECRET_KEY";
// reference/qiniu.md 6.1
constexpr const char* kVector =
    "/resource/flower.jpg?e=1451491200&token=MY_ACCESS_KEY:v24Hqj-H6oM96pmWC-QgDm5JLbk=";

std::string signed_url(const std::string& target, const std::string& scheme = "http") {
  const auto digest = base::hmac_sha1(kSecret, scheme + "://" + kHost + target);
  return target + "&token=AK:" +
         base::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string judged(const std::string& target, std::int64_t now = kExpires,
                   std::string_view scheme = "http") {
  const auto found = find_download_token(target);
  if (!found) return std::string(base::word_of(found.error().reason));
  if (!*found) return "none";
  const auto checked = check_download_token(**found, scheme, kHost, kSecret, now);
  return checked ? "valid" : std::string(base::word_of(checked.error().reason));
}

TEST(DownloadTokenTest, MeetsTheVector) {
  EXPECT_EQ(judged(kVector), "valid");
  EXPECT_EQ((*find_download_token(kVector))->access_key, "MY_ACCESS_KEY");
}

TEST(DownloadTokenTest, TheDocumentsPrintedTokenIsNotRight) {
  EXPECT_EQ(judged("/resource/flower.jpg?e=1451491200&token=AK:yN9WtB0lQheegAwva64yBuH3ZgU="),
            "token_invalid");
}

TEST(DownloadTokenTest, SignsThePipelineAsItWasSent) {
  const std::string url = signed_url("/b/a.jpg?imageView2/2/w/200%7CimageInfo&e=1451491200");
  EXPECT_EQ(judged(url), "valid");
  std::string decoded = url;
  decoded.replace(decoded.find("%7C"), 3, "|");
  EXPECT_EQ(judged(decoded), "token_invalid");
  std::string other = url;
  other.replace(other.find("200"), 3, "201");
  EXPECT_EQ(judged(other), "token_invalid");
}

TEST(DownloadTokenTest, HoldsUntilItsTimeHasPassed) {
  EXPECT_EQ(judged(kVector, kExpires), "valid");
  EXPECT_EQ(judged(kVector, kExpires + 1), "token_expired");
}

TEST(DownloadTokenTest, AWrongTokenIsInvalidEvenWhenItIsOld) {
  std::string forged = kVector;
  forged.replace(forged.find("v24"), 3, "v25");
  EXPECT_EQ(judged(forged, kExpires + 1), "token_invalid");
}

TEST(DownloadTokenTest, TheSchemeIsSigned) {
  const std::string url = signed_url("/b/a.jpg?e=1451491200", "https");
  EXPECT_EQ(judged(url, kExpires, "https"), "valid");
  EXPECT_EQ(judged(url, kExpires, "http"), "token_invalid");
}

TEST(DownloadTokenTest, TakesTheFormsThatClientsWrite) {
  std::string escaped = kVector;
  escaped.replace(escaped.find("KEY:"), 4, "KEY%3A");
  escaped.replace(escaped.size() - 1, 1, "%3D");
  EXPECT_EQ(judged(escaped), "valid");
  std::string unpadded = kVector;
  unpadded.pop_back();
  EXPECT_EQ(judged(unpadded), "valid");
}

TEST(DownloadTokenTest, LeavesUrlsWithoutTokenAlone) {
  for (const char* target : {"/b/a.jpg", "/b/a.jpg?imageInfo", "/b/a.jpg?imageInfo&e=1451491200",
                             "/b/token=x", "/b/a.jpg?imageInfo&mytoken=x"}) {
    EXPECT_EQ(judged(target), "none") << target;
  }
}

TEST(DownloadTokenTest, RefusesOtherForms) {
  const std::string sign = "AK:v24Hqj-H6oM96pmWC-QgDm5JLbk=";
  for (const std::string& target :
       {"/b/a.jpg?token=" + sign, "/b/a.jpg?imageInfo&token=" + sign,
        "/b/a.jpg?e=1451491200&attname=x&token=" + sign, "/b/a.jpg?e=x&token=" + sign,
        "/b/a.jpg?e=&token=" + sign, "/b/a.jpg?e=-1&token=" + sign,
        "/b/a.jpg?e=1451491200&token=" + sign + "&attname=x",
        std::string("/b/a.jpg?e=1451491200&token="), std::string("/b/a.jpg?e=1451491200&token=AK"),
        std::string("/b/a.jpg?e=1451491200&token=AK:"),
        std::string("/b/a.jpg?e=1451491200&token=AK:AAAA"),
        std::string("/b/a.jpg?e=1451491200&token=AK:%zz"),
        "/b/a.jpg?e=1451491200&token=" + sign.substr(2)}) {
    EXPECT_EQ(judged(target), "bad_signature_form") << target;
  }
}

}  // namespace
}  // namespace millrace::gateway
