// SPDX-License-Identifier: Apache-2.0
#include "gateway/picture_rules.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace millrace::gateway {
namespace {

using base::Reason;

storage::BucketConfig http_bucket(const std::string& origin) {
  storage::BucketConfig config;
  config.kind = "http";
  config.origin = origin;
  return config;
}

pipeline::Catalogue catalogue() {
  pipeline::CommandSpec spec;
  spec.name = "mark";
  spec.order_matters = true;
  pipeline::ParameterSpec image;
  image.name = "image";
  image.kind = pipeline::ParameterKind::Picture;
  image.takes_key = true;
  image.repeatable = true;
  spec.named = {image};
  return pipeline::Catalogue({spec});
}

class PictureRulesTest : public testing::Test {
 protected:
  PictureRulesTest() {
    hosts_["img.example.com"].bucket = "photos";
    buckets_["photos"] = {};
    buckets_["logos"] = {};
    buckets_["far"] = http_bucket("http://origin.example.com/files");
    buckets_["near"] = http_bucket("http://origin.example.com/files/near");
    buckets_["safe"] = http_bucket("https://origin.example.com:8443");
    buckets_["vault"] = {};
    buckets_["guarded"] = {};
    for (const auto& [name, unused] : buckets_) delivery_[name].separators = "-";
    delivery_["photos"].styles["thumb"] = "mark";
    delivery_["photos"].owners = {"acme"};
    delivery_["vault"].is_private = true;
    delivery_["vault"].owners = {"acme", "zoe"};
    delivery_["guarded"].protect_originals = true;
    delivery_["guarded"].owners = {"zoe"};
  }

  [[nodiscard]] base::Result<std::string> settle(const std::vector<std::string>& names) const {
    std::string text = "mark";
    for (const std::string& name : names) text += "/image/" + base::base64url_encode(name);
    auto pipeline = catalogue().check(text);
    if (!pipeline) return base::fail(std::move(pipeline.error()));
    const PictureRules rules(hosts_, buckets_, delivery_, request_);
    if (auto settled = rules.settle(*pipeline, {}); !settled) {
      return base::fail(std::move(settled.error()));
    }
    std::string result;
    for (const std::string& value : pipeline::pictures_of(*pipeline)) {
      result += (result.empty() ? "" : " ") + base::base64url_decode(value).value_or("?");
    }
    return result;
  }
  // What one name stands for, or "!<reason>".
  [[nodiscard]] std::string meaning(const std::string& name) const {
    const auto result = settle({name});
    return result ? *result : "!" + std::string(base::word_of(result.error().reason));
  }

  std::map<std::string, HostConfig> hosts_;
  std::map<std::string, storage::BucketConfig> buckets_;
  DeliveryTable delivery_;
  PictureRules::Request request_{.bucket = "photos", .user = "ip:10.0.0.1"};
};

TEST_F(PictureRulesTest, AnEntryStaysWhatItIs) {
  EXPECT_EQ(meaning("kodo://logos/a/b.png"), "kodo://logos/a/b.png");
  EXPECT_EQ(meaning("kodo://logos/a%20b.png"), "kodo://logos/a%20b.png") << "nothing is decoded";
  EXPECT_EQ(meaning("kodo://none/a.png"), "!no_bucket");
}

TEST_F(PictureRulesTest, AKeyIsOfTheOriginalsBucket) {
  EXPECT_EQ(meaning("dir/a.png"), "kodo://photos/dir/a.png");
}

TEST_F(PictureRulesTest, AUrlOfAMappedHostIsThatBucketsEntry) {
  EXPECT_EQ(meaning("https://img.example.com/dir/a%20b.png"), "kodo://photos/dir/a b.png");
  EXPECT_EQ(meaning("http://IMG.example.com:8080/a.png"), "kodo://photos/a.png");
}

TEST_F(PictureRulesTest, AUrlBeneathABasesBucketIsThatBucketsEntry) {
  EXPECT_EQ(meaning("http://origin.example.com/files/a.png"), "kodo://far/a.png");
  EXPECT_EQ(meaning("http://ORIGIN.example.com:80/files/b/%E6%9E%97.png"), "kodo://far/b/林.png");
  EXPECT_EQ(meaning("http://origin.example.com/files/near/a.png"), "kodo://near/a.png")
      << "the longest base";
  EXPECT_EQ(meaning("http://origin.example.com/files/nearby.png"), "kodo://far/nearby.png");
  EXPECT_EQ(meaning("https://origin.example.com:8443/a.png"), "kodo://safe/a.png");
}

TEST_F(PictureRulesTest, NoOtherUrlIsAllowed) {
  for (const char* url :
       {"http://evil.example.com/a.png", "http://127.0.0.1:8081/v1/commands",
        "http://169.254.169.254/latest/meta-data", "http://[::1]/a.png", "http://localhost/a.png",
        "http://origin.example.com/a.png", "http://origin.example.com/filesystem/a.png",
        "http://origin.example.com/files", "http://origin.example.com",
        "https://origin.example.com/files/a.png", "http://origin.example.com:8080/files/a.png",
        "http://origin.example.com.evil.com/files/a.png", "http://img.example.com",
        "http://img.example.com.evil.com/a.png", "http://origin.example.com:80:80/files/a.png",
        "http://img.example.com/", "http://origin.example.com/files/"}) {
    EXPECT_EQ(meaning(url), "!bad_parameter") << url;
  }
}

TEST_F(PictureRulesTest, WhatHidesInAUrlIsRefused) {
  for (const char* url :
       {"http://user@origin.example.com/files/a.png",
        "http://img.example.com@evil.example.com/a.png", "http://img.example.com/a.png?imageInfo",
        "http://img.example.com/a.png?", "http://img.example.com/a.png#x",
        "http://origin.example.com/files/../secret.png",
        "http://origin.example.com/files/%2e%2E/secret.png",
        "http://origin.example.com/files/./a.png", "http://origin.example.com/files/%zz.png",
        "http://origin.example.com/files/a%00.png", "http://origin.example.com/files/a%0A.png",
        "http://origin.example.com/files/a%FF.png"}) {
    EXPECT_EQ(meaning(url), "!bad_parameter") << url;
  }
}

TEST_F(PictureRulesTest, AUrlNamesNoStyle) {
  const auto refused = settle({"http://img.example.com/a.png-thumb"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::BadParameter);
  EXPECT_NE(refused.error().public_message.find("names a style"), std::string::npos);
  EXPECT_EQ(meaning("kodo://photos/a.png-thumb"), "kodo://photos/a.png-thumb")
      << "here it is a key";
}

TEST_F(PictureRulesTest, TheSentenceNamesThePictureAndWhatIsAllowed) {
  const auto refused = settle({"http://evil.example.com/a.png"});
  ASSERT_FALSE(refused);
  const std::string& text = refused.error().public_message;
  EXPECT_NE(text.find("\"http://evil.example.com/a.png\""), std::string::npos) << text;
  EXPECT_NE(text.find("kodo://<bucket>/<key>"), std::string::npos) << text;
}

TEST_F(PictureRulesTest, APrivateBucketsPicturesAreNotForOthers) {
  EXPECT_EQ(meaning("kodo://vault/a.png"), "!token_missing");
  request_.user = "eve";
  EXPECT_EQ(meaning("kodo://vault/a.png"), "!token_invalid");
  request_.user = "acme";
  EXPECT_EQ(meaning("kodo://vault/a.png"), "!original_protected")
      << "the answer would be a public one";
}

TEST_F(PictureRulesTest, NorAreProtectedOnes) {
  EXPECT_EQ(meaning("kodo://guarded/a.png"), "!original_protected");
  request_.user = "zoe";
  EXPECT_EQ(meaning("kodo://guarded/a.png"), "!original_protected");
}

TEST_F(PictureRulesTest, AStyleMayNameWhatItsBucketsOwnerOwns) {
  request_.by_style = true;
  EXPECT_EQ(meaning("kodo://vault/a.png"), "kodo://vault/a.png");
  EXPECT_EQ(meaning("kodo://guarded/a.png"), "!original_protected")
      << "zoe's, and photos is acme's";
  delivery_["guarded"].owners.insert("acme");
  EXPECT_EQ(meaning("kodo://guarded/a.png"), "kodo://guarded/a.png");
  request_.bucket = "logos";  // nobody's
  EXPECT_EQ(meaning("kodo://vault/a.png"), "!token_missing");
}

TEST_F(PictureRulesTest, TheOriginalsOwnBucketIsOpenToWhomeverItLetIn) {
  request_.bucket = "vault";
  request_.user = "zoe";
  EXPECT_EQ(meaning("kodo://vault/a.png"), "kodo://vault/a.png");
  EXPECT_EQ(meaning("a.png"), "kodo://vault/a.png");
  EXPECT_EQ(meaning("kodo://logos/a.png"), "kodo://logos/a.png");
  EXPECT_EQ(meaning("kodo://guarded/a.png"), "!original_protected");
  request_.bucket = "guarded";
  request_.by_style = true;  // nothing else gets there
  EXPECT_EQ(meaning("a.png"), "kodo://guarded/a.png");
  EXPECT_EQ(meaning("kodo://vault/a.png"), "kodo://vault/a.png") << "zoe owns both";
}

TEST_F(PictureRulesTest, DifferentNamesOfOneEntryAreOnePicture) {
  const auto settled = settle({"a.png", "kodo://photos/a.png", "https://img.example.com/a.png"});
  ASSERT_TRUE(settled);
  EXPECT_EQ(*settled, "kodo://photos/a.png");
}

TEST_F(PictureRulesTest, WhatBecomesTooLongIsRefused) {
  // 19 keys that fit as keys and not as entries.
  const std::string key(130, 'k');
  std::vector<std::string> names;
  for (int i = 10; i < 29; ++i) names.push_back(key + std::to_string(i));
  EXPECT_TRUE(settle(names));
  request_.bucket = "a-bucket-with-quite-a-long-name-indeed";
  const auto refused = settle(names);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::BadParameter);
  EXPECT_NE(refused.error().public_message.find("bytes long"), std::string::npos);
}

TEST_F(PictureRulesTest, LeavesAPipelineWithoutPicturesAlone) {
  auto pipeline = *catalogue().check("mark");
  const PictureRules rules(hosts_, buckets_, delivery_, request_);
  EXPECT_TRUE(rules.settle(pipeline, {}));
  EXPECT_EQ(pipeline.text(), "mark");
}

}  // namespace
}  // namespace millrace::gateway
