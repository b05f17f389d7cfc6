// SPDX-License-Identifier: Apache-2.0
// The conformance cases of the command language that exist so far: by size and format, and by
// perceptual distance against what libvips makes of the same source.
#include <memory>
#include <ostream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

struct Case {
  int number;
  std::string target;  // under /photos/
  std::string format;  // libvips' word
  int width;
  int height;
  // Size before the centre crop; 0: no crop.
  int resized_width = 0;
  int resized_height = 0;
};
void PrintTo(const Case& c, std::ostream* out) { *out << "case " << c.number << " " << c.target; }

class ConformanceTest : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>();
    ASSERT_TRUE(system_->ready()) << system_->log();
    sources_["g.jpg"] = encode_jpeg(make_picture(640, 427, 1), 80);
    sources_["p.jpg"] = encode_jpeg(make_picture(427, 640, 2), 80);
    sources_["k.jpg"] = encode_jpeg(make_picture(1000, 500, 3), 80);
    sources_["o6.jpg"] = encode_jpeg(make_picture(427, 640, 4), 80, 6);
    for (const auto& [key, bytes] : sources_) system_->add_photo(key, bytes);
  }
  static void TearDownTestSuite() { system_.reset(); }

  static std::unique_ptr<System> system_;
  static std::map<std::string, std::string> sources_;
};
std::unique_ptr<System> ConformanceTest::system_;
std::map<std::string, std::string> ConformanceTest::sources_;

TEST_P(ConformanceTest, GivesThePictureOfTheTable) {
  const Case& c = GetParam();
  const HttpReply reply = system_->get("/photos/" + c.target);
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/" + c.format);
  EXPECT_NE(reply.header("etag"), "");
  EXPECT_NE(reply.header("x-reqid"), "");
  EXPECT_NE(reply.header("server-timing").find("work"), std::string::npos);
  EXPECT_EQ(reply.header("access-control-allow-origin"), "*");
  const Picture got = decode(reply.body);
  EXPECT_EQ(got.format, c.format);
  ASSERT_EQ(got.width, c.width);
  ASSERT_EQ(got.height, c.height);

  const std::string& source = sources_.at(c.target.substr(0, c.target.find('?')));
  const int full_width = c.resized_width == 0 ? c.width : c.resized_width;
  const int full_height = c.resized_height == 0 ? c.height : c.resized_height;
  Picture expected = resized(source, full_width, full_height);
  expected = cropped(expected, (full_width - c.width) / 2, (full_height - c.height) / 2, c.width,
                     c.height);
  // Like with like: the variant has been through the default quality of its format.
  if (c.format != "png") {
    expected = decode(encode(expected, c.format == "jpeg" ? ".jpg[Q=75]" : ".webp[Q=75]"));
  }
  EXPECT_LT(perceptual_distance(got, expected), 2.0);
  // And it can tell: upside down is far away.
  EXPECT_GT(perceptual_distance(rotated(got, 3), expected), 8.0);
}

INSTANTIATE_TEST_SUITE_P(
    ImageView2, ConformanceTest,
    testing::Values(Case{1, "g.jpg?imageView2/1/w/200/h/200", "jpeg", 200, 200, 300, 200},
                    Case{2, "g.jpg?imageView2/2/w/200", "jpeg", 200, 133},
                    Case{3, "g.jpg?imageView2/2/h/200", "jpeg", 300, 200},
                    Case{4, "g.jpg?imageView2/0/w/48/h/48", "jpeg", 48, 32},
                    Case{5, "p.jpg?imageView2/0/w/200/h/100", "jpeg", 100, 150},
                    Case{6, "g.jpg?imageView2/1/w/200", "jpeg", 200, 200, 300, 200},
                    Case{7, "g.jpg?imageView2/2/w/1000/h/1000", "jpeg", 640, 427},
                    Case{8, "g.jpg?imageView2/3/w/200/h/200", "jpeg", 300, 200},
                    Case{9, "p.jpg?imageView2/4/w/300/h/200", "jpeg", 200, 300},
                    Case{10, "g.jpg?imageView2/5/w/200", "jpeg", 200, 200, 300, 200},
                    Case{11, "k.jpg?imageView2/1/w/500/h/400", "jpeg", 500, 400, 800, 400},
                    Case{12, "k.jpg?imageView2/2/w/500/h/400", "jpeg", 500, 250},
                    Case{13, "k.jpg?imageView2/3/w/500/h/400", "jpeg", 800, 400},
                    Case{14, "g.jpg?imageView2/2/w/200/format/png/interlace/1", "png", 200, 133},
                    Case{15, "o6.jpg?imageView2/2/w/200", "jpeg", 200, 133},
                    Case{114, "g.jpg?imageView2/2/w/200/format/webp", "webp", 200, 133},
                    Case{115, "g.jpg?imageView2/2/w/200/", "jpeg", 200, 133}),
    [](const auto& info) { return "Case" + std::to_string(info.param.number); });

TEST_F(ConformanceTest, Case39ImageInfoIsJsonThatNobodyKeeps) {
  const HttpReply reply = system_->get("/photos/g.jpg?imageInfo");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "application/json");
  EXPECT_EQ(reply.header("cache-control"), "no-store");
  const auto json = nlohmann::json::parse(reply.body);
  EXPECT_EQ(json.at("format"), "jpeg");
  EXPECT_EQ(json.at("width"), 640);
  EXPECT_EQ(json.at("height"), 427);
  EXPECT_EQ(json.at("colorModel"), "ycbcr");
}

// With imageView2 as the second command: case 40's own second command is not part of the language
// yet.
TEST_F(ConformanceTest, Case40PipesAndAttachmentName) {
  const HttpReply reply = system_->get(
      "/photos/g.jpg?imageView2/1/w/200/h/200%7CimageView2/1/w/50/h/50/format/png&attname=d.jpg");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-disposition"), "attachment;filename=\"d.jpg\"");
  const Picture got = decode(reply.body);
  EXPECT_EQ(got.width, 50);
  EXPECT_EQ(got.height, 50);
  const Picture first = cropped(resized(sources_["g.jpg"], 300, 200), 50, 0, 200, 200);
  EXPECT_LT(perceptual_distance(got, resized(encode(first, ".png"), 50, 50)), 2.5);
  const HttpReply raw_bar =
      system_->get("/photos/g.jpg?imageView2/1/w/200/h/200|imageView2/1/w/50/h/50/format/png");
  EXPECT_EQ(raw_bar.body, reply.body);
  EXPECT_EQ(raw_bar.header("etag"), reply.header("etag"));
}

struct Refusal {
  std::string target;
  int status;
  std::string reason;
};
TEST_F(ConformanceTest, Cases41To43AreRefusedWithStatusReasonAndSentence) {
  for (const Refusal& c : {Refusal{"/photos/g.jpg?imageView2/9/w/1", 400, "bad_parameter"},
                           Refusal{"/photos/none.jpg?imageInfo", 404, "no_key"},
                           Refusal{"/photos/g.jpg?nosuchfop", 400, "unknown_command"}}) {
    const HttpReply reply = system_->get(c.target);
    EXPECT_EQ(reply.status, c.status) << c.target;
    EXPECT_EQ(reply.header("content-type"), "application/json");
    EXPECT_EQ(reply.header("cache-control"), "no-store");
    const auto json = nlohmann::json::parse(reply.body);
    EXPECT_EQ(json.at("code"), c.status);
    EXPECT_EQ(json.at("reason"), c.reason);
    EXPECT_GT(json.at("error").get<std::string>().size(), 10U);
    EXPECT_EQ(json.at("request_id"), reply.header("x-reqid"));
  }
}

TEST_F(ConformanceTest, Case47FacecropLargerThanTheSource) {
  const HttpReply refused = system_->get("/photos/g.jpg?facecrop2/800x200");
  EXPECT_GE(refused.status, 400);
  EXPECT_LT(refused.status, 500) << refused.body;
  const HttpReply original = system_->get("/photos/g.jpg?facecrop2/800x200/ignore-error/1");
  EXPECT_EQ(original.status, 200);
  EXPECT_EQ(original.body, sources_["g.jpg"]);
  EXPECT_NE(original.header("x-millrace-ignored-error"), "");
}

TEST_F(ConformanceTest, FacecropFindsTheAstronautAndSaysSo) {
  const std::filesystem::path astronaut =
      std::filesystem::path(MILLRACE_SOURCE_DIR) / "sample-bucket" / "astronaut.png";
  ASSERT_TRUE(std::filesystem::exists(astronaut)) << "scripts/fetch-assets.sh brings " << astronaut;
  system_->add_photo("astronaut.png", read_file(astronaut));
  const HttpReply reply = system_->get("/photos/astronaut.png?facecrop/200x200");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("x-millrace-crop"), "face");
  const Picture got = decode(reply.body);
  EXPECT_EQ(got.width, 200);
  EXPECT_EQ(got.height, 200);
  const HttpReply faceless = system_->get("/photos/g.jpg?facecrop/100x100");
  ASSERT_EQ(faceless.status, 200) << faceless.body;
  EXPECT_EQ(faceless.header("x-millrace-crop"), "attention");
}

TEST_F(ConformanceTest, TheSameVariantAgainIsCachedAndConditional) {
  const std::string target = "/photos/k.jpg?imageView2/2/w/321";
  const HttpReply first = system_->get(target);
  ASSERT_EQ(first.status, 200);
  const HttpReply second = system_->get(target);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.header("etag"), first.header("etag"));
  EXPECT_EQ(second.header("x-millrace-cache"), "hit");
  EXPECT_NE(first.header("cache-control").find("max-age=31536000"), std::string::npos);
  const HttpReply unchanged = system_->get(target, {{"If-None-Match", first.header("etag")}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");
  EXPECT_EQ(unchanged.header("etag"), first.header("etag"));
  const HttpReply head = system_->get(target, {}, "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), std::to_string(first.body.size()));
}

}  // namespace
}  // namespace millrace::test
