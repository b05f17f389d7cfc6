// SPDX-License-Identifier: Apache-2.0
// Marks on pictures, through the whole product.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/crypto.h"
#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

using base::base64url_encode;

class WatermarkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>();
    ASSERT_TRUE(system_->ready()) << system_->log();
    jpeg_ = encode_jpeg(make_picture(320, 240, 1), 95);
    system_->add_photo("g.jpg", jpeg_);
    system_->add_photo("logo.jpg", encode_jpeg(make_picture(91, 61, 2), 90));
    system_->add_photo("wall.jpg", encode_jpeg(make_picture(640, 480, 3), 90));
  }
  static void TearDownTestSuite() { system_.reset(); }

  static HttpReply get(const std::string& pipeline) {
    return system_->get("/photos/g.jpg?" + pipeline);
  }
  static std::string logo(const std::string& key) {
    return base64url_encode("kodo://photos/" + key);
  }
  static std::unique_ptr<System> system_;
  static std::string jpeg_;
};
std::unique_ptr<System> WatermarkTest::system_;
std::string WatermarkTest::jpeg_;

TEST_F(WatermarkTest, WritesTextInTheWorkersOfARunningFleet) {
  for (const char* text : {"Millrace", "图片水印", "مرحبا", "\U0001F600"}) {
    const HttpReply reply =
        get("watermark/2/text/" + base64url_encode(text) + "/fontsize/1200/q/95!");
    ASSERT_EQ(reply.status, 200) << text << reply.body;
    EXPECT_EQ(reply.header("content-type"), "image/jpeg");
    const Picture picture = decode(reply.body);
    EXPECT_EQ(picture.width, 320);
    EXPECT_EQ(picture.height, 240);
    EXPECT_GT(perceptual_distance(picture, decode(jpeg_)), 0.3) << text;
  }
}

TEST_F(WatermarkTest, PutsOnAPictureOfABucket) {
  const HttpReply reply = get("watermark/1/image/" + logo("logo.jpg") + "/ws/0.5");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(decode(reply.body).width, 320);
  EXPECT_GT(perceptual_distance(decode(reply.body), decode(jpeg_)), 0.3);
  const HttpReply both = get("watermark/3/image/" + logo("logo.jpg") + "/text/" +
                             base64url_encode("样品") + "/gravity/NorthWest");
  EXPECT_EQ(both.status, 200) << both.body;
}

TEST_F(WatermarkTest, APictureSmallerThanTheMarkIsTheAnswerItself) {
  const HttpReply reply = get("watermark/1/image/" + logo("wall.jpg"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, jpeg_);
}

TEST_F(WatermarkTest, RefusesAtTheGatewayWhatNoWorkerCouldDraw) {
  const HttpReply font = get("watermark/2/text/eA==/font/" + base64url_encode("Comic Sans MS"));
  EXPECT_EQ(font.status, 400);
  EXPECT_NE(font.body.find("Noto Sans CJK SC"), std::string::npos) << font.body;
  EXPECT_EQ(get("watermark/2/text/eA==/fontsize/20001").status, 400);
  EXPECT_EQ(get("watermark/2").status, 400);
  EXPECT_EQ(get("watermark/1/image/" + logo("none.jpg")).status, 404);
}

TEST_F(WatermarkTest, IgnoreErrorAnswersWithTheOriginal) {
  const HttpReply reply = get("watermark/2/text/CQ==/ignore-error/1");
  ASSERT_EQ(reply.status, 200) << "a tab";
  EXPECT_EQ(reply.body, jpeg_);
}

}  // namespace
}  // namespace millrace::test
