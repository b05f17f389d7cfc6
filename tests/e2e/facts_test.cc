// SPDX-License-Identifier: Apache-2.0
// Commands that tell about a file, or make another picture of it, through the whole product.
#include <cstdio>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

class FactsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>();
    ASSERT_TRUE(system_->ready()) << system_->log();
    jpeg_ = encode_jpeg(make_picture(640, 427, 1), 95);
    system_->add_photo("g.jpg", jpeg_);
    system_->add_photo("o6.jpg", encode_jpeg(make_picture(64, 48, 2), 90, 6));
    system_->add_photo("cards/lin wei.vcf", kCard);
  }
  static void TearDownTestSuite() { system_.reset(); }

  static HttpReply get(const std::string& target, const FieldList& fields = {}) {
    return system_->get("/photos/" + target, fields);
  }
  // What zbarimg reads in a picture.
  static std::string read_code(const std::string& png) {
    const TempDir folder;
    const std::string command =
        "zbarimg --raw -q -Sbinary " + folder.write("code.png", png).string() + " 2>/dev/null";
    std::string text;
    FILE* pipe = ::popen(command.c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
    ::pclose(pipe);
    return text;
  }
  static constexpr const char* kCard = "BEGIN:VCARD\nVERSION:3.0\nFN:Lin Wei\nEND:VCARD\n";
  static std::unique_ptr<System> system_;
  static std::string jpeg_;
};
std::unique_ptr<System> FactsTest::system_;
std::string FactsTest::jpeg_;

TEST_F(FactsTest, DocumentsAreJsonThatNobodyKeeps) {
  for (const char* target :
       {"g.jpg?imageAve", "o6.jpg?exif", "g.jpg?blurhash", "g.jpg?thumbhash", "g.jpg?palette",
        "g.jpg?phash", "g.jpg?imageView2/2/w/100%7Ccompare"}) {
    const HttpReply reply = get(target);
    ASSERT_EQ(reply.status, 200) << target << ": " << reply.body;
    EXPECT_EQ(reply.header("content-type"), "application/json");
    EXPECT_EQ(reply.header("cache-control"), "no-store");
    EXPECT_TRUE(nlohmann::json::parse(reply.body).is_object()) << reply.body;
  }
}

TEST_F(FactsTest, HashesRideOnThePicture) {
  const HttpReply reply =
      get("g.jpg?imageView2/2/w/100%7Cblurhash/as/header%7Cthumbhash/as/header");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(decode(reply.body).width, 100);
  EXPECT_EQ(reply.header("x-millrace-blurhash").size(), 28U);
  EXPECT_GE(reply.header("x-millrace-thumbhash").size(), 24U);
  const HttpReply again =
      get("g.jpg?imageView2/2/w/100%7Cblurhash/as/header%7Cthumbhash/as/header");
  EXPECT_EQ(again.header("x-millrace-cache"), "hit");
  EXPECT_EQ(again.header("x-millrace-blurhash"), reply.header("x-millrace-blurhash"));
  EXPECT_EQ(get("g.jpg?blurhash/as/header").body, jpeg_);
}

TEST_F(FactsTest, Case38RoundPicIsAPngWithTransparentCorners) {
  const HttpReply reply = get("g.jpg?roundPic/radius/!50p");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/png");
  const Picture picture = decode(reply.body);
  EXPECT_EQ(picture.width, 640);
  EXPECT_EQ(picture.height, 427);
  EXPECT_TRUE(picture.has_alpha);
  EXPECT_EQ(picture.rgb[0], 255) << "on white, a corner is white";
  EXPECT_EQ(get("g.jpg?roundPic").status, 400);
}

TEST_F(FactsTest, ImageslimIsSmallerAndLooksTheSame) {
  const HttpReply reply = get("g.jpg?imageslim");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/jpeg");
  EXPECT_LT(reply.body.size(), jpeg_.size());
  EXPECT_EQ(reply.header("x-millrace-slim").substr(0, 5), "ssim=");
  EXPECT_LT(perceptual_distance(decode(reply.body), decode(jpeg_)), 2.0);
}

TEST_F(FactsTest, QrcodeOfTheUrlThatTheClientWrote) {
  const HttpReply reply = get("g.jpg?qrcode");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/png");
  EXPECT_EQ(read_code(reply.body), "http://127.0.0.1/photos/g.jpg");
  // The same object by another name is another code, and neither is taken for the other.
  RawConnection connection(system_->media_port());
  ASSERT_TRUE(connection.send(
      "GET /photos/g.jpg?qrcode HTTP/1.1\r\nHost: media.example\r\nConnection: close\r\n\r\n"));
  const HttpReply other = connection.read_reply().value_or(HttpReply{});
  ASSERT_EQ(other.status, 200) << other.body;
  EXPECT_EQ(read_code(other.body), "http://media.example/photos/g.jpg");
  EXPECT_NE(other.header("etag"), reply.header("etag"));
  const HttpReply again = get("g.jpg?qrcode");
  EXPECT_EQ(again.body, reply.body);
  EXPECT_EQ(again.header("x-millrace-cache"), "hit");
}

TEST_F(FactsTest, QrcodeOfAFileThatIsNoPicture) {
  const HttpReply url = get("cards/lin%20wei.vcf?qrcode/0/level/M&attname=code.png");
  ASSERT_EQ(url.status, 200) << url.body;
  EXPECT_EQ(read_code(url.body), "http://127.0.0.1/photos/cards/lin%20wei.vcf");
  const HttpReply content = get("cards/lin%20wei.vcf?qrcode/1");
  ASSERT_EQ(content.status, 200) << content.body;
  EXPECT_EQ(read_code(content.body), kCard);
  EXPECT_EQ(get("cards/lin%20wei.vcf?imageInfo").status, 415) << "for others it is still none";
  EXPECT_EQ(get("g.jpg?qrcode/1").status, 400) << "too many bytes";
}

TEST_F(FactsTest, NobodyMakesCodesOfWhatHeLikes) {
  const HttpReply reply = get("g.jpg?qrcode/0/url/aHR0cDovL2V2aWwuZXhhbXBsZS8=");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(nlohmann::json::parse(reply.body)["reason"], "bad_parameter");
}

}  // namespace
}  // namespace millrace::test
