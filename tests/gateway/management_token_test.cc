// SPDX-License-Identifier: Apache-2.0
#include "gateway/management_token.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace millrace::gateway {
namespace {

using base::Reason;

constexpr std::int64_t kNow = 1795326619;  // 2026-11-22 05:50:19 UTC
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string signature(const std::string& secret, const std::string& data) {
  const auto digest = base::hmac_sha1(secret, data);
  return base::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

// "valid", or the reason of the refusal.
std::string judged(const net::HttpRequest& request, const std::string& secret = "SK",
                   std::int64_t now = kNow) {
  const auto token = find_management_token(request);
  if (!token) return std::string(base::word_of(token.error().reason));
  const auto checked = check_management_token(*token, request, secret, now);
  return checked ? "valid" : std::string(base::word_of(checked.error().reason));
}

net::HttpRequest request_with(const std::string& authorization) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = "/accessMode/photos/mode/1";
  request.headers.add("Host", "api.example");
  if (!authorization.empty()) request.headers.add("Authorization", authorization);
  return request;
}

net::HttpRequest qiniu_request(const std::string& data) {
  return request_with("Qiniu AK:" + signature("SK", data));
}

// reference/qiniu.md 6.2
TEST(ManagementTokenTest, MeetsTheVectorOfQBox) {
  net::HttpRequest request = request_with("QBox MY_ACCESS_KEY:FXsYh0wKHYPEsIAgdPD9OfjkeEM=");
  request.target = "/move/bmV3ZG9jczpmaW5kX21hbi50eHQ=/bmV3ZG9jczpmaW5kLm1hbi50eHQ=";
  EXPECT_EQ(judged(request, "MY_SECRET_KEY"), "valid");
  EXPECT_EQ(find_management_token(request)->access_key, "MY_ACCESS_KEY");
  EXPECT_EQ(judged(request, "MY_SECRET_KEy"), "token_invalid");
  request.headers.set("Authorization", "QBox MY_ACCESS_KEY:FXsYh0wKHYPEsIAgdPD9OfjkeEM");
  EXPECT_EQ(judged(request, "MY_SECRET_KEY"), "valid") << "without padding";
  request.target += "?x=1";
  EXPECT_EQ(judged(request, "MY_SECRET_KEY"), "token_invalid") << "the query counts";
}

// reference/qiniu.md 8.2: what the Node SDK sent, with its port written twice into what it signed.
TEST(ManagementTokenTest, MeetsARecordedRequestOfTheNodeSdk) {
  net::HttpRequest request;
  request.method = "GET";
  request.target = "/stat/bXlidWNrZXQ6ZGlyL-eFp-eJhyAxLmpwZw==";
  request.headers.add("content-type", kForm);
  request.headers.add("x-qiniu-date", "20261122T055019Z");
  request.headers.add("authorization", "Qiniu AKAKAKAK:kqKbttvdwu-_Vk9LS01XwT6WoLA=");
  request.headers.add("Host", "127.0.0.1:37789");
  EXPECT_EQ(judged(request, "SKSKSKSK"), "valid");
  EXPECT_EQ(judged(request, "SKSKSKSK", kNow + 900), "valid");
  EXPECT_EQ(judged(request, "SKSKSKSK", kNow - 900), "valid");
  EXPECT_EQ(judged(request, "SKSKSKSK", kNow + 901), "token_expired");
  EXPECT_EQ(judged(request, "SKSKSKSK", kNow - 901), "token_expired");
  request.headers.set("Host", "127.0.0.1:37780");
  EXPECT_EQ(judged(request, "SKSKSKSK"), "token_invalid") << "another port";
  request.headers.set("Host", "127.0.0.1");
  EXPECT_EQ(judged(request, "SKSKSKSK"), "token_invalid") << "no port";
}

// The same request's form body, which both schemes sign.
TEST(ManagementTokenTest, SignsAFormBody) {
  net::HttpRequest request = request_with("QBox AK:" + signature("SK", "/pfop\na=b"));
  request.target = "/pfop";
  request.body = "a=b";
  EXPECT_EQ(judged(request), "token_invalid") << "of no type that is signed";
  request.headers.add("Content-Type", kForm);
  EXPECT_EQ(judged(request), "valid");
  request.body = "a=c";
  EXPECT_EQ(judged(request), "token_invalid");
}

TEST(ManagementTokenTest, SignsHostTypeFieldsAndBodyInOrder) {
  const std::string head = "POST /accessMode/photos/mode/1\nHost: api.example\n";
  EXPECT_EQ(judged(qiniu_request(head + "\n")), "valid") << "as the Python SDK without a type";

  net::HttpRequest typed = qiniu_request(head + "Content-Type: " + kForm + "\n\nx=1");
  typed.headers.add("Content-Type", kForm);
  typed.body = "x=1";
  EXPECT_EQ(judged(typed), "valid");

  net::HttpRequest bytes = qiniu_request(head + "Content-Type: application/octet-stream\n\n");
  bytes.headers.add("Content-Type", "application/octet-stream");
  bytes.body = "not signed";
  EXPECT_EQ(judged(bytes), "valid");

  net::HttpRequest fields = qiniu_request(head + "X-Qiniu-A: 2\nX-Qiniu-Bc: 1\n\n");
  fields.headers.add("x-qiniu-bC", "1");
  fields.headers.add("X-QINIU-a", "2");
  fields.headers.add("X-Qiniu-", "has no name and does not count");
  EXPECT_EQ(judged(fields), "valid");
  fields.headers.set("X-Qiniu-A", "3");
  EXPECT_EQ(judged(fields), "token_invalid");
}

TEST(ManagementTokenTest, SaysWhatIsMissingOrMalformed) {
  EXPECT_EQ(judged(request_with("")), "token_missing");
  const std::string twenty_bytes = "AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  for (const std::string& text :
       {std::string("QBox"), std::string("Qiniu"), "Bearer AK:" + twenty_bytes,
        "qbox AK:" + twenty_bytes, "Qiniu AK" + twenty_bytes, "Qiniu :" + twenty_bytes,
        std::string("Qiniu AK:"), std::string("Qiniu AK:AAAA"), std::string("Qiniu AK:++++"),
        "UpToken AK:" + twenty_bytes + ":e30="}) {
    EXPECT_EQ(judged(request_with(text)), "bad_signature_form") << text;
  }
  EXPECT_EQ(judged(request_with("Qiniu AK:" + twenty_bytes)), "token_invalid");
  for (const char* date :
       {"20261122T055019", "2026-11-22T05:50:19Z", "now", "20261122 055019Z", "2026112xT055019Z"}) {
    net::HttpRequest dated = qiniu_request(
        "POST /accessMode/photos/mode/1\nHost: api.example\nX-Qiniu-Date: " + std::string(date) +
        "\n\n");
    dated.headers.add("X-Qiniu-Date", date);
    EXPECT_EQ(judged(dated), "bad_signature_form") << date;
  }
}

}  // namespace
}  // namespace millrace::gateway
