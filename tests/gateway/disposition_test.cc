// SPDX-License-Identifier: Apache-2.0
#include "gateway/disposition.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

TEST(ContentDispositionTest, NamesTheFileAsAsked) {
  EXPECT_EQ(content_disposition("d.jpg", "dir/a.jpg"), "attachment;filename=\"d.jpg\"");
  EXPECT_EQ(content_disposition("two words.jpg", "a"), "attachment;filename=\"two words.jpg\"");
}

TEST(ContentDispositionTest, TakesTheKeysOwnNameWhenNoneIsGiven) {
  EXPECT_EQ(content_disposition("", "dir/sub/a.jpg"), "attachment;filename=\"a.jpg\"");
  EXPECT_EQ(content_disposition("", "a.jpg"), "attachment;filename=\"a.jpg\"");
}

TEST(ContentDispositionTest, CannotBeBrokenOutOf) {
  EXPECT_EQ(content_disposition("a\"; x=\"b", "k"), "attachment;filename=\"a_; x=_b\"");
  EXPECT_EQ(content_disposition("a\r\nSet-Cookie: x", "k"),
            "attachment;filename=\"a__Set-Cookie: x\"");
  EXPECT_EQ(content_disposition("..\\../etc", "k"), "attachment;filename=\".._.._etc\"");
  EXPECT_EQ(content_disposition(std::string("a\0b\x7f", 4), "k"), "attachment;filename=\"a_b_\"");
}

TEST(ContentDispositionTest, CarriesOtherAlphabets) {
  EXPECT_EQ(content_disposition("照片 1.jpg", "k"),
            "attachment;filename=\"__ 1.jpg\";filename*=UTF-8''%E7%85%A7%E7%89%87%201.jpg");
  EXPECT_EQ(content_disposition("é'(.jpg", "k"),
            "attachment;filename=\"_'(.jpg\";filename*=UTF-8''%C3%A9%27%28.jpg");
}

TEST(ContentDispositionTest, GivesNoExtendedNameThatIsNotUtf8) {
  EXPECT_EQ(content_disposition("a\xff.jpg", "k"), "attachment;filename=\"a_.jpg\"");
  EXPECT_EQ(content_disposition("a\xc0\xaf", "k"), "attachment;filename=\"a_\"");      // overlong
  EXPECT_EQ(content_disposition("a\xed\xa0\x80", "k"), "attachment;filename=\"a_\"");  // surrogate
  EXPECT_EQ(content_disposition("a\xe7\x85", "k"), "attachment;filename=\"a_\"");      // cut short
}

TEST(NeedsSandboxTest, KnowsWhatABrowserRuns) {
  for (const char* type :
       {"text/html", "text/html; charset=utf-8", "image/svg+xml", "IMAGE/SVG+XML",
        "application/xhtml+xml", "text/xml", "application/unknown", ""}) {
    EXPECT_TRUE(needs_sandbox(type)) << type;
  }
  for (const char* type :
       {"image/jpeg", "image/webp", "video/mp4", "audio/mpeg", "application/pdf",
        "text/plain; charset=utf-8", "application/json", "application/octet-stream"}) {
    EXPECT_FALSE(needs_sandbox(type)) << type;
  }
}

}  // namespace
}  // namespace millrace::gateway
