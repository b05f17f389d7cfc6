// SPDX-License-Identifier: Apache-2.0
#include "storage/http_date.h"

#include <gtest/gtest.h>

namespace millrace::storage {
namespace {

constexpr std::int64_t kExample = 784'111'777;  // RFC 9110's: Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::int64_t kNow = 1'767'225'600;    // 2026-01-01

TEST(HttpDateTest, ReadsTheThreeFormsOfTheRfc) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
}

TEST(HttpDateTest, TwoDigitYearMoreThanFiftyYearsAheadIsOfTheLastCentury) {
  EXPECT_EQ(parse_http_date("Wednesday, 01-Jan-76 00:00:00 GMT", kNow), 3'345'062'400);
  EXPECT_EQ(parse_http_date("Saturday, 01-Jan-77 00:00:00 GMT", kNow), 220'924'800);
}

TEST(HttpDateTest, RefusesWhatIsNoDate) {
  for (const char* text :
       {"", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
  }
}

TEST(HttpDateTest, WritesWhatItReads) {
  EXPECT_EQ(format_http_date(kExample), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const std::int64_t at :
       {std::int64_t{0}, std::int64_t{951'782'399}, std::int64_t{-1}, kNow}) {
    EXPECT_EQ(parse_http_date(format_http_date(at), kNow), at);
  }
}

}  // namespace
}  // namespace millrace::storage
