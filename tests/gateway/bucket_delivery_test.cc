// SPDX-License-Identifier: Apache-2.0
#include "gateway/bucket_delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

using base::Reason;
using testing::HasSubstr;

BucketDelivery bucket_with(const std::string& separators) {
  BucketDelivery bucket;
  bucket.separators = separators;
  bucket.styles = {{"thumb", "imageView2/2/w/100"}, {"big", "imageView2/2/w/1000"}};
  return bucket;
}

// "<key>?<pipeline>" of what the path means, or the reason of the refusal.
std::string meaning(const BucketDelivery& bucket, const std::string& target) {
  auto parsed = pipeline::parse_target("/photos/" + target);
  EXPECT_TRUE(parsed) << target;
  const auto style = resolve_style(bucket, *parsed);
  if (!style) return std::string(base::word_of(style.error().reason));
  return parsed->key + (parsed->pipeline ? "?" + *parsed->pipeline : "");
}

TEST(ResolveStyleTest, TakesTheStyleBehindTheLastSeparator) {
  const BucketDelivery bucket = bucket_with("-");
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb"), "g.jpg?imageView2/2/w/100");
  EXPECT_EQ(meaning(bucket, "a-b/my-photo.jpg-big"), "a-b/my-photo.jpg?imageView2/2/w/1000");
  EXPECT_EQ(meaning(bucket, "g-thumb-big"), "g-thumb?imageView2/2/w/1000");
  EXPECT_EQ(meaning(bucket, "g.jpg%2Dthumb"), "g.jpg?imageView2/2/w/100");
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb?attname=x.jpg&e=1&token=a:b"), "g.jpg?imageView2/2/w/100");
}

TEST(ResolveStyleTest, LeavesWhatNamesNoStyleAsItIs) {
  const BucketDelivery bucket = bucket_with("-");
  EXPECT_EQ(meaning(bucket, "g.jpg"), "g.jpg");
  EXPECT_EQ(meaning(bucket, "g.jpg?imageInfo"), "g.jpg?imageInfo");
  EXPECT_EQ(meaning(bucket, "my-photo.jpg"), "my-photo.jpg");
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb-other"), "g.jpg-thumb-other");
  EXPECT_EQ(meaning(bucket, "g.jpg-Thumb"), "g.jpg-Thumb");
  EXPECT_EQ(meaning(bucket, "g.jpg-"), "g.jpg-");
  EXPECT_EQ(meaning(bucket, "g.jpg!thumb"), "g.jpg!thumb");
  EXPECT_EQ(meaning(bucket, "-thumb"), "-thumb") << "there is no key before it";
  BucketDelivery without = bucket;
  without.styles.clear();
  EXPECT_EQ(meaning(without, "g.jpg-thumb"), "g.jpg-thumb");
}

TEST(ResolveStyleTest, EachSeparatorCounts) {
  const BucketDelivery bucket = bucket_with("-!/");
  EXPECT_EQ(meaning(bucket, "g.jpg!thumb"), "g.jpg?imageView2/2/w/100");
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb"), "g.jpg?imageView2/2/w/100");
  EXPECT_EQ(meaning(bucket, "a/g.jpg/thumb"), "a/g.jpg?imageView2/2/w/100");
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb!x"), "g.jpg-thumb!x") << "the last one is another";
}

TEST(ResolveStyleTest, RefusesAPipelineBehindAStyle) {
  EXPECT_EQ(meaning(bucket_with("-"), "g.jpg-thumb?imageView2/2/w/9"), "bad_target");
}

TEST(ResolveStyleTest, ProtectedOriginalsAreGivenOutAsStylesOnly) {
  BucketDelivery bucket = bucket_with("-");
  bucket.protect_originals = true;
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb"), "g.jpg?imageView2/2/w/100");
  for (const char* target : {"g.jpg", "g.jpg?imageView2/2/w/100", "g.jpg-nosuch", "-thumb",
                             "g.jpg?attname=a", "g.jpg-thumb-x"}) {
    EXPECT_EQ(meaning(bucket, target), "original_protected") << target;
  }
  EXPECT_EQ(meaning(bucket, "g.jpg-thumb?imageInfo"), "bad_target");
}

TEST(CheckReaderTest, PrivateBucketsAreForTheirOwners) {
  BucketDelivery bucket;
  EXPECT_TRUE(check_reader(bucket, "ip:127.0.0.1"));
  bucket.owners = {"acme"};
  EXPECT_TRUE(check_reader(bucket, "ip:127.0.0.1")) << "owners alone close nothing";
  bucket.is_private = true;
  EXPECT_TRUE(check_reader(bucket, "acme"));
  EXPECT_EQ(check_reader(bucket, "ip:127.0.0.1").error().reason, Reason::TokenMissing);
  EXPECT_EQ(check_reader(bucket, "zoe").error().reason, Reason::TokenInvalid);
}

}  // namespace
}  // namespace millrace::gateway
