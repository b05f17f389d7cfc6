// SPDX-License-Identifier: Apache-2.0
// Commands that need other pictures than the original, from outside: pictures of the same and of
// another bucket, and those that are missing, private, protected, broken, or not what they were.
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/signing.h"
#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

// The folders are replaced by those of the flags.
constexpr const char* kConfig = R"(
gateway:
  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}
  users:
    acme: {tier: paid, access_key: AK, secret_key: SK}
    zoe: {tier: paid, access_key: ZK, secret_key: ZS}
  hosts:
    logos.example.com: {bucket: logos}
agent:
  cache:
    source_fresh_ms: 200
buckets:
  photos:
    folder: /nowhere
    owners: [acme]
    styles:
      pair: montage/cell/80x60/gap/0/margin/0/format/png/key/a29kbzovL3NlY3JldC9zZWFsLnBuZw==
      theirs: montage/key/a29kbzovL2d1YXJkZWQvc2VhbC5wbmc=
  logos: {folder: /nowhere}
  secret: {folder: /nowhere, private: true, owners: [acme]}
  guarded: {folder: /nowhere, protect_originals: true, owners: [zoe]}
)";

// "<status> <reason>"
std::string refusal(const HttpReply& reply) {
  return std::to_string(reply.status) + " " + reason_of(reply);
}

std::string animate(const std::vector<std::string>& pictures) {
  std::string text = "animate/duration/25/merge";
  for (const std::string& picture : pictures) text += "/key/" + base64url(picture);
  return text;
}
std::string montage(const std::vector<std::string>& pictures) {
  std::string text = "montage/columns/2/cell/80x60/gap/0/margin/0/format/png";
  for (const std::string& picture : pictures) text += "/key/" + base64url(picture);
  return text;
}
std::string compare(const std::string& picture) { return "compare/with/" + base64url(picture); }

class OtherPicturesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    System::Options options;
    options.config_yaml = kConfig;
    for (const char* bucket : {"logos", "secret", "guarded"}) {
      std::filesystem::create_directories(folder_->path() / bucket);
      options.buckets[bucket] = folder_->path() / bucket;
    }
    put("logos", "dog.png", encode(make_picture(160, 120, 2), ".png"));
    put("logos", "changing.png", encode(make_picture(160, 120, 3), ".png"));
    put("logos", "other size.png", encode(make_picture(161, 120, 3), ".png"));
    put("logos", "text.png", "no picture at all");
    const std::string whole = encode_jpeg(make_picture(160, 120, 4), 90);
    put("logos", "cut.jpg", whole.substr(0, whole.size() / 2));
    put("logos", "bomb.jpg", bomb());
    put("secret", "seal.png", encode(make_picture(160, 120, 5), ".png"));
    put("guarded", "seal.png", encode(make_picture(160, 120, 5), ".png"));
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("cat.png", encode(make_picture(160, 120, 1), ".png"));
    system_->add_photo("owl.png", encode(make_picture(160, 120, 6), ".png"));
  }
  static void TearDownTestSuite() {
    system_.reset();
    folder_.reset();
  }
  static void put(const std::string& bucket, const std::string& key, const std::string& bytes) {
    std::ofstream(folder_->path() / bucket / key, std::ios::binary) << bytes;
  }
  // A JPEG that says that it has 29,999 x 29,999 px.
  static std::string bomb() {
    std::string jpeg = encode_jpeg(make_picture(16, 16), 80);
    const std::size_t frame = jpeg.find("\xFF\xC0");  // SOF0: length, precision, height, width
    EXPECT_NE(frame, std::string::npos);
    return jpeg.replace(frame + 5, 4, "\x75\x2F\x75\x2F");
  }
  static HttpReply get(const std::string& pipeline) {
    return system_->get("/photos/cat.png?" + pipeline);
  }

  static std::unique_ptr<TempDir> folder_;
  static std::unique_ptr<System> system_;
};
std::unique_ptr<TempDir> OtherPicturesTest::folder_;
std::unique_ptr<System> OtherPicturesTest::system_;

TEST_F(OtherPicturesTest, AnimatePutsThemOneAfterTheOther) {
  const HttpReply reply = get(animate({"owl.png", "kodo://logos/dog.png"}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/gif");
  // The application block of a GIF that plays for ever, and the delay of each of three frames.
  EXPECT_NE(reply.body.find(std::string("NETSCAPE2.0\x03\x01\x00\x00", 15)), std::string::npos);
  const Picture first = decode(reply.body);
  EXPECT_EQ(first.width, 160);
  EXPECT_EQ(first.height, 120);
  EXPECT_LT(perceptual_distance(first, make_picture(160, 120, 1)), 6);
  int frames = 0;
  for (std::size_t at = reply.body.find("\x21\xF9\x04"); at != std::string::npos;
       at = reply.body.find("\x21\xF9\x04", at + 1)) {
    const auto byte = [&](std::size_t i) {
      return static_cast<unsigned>(static_cast<unsigned char>(reply.body[at + i]));
    };
    if (byte(7) != 0) continue;  // chance, in the middle of pixels
    ++frames;
    EXPECT_EQ(byte(4) | byte(5) << 8U, 25U);
  }
  EXPECT_EQ(frames, 3);
}

TEST_F(OtherPicturesTest, MontageLaysThemSideBySide) {
  const HttpReply reply = get(montage({"http://logos.example.com/dog.png"}));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Picture sheet = decode(reply.body);
  ASSERT_EQ(sheet.width, 160);
  ASSERT_EQ(sheet.height, 60);
  const std::string cat = encode(make_picture(160, 120, 1), ".png");
  const std::string dog = encode(make_picture(160, 120, 2), ".png");
  EXPECT_LT(perceptual_distance(cropped(sheet, 0, 0, 80, 60), resized(cat, 80, 60)), 1);
  EXPECT_LT(perceptual_distance(cropped(sheet, 80, 0, 80, 60), resized(dog, 80, 60)), 1);
}

TEST_F(OtherPicturesTest, CompareTellsHowAlikeTheyAre) {
  const HttpReply same = get(compare("cat.png"));
  ASSERT_EQ(same.status, 200) << same.body;
  EXPECT_EQ(nlohmann::json::parse(same.body)["ssim"], 1.0);
  EXPECT_EQ(same.header("cache-control"), "no-store");
  const HttpReply lossy = get("imageView2/2/w/160/format/jpg/q/40|" + compare("cat.png"));
  ASSERT_EQ(lossy.status, 200) << lossy.body;
  const double ssim = nlohmann::json::parse(lossy.body)["ssim"];
  EXPECT_LT(ssim, 1);
  EXPECT_GT(ssim, 0.5);
  EXPECT_EQ(refusal(get(compare("kodo://logos/other size.png"))), "400 bad_parameter");
}

TEST_F(OtherPicturesTest, ThreeNamesOfOnePictureMakeOneVariant) {
  const HttpReply first = get(montage({"kodo://logos/changing.png", "cat.png"}));
  const HttpReply again =
      get(montage({"https://logos.example.com/changing.png", "kodo://photos/cat.png"}));
  ASSERT_EQ(first.status, 200) << first.body;
  ASSERT_EQ(again.status, 200) << again.body;
  EXPECT_EQ(again.header("etag"), first.header("etag"));
  EXPECT_EQ(again.header("x-millrace-cache"), "hit");
}

TEST_F(OtherPicturesTest, WhatIsWrongWithOneIsSaid) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"kodo://logos/none.png", "404 no_key"},
      {"none.png", "404 no_key"},
      {"kodo://nowhere/a.png", "404 no_bucket"},
      {"kodo://logos/text.png", "415 unsupported_media"},
      {"kodo://logos/cut.jpg", "422 corrupt_media"},
      {"kodo://logos/bomb.jpg", "422 too_many_pixels"},
      {"http://evil.example.com/a.png", "400 bad_parameter"},
      {"http://127.0.0.1:" + std::to_string(system_->api_port()) + "/v1/commands",
       "400 bad_parameter"},
      {"http://logos.example.com/dog.png?imageInfo", "400 bad_parameter"}};
  for (const auto& [picture, expected] : cases) {
    for (const std::string& pipeline : {animate({picture}), montage({picture}), compare(picture)}) {
      const HttpReply reply = get(pipeline);
      EXPECT_EQ(refusal(reply), expected) << picture << " in " << pipeline;
      EXPECT_NE(reply.body.find("cannot be used"), std::string::npos) << reply.body;
      EXPECT_EQ(reply.header("cache-control"), "no-store");
    }
  }
  EXPECT_EQ(get(montage({"owl.png"})).status, 200) << "all is well";
}

TEST_F(OtherPicturesTest, IgnoreErrorGivesTheOriginal) {
  const HttpReply reply = get(montage({"kodo://logos/none.png"}) + "/ignore-error/1");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("x-millrace-ignored-error"), "no_key");
  EXPECT_EQ(reply.body, encode(make_picture(160, 120, 1), ".png"));
}

TEST_F(OtherPicturesTest, PrivateAndProtectedOnesAreNotForEverybody) {
  const std::string secret = montage({"kodo://secret/seal.png"});
  EXPECT_EQ(refusal(get(secret)), "401 token_missing");
  const std::string target = "/photos/cat.png?" + secret;
  EXPECT_EQ(refusal(system_->get(signed_target(target, {"ZK", "ZS"}))), "401 token_invalid");
  EXPECT_EQ(refusal(system_->get(signed_target(target, {"AK", "SK"}))), "403 original_protected");
  EXPECT_EQ(refusal(get(montage({"kodo://guarded/seal.png"}))), "403 original_protected");
  // Nor does anybody learn by it what is there.
  EXPECT_EQ(refusal(get(montage({"kodo://secret/none.png"}))), "401 token_missing");
  EXPECT_EQ(refusal(get(montage({"kodo://guarded/none.png"}))), "403 original_protected");
}

TEST_F(OtherPicturesTest, AStyleOfTheSameOwnerNamesThem) {
  const HttpReply reply = system_->get("/photos/cat.png-pair");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const std::string seal = encode(make_picture(160, 120, 5), ".png");
  EXPECT_LT(perceptual_distance(cropped(decode(reply.body), 80, 0, 80, 60), resized(seal, 80, 60)),
            1);
  EXPECT_EQ(refusal(system_->get("/photos/cat.png-theirs")), "403 original_protected");
}

TEST_F(OtherPicturesTest, AChangedOneChangesTheVariant) {
  const std::string pipeline = montage({"kodo://logos/changing.png"});
  const HttpReply before = get(pipeline);
  ASSERT_EQ(before.status, 200) << before.body;
  const std::string etag = before.header("etag");
  const FieldList known = {{"If-None-Match", etag}};
  EXPECT_EQ(system_->get("/photos/cat.png?" + pipeline, known).status, 304);
  put("logos", "changing.png", encode(make_picture(160, 120, 7), ".png"));
  HttpReply after;
  ASSERT_TRUE(eventually([&] {
    after = system_->get("/photos/cat.png?" + pipeline, known);
    return after.status == 200;
  }));
  EXPECT_NE(after.header("etag"), etag);
  const std::string changed = encode(make_picture(160, 120, 7), ".png");
  EXPECT_LT(
      perceptual_distance(cropped(decode(after.body), 80, 0, 80, 60), resized(changed, 80, 60)), 1);
}

}  // namespace
}  // namespace millrace::test
