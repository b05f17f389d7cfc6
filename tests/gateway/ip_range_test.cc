// SPDX-License-Identifier: Apache-2.0
#include "gateway/ip_range.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

std::string read(std::string_view text) {
  const auto address = parse_ip(text);
  return address ? address->text() : "(none)";
}

bool holds(std::string_view range, std::string_view address) {
  return parse_ip_range(range)->contains(*parse_ip(address));
}

TEST(IpAddressTest, ReadsWhatProxiesWrite) {
  EXPECT_EQ(read("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(read("203.0.113.9:4711"), "203.0.113.9");
  EXPECT_EQ(read("2001:DB8::1"), "2001:db8::1");
  EXPECT_EQ(read("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(read("[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(read("::ffff:203.0.113.9"), "203.0.113.9");
}

TEST(IpAddressTest, ReadsNothingElse) {
  for (const char* text :
       {"", "unknown", "_hidden", "256.0.0.1", "1.2.3", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:70000",
        "[1.2.3.4]", "[2001:db8::1", "[2001:db8::1]x", "::g", "1.2.3.4 ", "\"1.2.3.4\""}) {
    EXPECT_EQ(read(text), "(none)") << text;
  }
}

TEST(IpRangeTest, HoldsTheAddressesOfItsBlock) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(holds("192.0.2.7", "192.0.2.8"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.100"));
  EXPECT_TRUE(holds("0.0.0.0/0", "255.255.255.255"));
  EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(holds("2001:db8::/32", "2001:db8:ffff::1"));
  EXPECT_FALSE(holds("2001:db8::/32", "2001:db9::1"));
  EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
}

TEST(IpRangeTest, RefusesWhatIsNoBlock) {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8",
                           "10.0.0.1/8", "2001:db8::1/32", "::/129", "unix", "10.0.0.0 /8"}) {
    EXPECT_FALSE(parse_ip_range(text)) << text;
  }
}

}  // namespace
}  // namespace millrace::gateway
