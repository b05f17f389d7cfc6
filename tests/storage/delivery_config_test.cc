// SPDX-License-Identifier: Apache-2.0
#include "storage/delivery_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/config.h"

namespace millrace::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

std::string load(StorageConfig& config, const std::string& keys) {
  const auto loaded = base::load_config("buckets:\n  photos:\n    folder: /a\n" + keys, {},
                                        [&config](base::ConfigBinder& b) { config.bind(b); });
  return loaded ? "" : loaded.error().public_message;
}
std::string load(const std::string& keys) {
  StorageConfig config;
  return load(config, keys);
}

TEST(DeliveryConfigTest, ReadsWhatABucketGivesOut) {
  StorageConfig config;
  EXPECT_EQ(load(config,
                 "    styles: {thumb: imageView2/2/w/100, \"big@2x\": \"imageView2/2/w/1000\"}\n"
                 "    separators: \"-!\"\n"
                 "    protect_originals: true\n"
                 "    private: true\n"
                 "    owners: [acme, zoe]\n"
                 "    fallback: system/missing.png\n"
                 "    format: auto\n"),
            "");
  const DeliveryConfig& delivery = config.buckets.at("photos").delivery;
  EXPECT_THAT(delivery.styles, ElementsAre(Pair("big@2x", "imageView2/2/w/1000"),
                                           Pair("thumb", "imageView2/2/w/100")));
  EXPECT_EQ(delivery.separators, "-!");
  EXPECT_TRUE(delivery.protect_originals);
  EXPECT_TRUE(delivery.is_private);
  EXPECT_THAT(delivery.owners, ElementsAre("acme", "zoe"));
  EXPECT_EQ(delivery.fallback, "system/missing.png");
  EXPECT_EQ(delivery.format, "auto");
}

TEST(DeliveryConfigTest, RefusesWhatCannotBeMeant) {
  EXPECT_THAT(load("    styles: {\"a/b\": x}\n"),
              HasSubstr("buckets.photos: styles: \"a/b\" is no"));
  EXPECT_THAT(load("    styles: {\"\": x}\n"), HasSubstr("is no name of a style"));
  EXPECT_THAT(load("    styles: {\"a b\": x}\n"), HasSubstr("1 to 64 letters"));
  EXPECT_THAT(load("    styles: {thumb: [x]}\n"), HasSubstr("it must be a text"));
  EXPECT_THAT(load("    separators: \"-!\"\n    styles: {\"a!b\": x}\n"),
              HasSubstr("could not be asked for"));
  EXPECT_THAT(load("    styles: {a-b: x}\n"), HasSubstr("one of the separators (-)"));
  EXPECT_EQ(load("    separators: \"!\"\n    styles: {a-b: x}\n"), "");
  EXPECT_THAT(load("    separators: \"--\"\n"), HasSubstr("different characters"));
  EXPECT_THAT(load("    separators: \"?\"\n"), HasSubstr("different characters"));
  EXPECT_THAT(load("    protect_originals: 1\n"), HasSubstr("true or false"));
  EXPECT_THAT(load("    private: true\n"), HasSubstr("needs owners"));
  EXPECT_THAT(load("    fallback: ../passwd\n"), HasSubstr("fallback is the key"));
  EXPECT_THAT(load("    fallback: /a\n"), HasSubstr("fallback is the key"));
  EXPECT_THAT(load("    format: avif\n"), HasSubstr("source, auto"));
  EXPECT_THAT(load("    style: {}\n"), HasSubstr("styles"));
}

TEST(DeliveryConfigTest, BoundsNamesAndSeparators) {
  EXPECT_TRUE(is_style_name(std::string(64, 'a')));
  EXPECT_FALSE(is_style_name(std::string(65, 'a')));
  EXPECT_TRUE(is_style_name("A9-_.!@$~+=,:;*"));
  for (const char* name : {"", "a/b", "a b", "a?b", "a%b", "a|b", "\xc3\xa9", "a\nb"}) {
    EXPECT_FALSE(is_style_name(name)) << name;
  }
  EXPECT_TRUE(are_separators("-_.!@$~+=,:;*/"));
  EXPECT_TRUE(are_separators("-"));
  for (const char* text : {"", "-a", "7", "-_-", "%", "|", " "}) {
    EXPECT_FALSE(are_separators(text)) << text;
  }
}

}  // namespace
}  // namespace millrace::storage
