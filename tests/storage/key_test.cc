// SPDX-License-Identifier: Apache-2.0
#include "storage/key.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

TEST(KeyTest, TakesOrdinaryNames) {
  for (const char* key : {"a", "a.jpg", "a/b/c.jpg", "...", "a..b/..c/d..", ".hidden", "%2e%2e/a",
                          "spaces and \xc3\xa4.png", "a\\..\\b", "-", "?", "a|b"}) {
    EXPECT_TRUE(is_key(key)) << key;
    EXPECT_TRUE(is_path_key(key)) << key;
  }
}

TEST(KeyTest, RefusesWhatWouldBeResolvedToAnotherName) {
  for (const char* key :
       {"", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a/./b", "/..", "../"}) {
    EXPECT_FALSE(is_key(key)) << key;
  }
  EXPECT_FALSE(is_key(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_key(std::string(kKeyBytesMax + 1, 'a')));
  EXPECT_TRUE(is_key(std::string(kKeyBytesMax, 'a')));
}

TEST(KeyTest, PathKeysHaveNoEmptySegment) {
  for (const char* key : {"/a", "a//b", "a/", "/"}) {
    EXPECT_TRUE(is_key(key)) << key;
    EXPECT_FALSE(is_path_key(key)) << key;
  }
}

TEST(KeyTest, EncodesAllButUnreservedCharactersAndSlashes) {
  EXPECT_EQ(percent_encode_key("a-Z_0.9~/b"), "a-Z_0.9~/b");
  EXPECT_EQ(percent_encode_key("a b?c#d%e|f\"\\"), "a%20b%3Fc%23d%25e%7Cf%22%5C");
  EXPECT_EQ(percent_encode_key("\xc3\xa4\r\n\x7f"), "%C3%A4%0D%0A%7F");
  EXPECT_EQ(percent_encode_key("%2e%2e/x"), "%252e%252e/x");
}

}  // namespace
}  // namespace millrace::storage
