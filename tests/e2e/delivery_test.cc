// SPDX-License-Identifier: Apache-2.0
// What a bucket gives out, from outside: conformance cases 44, 45 and 46, the calls that change it,
// what stands in for what is missing, and the format that is chosen for a browser.
#include <csignal>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

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
buckets:
  photos:
    folder: /nowhere
    styles: {thumb: imageView2/2/w/100, auto: imageView2/2/w/120/format/auto}
    separators: "-"
    fallback: system/none.png
  guarded:
    folder: /nowhere
    styles: {thumb: imageView2/2/w/100, leak: imageView2/1/w/9/h/9/ignore-error/1}
    protect_originals: true
  secret:
    folder: /nowhere
    private: true
    owners: [acme]
  told:
    folder: /nowhere
    owners: [acme]
)";

const KeyPair kAcme{"AK", "SK"};
const KeyPair kZoe{"ZK", "ZS"};

class DeliveryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    System::Options options;
    options.config_yaml = kConfig;
    picture_ = encode_jpeg(make_picture(640, 427), 80);
    for (const char* bucket : {"guarded", "secret", "told"}) {
      const auto folder = folder_->path() / bucket;
      std::filesystem::create_directories(folder);
      std::ofstream(folder / "g.jpg", std::ios::binary) << picture_;
      options.buckets[bucket] = folder;
    }
    std::ofstream(folder_->path() / "guarded" / "broken.jpg") << "no picture at all";
    std::ofstream(folder_->path() / "guarded" / "errno-404") << "<p>not here</p>";
    system_ = std::make_unique<System>(options);
    ASSERT_TRUE(system_->ready()) << system_->log();
    system_->add_photo("g.jpg", picture_);
    system_->add_photo("system/none.png", encode(make_picture(320, 320), ".png"));
  }
  static void TearDownTestSuite() {
    system_.reset();
    folder_.reset();
  }

  // POST on the api port, signed by the older scheme.
  static HttpReply call(const std::string& target, const KeyPair& key = kAcme) {
    const std::string signature_text = signature(key.secret, target + "\n");
    return fetch(system_->api_port(), target,
                 {{"Authorization", "QBox " + key.access + ":" + signature_text}}, "POST");
  }

  static std::unique_ptr<TempDir> folder_;
  static std::unique_ptr<System> system_;
  static std::string picture_;
};
std::unique_ptr<TempDir> DeliveryTest::folder_;
std::unique_ptr<System> DeliveryTest::system_;
std::string DeliveryTest::picture_;

TEST_F(DeliveryTest, Case44AStyleIsShortForItsPipeline) {
  const HttpReply style = system_->get("/photos/g.jpg-thumb");
  ASSERT_EQ(style.status, 200) << style.body;
  const Picture got = decode(style.body);
  EXPECT_EQ(got.format, "jpeg");
  EXPECT_EQ(got.width, 100);
  EXPECT_EQ(got.height, 67);
  const HttpReply pipeline = system_->get("/photos/g.jpg?imageView2/2/w/100");
  EXPECT_EQ(pipeline.header("etag"), style.header("etag"));
  EXPECT_EQ(pipeline.header("x-millrace-cache"), "hit");
  EXPECT_EQ(pipeline.body, style.body);
  EXPECT_EQ(system_->get("/photos/g.jpg-nosuch").header("x-millrace-fallback"), "1")
      << "no style, and no such key";
}

TEST_F(DeliveryTest, Case45ProtectedOriginalsAreGivenOutAsStylesOnly) {
  for (const char* target : {"/guarded/g.jpg", "/guarded/g.jpg?imageView2/2/w/100",
                             "/guarded/g.jpg?imageInfo", "/guarded/g.jpg-nosuch"}) {
    const HttpReply refused = system_->get(target);
    EXPECT_EQ(refused.status, 403) << target;
    EXPECT_EQ(reason_of(refused), "original_protected");
  }
  const HttpReply style = system_->get("/guarded/g.jpg-thumb");
  ASSERT_EQ(style.status, 200) << style.body;
  EXPECT_EQ(decode(style.body).width, 100);
  EXPECT_EQ(decode(style.body).height, 67);
}

TEST_F(DeliveryTest, AStyleThatFailsGivesOutNoProtectedOriginal) {
  const HttpReply refused = system_->get("/guarded/broken.jpg-leak");
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_EQ(reason_of(refused), "original_protected");
}

TEST_F(DeliveryTest, Case46APrivateBucketWantsAToken) {
  for (const char* target : {"/secret/g.jpg", "/secret/none.jpg", "/secret/g.jpg?imageInfo"}) {
    const HttpReply refused = system_->get(target);
    EXPECT_EQ(refused.status, 401) << target;
    EXPECT_EQ(reason_of(refused), "token_missing");
  }
  const HttpReply original = system_->get(signed_target("/secret/g.jpg", kAcme));
  EXPECT_EQ(original.status, 200) << original.body;
  EXPECT_EQ(original.body, picture_);
  const HttpReply variant = system_->get(signed_target("/secret/g.jpg?imageView2/2/w/100", kAcme));
  EXPECT_EQ(variant.status, 200) << variant.body;
  EXPECT_EQ(variant.header("cache-control").rfind("private", 0), 0U);
}

TEST_F(DeliveryTest, WhatIsMissingHasItsStandIns) {
  const HttpReply variant = system_->get("/photos/gone.jpg?imageView2/1/w/40/h/30");
  ASSERT_EQ(variant.status, 200) << variant.body;
  EXPECT_EQ(variant.header("x-millrace-fallback"), "1");
  EXPECT_EQ(variant.header("cache-control"), "public, max-age=1");
  EXPECT_EQ(decode(variant.body).width, 40);
  EXPECT_EQ(decode(variant.body).height, 30);
  EXPECT_EQ(decode(system_->get("/photos/gone.jpg").body).width, 320);
  EXPECT_EQ(system_->get("/photos/gone.jpg?imageInfo").status, 404);
  const HttpReply page = system_->get("/guarded/gone.jpg-thumb");
  EXPECT_EQ(page.status, 404);
  EXPECT_EQ(page.body, "<p>not here</p>");
}

TEST_F(DeliveryTest, WhatIsSetOverTheApiHoldsAfterACrash) {
  const std::string thumb =
      "/style/told/name/" + base64url("thumb") + "/style/" + base64url("imageView2/2/w/100");
  EXPECT_EQ(reason_of(fetch(system_->api_port(), thumb, {}, "POST")), "token_missing");
  EXPECT_EQ(reason_of(call(thumb, kZoe)), "token_invalid");
  EXPECT_EQ(
      reason_of(call("/style/told/name/" + base64url("x") + "/style/" + base64url("nosuch/1"))),
      "unknown_command");
  EXPECT_EQ(system_->get("/told/g.jpg!thumb").status, 404);
  ASSERT_EQ(call(thumb).status, 200);
  ASSERT_EQ(call("/separator/told/sep/" + base64url("!")).status, 200);
  ASSERT_EQ(call("/accessMode/told/mode/1").status, 200);
  const auto holds = [] {
    return system_->get("/told/g.jpg!thumb").status == 200 &&
           system_->get("/told/g.jpg").status == 403;
  };
  EXPECT_TRUE(holds());
  const auto gateways = system_->pids_of("millrace-gateway");
  ASSERT_EQ(gateways.size(), 1U);
  ASSERT_EQ(::kill(gateways.front(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] {
    const auto now = system_->pids_of("millrace-gateway");
    return now.size() == 1 && now.front() != gateways.front() && holds();
  })) << system_->log();
  EXPECT_EQ(call("/unstyle/told/name/" + base64url("thumb")).status, 200);
  EXPECT_EQ(system_->get("/told/g.jpg!thumb").status, 403);
  EXPECT_EQ(call("/accessMode/told/mode/0").status, 200);
  EXPECT_EQ(system_->get("/told/g.jpg").body, picture_);
}

TEST_F(DeliveryTest, BrowsersGetTheFormatThatTheyName) {
  const FieldList chrome = {
      {"Accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}};
  const FieldList safari = {
      {"Accept",
       "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,"
       "image/svg+xml,image/*;q=0.8,*/*;q=0.5"}};
  const FieldList older = {{"Accept", "image/webp,*/*"}};
  const std::string target = "/photos/g.jpg?imageView2/2/w/120/format/auto";
  const HttpReply first = system_->get(target, chrome);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.header("content-type"), "image/avif");
  EXPECT_EQ(first.header("vary"), "Accept");
  const HttpReply same = system_->get("/photos/g.jpg-auto", safari);
  EXPECT_EQ(same.header("etag"), first.header("etag")) << "one entry for both";
  EXPECT_EQ(same.header("x-millrace-cache"), "hit");
  EXPECT_EQ(system_->get(target, older).header("content-type"), "image/webp");
  const HttpReply plain = system_->get(target);
  EXPECT_EQ(plain.header("content-type"), "image/jpeg");
  EXPECT_EQ(plain.header("vary"), "Accept");
  EXPECT_NE(plain.header("etag"), first.header("etag"));
  EXPECT_EQ(decode(plain.body).width, 120);
  const HttpReply unchanged =
      system_->get(target, {chrome.front(), {"If-None-Match", first.header("etag")}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.header("vary"), "Accept");
}

TEST_F(DeliveryTest, TheBestFormatIsLookedForAmongThoseThatTheBrowserNames) {
  const std::string target = "/photos/g.jpg?imageView2/2/w/240/format/best";
  const FieldList chrome = {
      {"Accept", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}};
  const HttpReply first = system_->get(target, chrome);
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.header("vary"), "Accept");
  EXPECT_EQ(first.header("x-millrace-quality").substr(0, 2), "q=");
  EXPECT_NE(first.header("x-millrace-quality").find(" ssim=0.9"), std::string::npos);
  // At the same likeness none of those in question is smaller.
  for (const char* format : {"jpg", "webp", "avif"}) {
    const HttpReply other =
        system_->get("/photos/g.jpg?imageView2/2/w/240/q/auto/format/" + std::string(format));
    ASSERT_EQ(other.status, 200) << other.body;
    EXPECT_LE(first.body.size(), other.body.size()) << format;
  }
  const HttpReply named = system_->get("/photos/g.jpg?imageView2/2/w/240/format/best.avif.webp");
  EXPECT_EQ(named.header("etag"), first.header("etag")) << "one entry, whoever names the set";
  EXPECT_EQ(named.header("x-millrace-cache"), "hit");
  EXPECT_EQ(named.header("vary"), "");
  const HttpReply plain = system_->get(target, {{"Accept", "image/*,*/*"}});
  EXPECT_EQ(plain.header("content-type"), "image/jpeg");
  EXPECT_EQ(plain.header("vary"), "Accept");
  EXPECT_NE(plain.header("etag"), first.header("etag"));
}

TEST_F(DeliveryTest, WhatDoesNotFitIntoItsBytesIsRefused) {
  const HttpReply fits = system_->get("/photos/g.jpg?imageView2/2/w/240/max-bytes/6k");
  ASSERT_EQ(fits.status, 200) << fits.body;
  EXPECT_LE(fits.body.size(), 6U * 1024);
  const HttpReply refused = system_->get("/photos/g.jpg?imageView2/2/w/240/max-bytes/100");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(reason_of(refused), "result_too_large");
}

}  // namespace
}  // namespace millrace::test
