// SPDX-License-Identifier: Apache-2.0
// Without a pipeline the original itself: Range, HEAD, conditional requests.
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/system.h"
#include "tests/support/picture.h"

namespace millrace::test {
namespace {

class OriginalsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>();
    ASSERT_TRUE(system_->ready()) << system_->log();
    picture_ = encode_jpeg(make_picture(640, 427), 80);
    system_->add_photo("dir/a picture.jpg", picture_);
    for (int i = 0; i < 3'000'000; ++i) large_ += static_cast<char>('a' + i % 23);
    system_->add_photo("large.bin", large_);
  }
  static void TearDownTestSuite() { system_.reset(); }
  static std::unique_ptr<System> system_;
  static std::string picture_;
  static std::string large_;
};
std::unique_ptr<System> OriginalsTest::system_;
std::string OriginalsTest::picture_;
std::string OriginalsTest::large_;

TEST_F(OriginalsTest, BytesTypeAndValidators) {
  const HttpReply reply = system_->get("/photos/dir/a%20picture.jpg");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_EQ(reply.body, picture_);
  EXPECT_EQ(reply.header("content-type"), "image/jpeg");
  EXPECT_EQ(reply.header("accept-ranges"), "bytes");
  EXPECT_NE(reply.header("etag"), "");
  EXPECT_NE(reply.header("last-modified"), "");
  EXPECT_EQ(system_->get("/photos/large.bin").body, large_);
}

TEST_F(OriginalsTest, Ranges) {
  const HttpReply middle = system_->get("/photos/large.bin", {{"Range", "bytes=1000000-1999999"}});
  EXPECT_EQ(middle.status, 206);
  EXPECT_EQ(middle.header("content-range"), "bytes 1000000-1999999/3000000");
  EXPECT_EQ(middle.body, large_.substr(1'000'000, 1'000'000));
  const HttpReply tail = system_->get("/photos/large.bin", {{"Range", "bytes=-5"}});
  EXPECT_EQ(tail.status, 206);
  EXPECT_EQ(tail.body, large_.substr(large_.size() - 5));
  const HttpReply open = system_->get("/photos/large.bin", {{"Range", "bytes=2999990-"}});
  EXPECT_EQ(open.status, 206);
  EXPECT_EQ(open.body, large_.substr(2'999'990));
  const HttpReply beyond = system_->get("/photos/large.bin", {{"Range", "bytes=3000000-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.header("content-range"), "bytes */3000000");
  EXPECT_EQ(system_->get("/photos/large.bin", {{"Range", "lines=1-2"}}).status, 200);
}

// The road on which an answer is kept at every stage: by the node, and by the gateway before it.
TEST_F(OriginalsTest, AVariantThatIsAskedForAllTheTimeFollowsItsOriginal) {
  const auto info = [] { return system_->get("/photos/hot.jpg?imageInfo"); };
  const auto says = [&info](const std::string& word) {
    return info().body.find(word) != std::string::npos;
  };
  system_->add_photo("hot.jpg", encode_jpeg(make_picture(320, 200), 80));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(info().status, 200);
  EXPECT_TRUE(says("\"width\":320"));
  const HttpReply metrics = fetch(system_->ops_port(), "/metrics");
  const std::string series = "\nmillrace_gateway_hot_answers_total ";
  const auto at = metrics.body.find(series);
  ASSERT_NE(at, std::string::npos);
  EXPECT_GT(std::stod(metrics.body.substr(at + series.size())), 0) << "nothing was kept";
  system_->add_photo("hot.jpg", encode_jpeg(make_picture(200, 320), 80));
  EXPECT_TRUE(eventually([&says] { return says("\"width\":200"); }, std::chrono::seconds(20)));
  EXPECT_FALSE(says("\"width\":320"));
}

TEST_F(OriginalsTest, HeadHasTheSameFieldsAndNoBody) {
  const HttpReply reply = system_->get("/photos/large.bin", {}, "HEAD");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.header("content-length"), "3000000");
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(system_->get("/photos/none.bin", {}, "HEAD").status, 404);
}

TEST_F(OriginalsTest, ConditionalRequests) {
  const HttpReply first = system_->get("/photos/large.bin", {}, "HEAD");
  const std::string etag = first.header("etag");
  EXPECT_EQ(system_->get("/photos/large.bin", {{"If-None-Match", etag}}).status, 304);
  EXPECT_EQ(system_->get("/photos/large.bin", {{"If-None-Match", "\"other\""}}).status, 200);
  EXPECT_EQ(
      system_->get("/photos/large.bin", {{"If-Modified-Since", first.header("last-modified")}})
          .status,
      304);
  EXPECT_EQ(system_->get("/photos/large.bin", {{"Range", "bytes=0-9"}, {"If-Range", etag}}).status,
            206);
  EXPECT_EQ(
      system_->get("/photos/large.bin", {{"Range", "bytes=0-9"}, {"If-Range", "\"old\""}}).status,
      200);
}

TEST_F(OriginalsTest, NothingOutsideTheFolderIsReached) {
  const auto outside = system_->photos().parent_path() / "secret.txt";
  std::ofstream(outside) << "secret";
  std::filesystem::create_symlink(outside, system_->photos() / "link.txt");
  std::filesystem::create_symlink("large.bin", system_->photos() / "inside.bin");
  for (const char* target :
       {"/photos/link.txt", "/photos/../secret.txt", "/photos/%2e%2e/secret.txt",
        "/photos/..%2fsecret.txt", "/photos/dir/../../secret.txt", "/photos/%2fetc/passwd",
        "/photos//etc/passwd", "/photos/dir"}) {
    const HttpReply reply = system_->get(target);
    EXPECT_TRUE(reply.status == 404 || reply.status == 400) << target << " gave " << reply.status;
    EXPECT_EQ(reply.body.find("secret\n"), std::string::npos);
  }
  EXPECT_EQ(system_->get("/photos/inside.bin").body, large_);
}

TEST_F(OriginalsTest, AttachmentNames) {
  const HttpReply named = system_->get("/photos/large.bin?attname=x%22y.bin");
  EXPECT_EQ(named.status, 200);
  EXPECT_TRUE(named.header("content-disposition").starts_with("attachment;filename="))
      << named.header("content-disposition");
  const HttpReply own = system_->get("/photos/dir/a%20picture.jpg?attname=");
  EXPECT_NE(own.header("content-disposition").find("a picture.jpg"), std::string::npos);
}

TEST_F(OriginalsTest, AChangedOriginalIsSeen) {
  system_->add_photo("changing.jpg", encode_jpeg(make_picture(300, 200, 1), 80));
  const HttpReply before = system_->get("/photos/changing.jpg?imageView2/2/w/60");
  ASSERT_EQ(before.status, 200) << before.body;
  system_->add_photo("changing.jpg", encode_jpeg(make_picture(300, 200, 7), 80));
  EXPECT_TRUE(eventually([&] {
    return system_->get("/photos/changing.jpg?imageView2/2/w/60").header("etag") !=
           before.header("etag");
  }));
}

}  // namespace
}  // namespace millrace::test
