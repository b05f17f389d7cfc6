// SPDX-License-Identifier: Apache-2.0
#include "storage/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/bucket_set.h"
#include "tests/storage/temp_folder.h"

namespace millrace::storage {
namespace {

using testing::HasSubstr;

std::string load(StorageConfig& config, const std::string& yaml) {
  const auto loaded =
      base::load_config(yaml, {}, [&config](base::ConfigBinder& b) { config.bind(b); });
  return loaded ? "" : loaded.error().public_message;
}
std::string load(const std::string& yaml) {
  StorageConfig config;
  return load(config, yaml);
}

TEST(StorageConfigTest, ReadsBucketsOfBothKinds) {
  StorageConfig config;
  EXPECT_EQ(load(config,
                 "buckets:\n"
                 "  photos:\n    folder: /srv/photos\n"
                 "  films.v2:\n    kind: http\n    origin: https://films.example/a\n"
                 "    read_timeout_ms_max: 500\n"),
            "");
  ASSERT_EQ(config.buckets.size(), 2U);
  EXPECT_EQ(config.buckets.at("photos").kind, "local");
  EXPECT_EQ(config.buckets.at("photos").folder, "/srv/photos");
  EXPECT_EQ(config.buckets.at("films.v2").read_timeout, std::chrono::milliseconds(500));
}

TEST(StorageConfigTest, RefusesWhatCannotBeMeant) {
  EXPECT_THAT(load("buckets: {photos: {}}"), HasSubstr("needs a folder"));
  EXPECT_THAT(load("buckets: {photos: {folder: /a, origin: \"http://b\"}}"),
              HasSubstr("kind http"));
  EXPECT_THAT(load("buckets: {photos: {kind: http}}"), HasSubstr("no origin"));
  EXPECT_THAT(load("buckets: {photos: {kind: http, origin: \"http://b\", folder: /a}}"),
              HasSubstr("kind local"));
  EXPECT_THAT(load("buckets: {photos: {kind: ftp, folder: /a}}"), HasSubstr("local"));
  EXPECT_THAT(load("buckets: {\"a/b\": {folder: /a}}"), HasSubstr("no bucket name"));
  EXPECT_THAT(load("buckets: {photos: {folder: /a, colour: red}}"), HasSubstr("colour"));
}

TEST(BucketNameTest, IsOneSegmentOfAPath) {
  for (const char* good : {"a", "photos", "Photos-2_b.c", "9"}) EXPECT_TRUE(is_bucket_name(good));
  for (const char* bad : {"", ".", "..", "-a", ".a", "a/b", "a b", "a%2f", "\xc3\xa4"}) {
    EXPECT_FALSE(is_bucket_name(bad)) << bad;
  }
  EXPECT_FALSE(is_bucket_name(std::string(64, 'a')));
}

TEST(OriginTest, IsTakenApart) {
  const auto plain = parse_origin("http://images.internal");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->endpoint.host, "images.internal");
  EXPECT_EQ(plain->endpoint.port, 80);
  EXPECT_FALSE(plain->endpoint.tls);
  EXPECT_EQ(plain->prefix, "");

  const auto full = parse_origin("https://[::1]:8443/a/b%20c//");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->endpoint.host, "::1");
  EXPECT_EQ(full->endpoint.port, 8443);
  EXPECT_TRUE(full->endpoint.tls);
  EXPECT_EQ(full->prefix, "/a/b%20c");

  EXPECT_EQ(parse_origin("https://a.example/").value().endpoint.port, 443);
  EXPECT_EQ(parse_origin("https://[2001:db8::1]").value().endpoint.port, 443);
}

TEST(OriginTest, RefusesWhatIsNone) {
  for (const char* bad : {"",
                          "images.internal",
                          "ftp://a",
                          "HTTP://a",
                          "http://",
                          "http:///a",
                          "http://a:0",
                          "http://a:70000",
                          "http://a:b",
                          "http://user@a",
                          "http://user:word@a/b",
                          "http://a/?q",
                          "http://a#f",
                          "http://a?q",
                          "http://a/b c",
                          "http://a/../b",
                          "http://a/./b",
                          "http://a/..",
                          "http://a/\xc3\xa4",
                          "http://unix:/run/a.sock",
                          "http://a/b\r\nHost: c"}) {
    const auto origin = parse_origin(bad);
    ASSERT_FALSE(origin) << bad;
    EXPECT_EQ(origin.error().reason, base::Reason::BadParameter);
  }
}

TEST(CheckBucketsTest, NamesTheBucketThatCannotBeServed) {
  const TempFolder folder;
  std::map<std::string, BucketConfig> buckets;
  buckets["good"].folder = folder.path();
  EXPECT_TRUE(check_buckets(buckets));

  buckets["bad"].folder = folder / "absent";
  auto checked = check_buckets(buckets);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().public_message, HasSubstr("buckets.bad"));

  BucketConfig& bad = buckets["bad"];
  bad = BucketConfig();
  bad.kind = "http";
  bad.origin = "http://a.example";
  bad.ca_file = folder / "absent";
  checked = check_buckets(buckets);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().public_message, HasSubstr("ca_file"));
}

}  // namespace
}  // namespace millrace::storage
