// SPDX-License-Identifier: Apache-2.0
#include "storage/media_type.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

TEST(MediaTypeTest, GoesByTheExtensionOfTheLastSegment) {
  EXPECT_EQ(media_type_of_key("a/b.png/photo.jpg"), "image/jpeg");
  EXPECT_EQ(media_type_of_key("archive.tar.gz"), "application/gzip");
  EXPECT_EQ(media_type_of_key("film.M2TS"), "video/mp2t");
  EXPECT_EQ(media_type_of_key("a.JPeG"), "image/jpeg");
  EXPECT_EQ(media_type_of_key("first.3gp"), "video/3gpp");
  EXPECT_EQ(media_type_of_key("last.zip"), "application/zip");
}

TEST(MediaTypeTest, SaysOctetStreamWhenItDoesNotKnow) {
  for (const char* key : {"", "photo", "jpg", ".jpg", "a/.png", "photo.", "a.jpg/b", "a.jpgx",
                          "a.a-very-long-extension", "a.jp"}) {
    EXPECT_EQ(media_type_of_key(key), "application/octet-stream") << key;
  }
}

}  // namespace
}  // namespace millrace::storage
