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
  // Size before the crop; 0: no crop.
  int resized_width = 0;
  int resized_height = 0;
  // Where the crop begins; -1: in the middle.
  int left = -1;
  int top = -1;
  int turned_as = 1;  // by this EXIF orientation, at the end
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
  const bool on_its_side = c.turned_as >= 5;
  const int width = on_its_side ? c.height : c.width;
  const int height = on_its_side ? c.width : c.height;
  const int full_width = c.resized_width == 0 ? width : c.resized_width;
  const int full_height = c.resized_height == 0 ? height : c.resized_height;
  Picture expected = resized(source, full_width, full_height);
  expected = cropped(expected, c.left < 0 ? (full_width - width) / 2 : c.left,
                     c.top < 0 ? (full_height - height) / 2 : c.top, width, height);
  expected = rotated(expected, c.turned_as);
  // Like with like: the variant has been through the default quality of its format. What that takes
  // from a small picture of strong colours is more than two encoders agree on: there it must be as
  // near to the exact picture as the other one's is.
  const Picture exact = expected;
  if (c.format != "png") {
    expected = decode(encode(exact, c.format == "jpeg" ? ".jpg[Q=75]" : ".webp[Q=75]"));
  }
  if (perceptual_distance(got, expected) >= 2.0) {
    EXPECT_LE(perceptual_distance(got, exact), 1.05 * perceptual_distance(expected, exact));
  }
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

constexpr int kW = 640;
constexpr int kH = 427;

INSTANTIATE_TEST_SUITE_P(
    ImageMogr2, ConformanceTest,
    testing::Values(
        Case{16, "o6.jpg?imageMogr2/thumbnail/200x", "jpeg", 200, 300, 0, 0, -1, -1, 8},
        Case{17, "o6.jpg?imageMogr2/auto-orient/thumbnail/200x", "jpeg", 200, 133},
        Case{18, "g.jpg?imageMogr2/thumbnail/!75p", "jpeg", 480, 320},
        Case{19, "g.jpg?imageMogr2/thumbnail/!50p", "jpeg", 320, 214},
        Case{20, "g.jpg?imageMogr2/thumbnail/700x", "jpeg", 700, 467},
        Case{21, "g.jpg?imageMogr2/thumbnail/x467", "jpeg", 700, 467},
        Case{22, "g.jpg?imageMogr2/thumbnail/300x300", "jpeg", 300, 200},
        Case{23, "g.jpg?imageMogr2/thumbnail/!200x200r", "jpeg", 300, 200},
        Case{24, "g.jpg?imageMogr2/thumbnail/200x300!", "jpeg", 200, 300},
        Case{25, "g.jpg?imageMogr2/thumbnail/200x300>", "jpeg", 200, 133},
        Case{125, "g.jpg?imageMogr2/thumbnail/200x300%3E", "jpeg", 200, 133},
        Case{26, "g.jpg?imageMogr2/thumbnail/700x600<", "jpeg", 700, 467},
        Case{27, "g.jpg?imageMogr2/thumbnail/800x600>", "jpeg", kW, kH},
        Case{28, "g.jpg?imageMogr2/thumbnail/350000@", "jpeg", 724, 483},
        Case{29, "g.jpg?imageMogr2/crop/300x", "jpeg", 300, kH, kW, kH, 0, 0},
        Case{30, "g.jpg?imageMogr2/crop/!300x300a30a100", "jpeg", 300, 300, kW, kH, 30, 100},
        Case{31, "g.jpg?imageMogr2/crop/!300x300a30-100", "jpeg", 300, 200, kW, kH, 30, 0},
        Case{32, "g.jpg?imageMogr2/crop/!300x300-30a100", "jpeg", 270, 300, kW, kH, 0, 100},
        Case{33, "g.jpg?imageMogr2/crop/!300x300-30-100", "jpeg", 270, 200, kW, kH, 0, 0},
        Case{34, "g.jpg?imageMogr2/gravity/Center/crop/300x300", "jpeg", 300, 300, kW, kH, 170, 63},
        Case{35, "g.jpg?imageMogr2/gravity/SouthEast/crop/300x300", "jpeg", 300, 300, kW, kH, 340,
             127},
        Case{36, "g.jpg?imageMogr2/rotate/90", "jpeg", kH, kW, 0, 0, -1, -1, 6},
        Case{49, "g.jpg?imageMogr2/thumbnail/!75px", "jpeg", 480, kH}),
    [](const auto& info) { return "Case" + std::to_string(info.param.number); });

TEST_F(ConformanceTest, Case37ACanvasAndABorder) {
  struct Frame {
    const char* target;
    int width;
    int height;
    int around;
  };
  for (const Frame& c :
       {Frame{"/photos/g.jpg?imageMogr2/extent/!642x429/background/cmVk", 642, 429, 1},
        Frame{"/photos/g.jpg?imageMogr2/border/10x10/bordercolor/cmVk", 660, 447, 10}}) {
    const HttpReply reply = system_->get(c.target);
    ASSERT_EQ(reply.status, 200) << reply.body;
    const Picture got = decode(reply.body);
    ASSERT_EQ(got.width, c.width);
    ASSERT_EQ(got.height, c.height);
    EXPECT_GT(got.rgb[0], 200);
    EXPECT_LT(got.rgb[1], 60);
    EXPECT_LT(got.rgb[2], 60);
    const Picture inner = cropped(got, c.around, c.around, kW, kH);
    EXPECT_LT(perceptual_distance(inner, decode(sources_["g.jpg"])), 2.5);
  }
}

TEST_F(ConformanceTest, Case48AStrictSizeThatCannotBeMetGivesTheOriginal) {
  const HttpReply original = system_->get("/photos/g.jpg?imageMogr2/size-limit/1k!");
  ASSERT_EQ(original.status, 200) << original.body;
  EXPECT_EQ(original.body, sources_["g.jpg"]);
  EXPECT_EQ(original.header("content-type"), "image/jpeg");
  EXPECT_EQ(original.header("x-millrace-note"), "size-limit-not-met");
  const HttpReply lighter = system_->get("/photos/g.jpg?imageMogr2/size-limit/15k!");
  ASSERT_EQ(lighter.status, 200) << lighter.body;
  EXPECT_LE(lighter.body.size(), 15U * 1024);
}

TEST_F(ConformanceTest, TheOrderOfTheItemsCountsAndThatOfTheSettingsDoesNot) {
  const auto etag = [](const std::string& items) {
    return system_->get("/photos/g.jpg?imageMogr2/" + items).header("etag");
  };
  EXPECT_EQ(etag("thumbnail/100x/rotate/90/format/png/background/cmVk"),
            etag("background/I0ZGMDAwMA/thumbnail/0100x/format/PNG/rotate/90"));
  EXPECT_NE(etag("thumbnail/100x/rotate/90"), etag("rotate/90/thumbnail/100x"));
}

TEST_F(ConformanceTest, AnImageMogr2ThatFailsGivesTheOriginalWhereThatIsAsked) {
  const HttpReply refused = system_->get("/photos/g.jpg?imageMogr2/crop/!10x10a640a0");
  EXPECT_EQ(refused.status, 400) << refused.body;
  const HttpReply original =
      system_->get("/photos/g.jpg?imageMogr2/crop/!10x10a640a0/ignore-error/1");
  EXPECT_EQ(original.status, 200);
  EXPECT_EQ(original.body, sources_["g.jpg"]);
  EXPECT_NE(original.header("x-millrace-ignored-error"), "");
}

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

TEST_F(ConformanceTest, Case40TheNextCommandTakesTheResult) {
  const HttpReply reply =
      system_->get("/photos/g.jpg?imageView2/1/w/200/h/200%7CimageMogr2/crop/50x50&attname=d.jpg");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.header("content-type"), "image/jpeg");
  EXPECT_EQ(reply.header("content-disposition"), "attachment;filename=\"d.jpg\"");
  const Picture got = decode(reply.body);
  EXPECT_EQ(got.width, 50);
  EXPECT_EQ(got.height, 50);
  const Picture expected = cropped(resized(sources_["g.jpg"], 300, 200), 50, 0, 50, 50);
  EXPECT_LT(perceptual_distance(got, decode(encode(expected, ".jpg[Q=75]"))), 2.5);
}

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

TEST_F(ConformanceTest, FacesAreToldAndCovered) {
  const std::filesystem::path astronaut =
      std::filesystem::path(MILLRACE_SOURCE_DIR) / "sample-bucket" / "astronaut.png";
  ASSERT_TRUE(std::filesystem::exists(astronaut)) << "scripts/fetch-assets.sh brings " << astronaut;
  system_->add_photo("eileen.png", read_file(astronaut));
  const HttpReply told = system_->get("/photos/eileen.png?faces");
  ASSERT_EQ(told.status, 200) << told.body;
  EXPECT_EQ(told.header("content-type"), "application/json");
  EXPECT_EQ(nlohmann::json::parse(told.body).at("faces").size(), 1U);
  const HttpReply covered = system_->get("/photos/eileen.png?redact/faces/by/blur");
  ASSERT_EQ(covered.status, 200) << covered.body;
  EXPECT_EQ(covered.header("x-millrace-faces"), "1");
  const HttpReply after = system_->get("/photos/eileen.png?redact/faces|faces");
  EXPECT_TRUE(nlohmann::json::parse(after.body).at("faces").empty()) << after.body;
  const HttpReply close = system_->get("/photos/eileen.png?facecrop/100x100/zoom/100");
  EXPECT_EQ(close.header("x-millrace-crop"), "face");
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
