// SPDX-License-Identifier: Apache-2.0
#include "gateway/client_address.h"

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

class ClientAddressTest : public testing::Test {
 protected:
  std::string from(std::string_view peer, const std::vector<std::string>& forwarded_for = {}) {
    net::Headers headers;
    for (const std::string& field : forwarded_for) headers.add("x-forwarded-for", field);
    return client_address(peer, headers, trusted_);
  }
  [[nodiscard]] std::string counted(std::string_view peer) const {
    return client_subscriber(peer, {}, trusted_);
  }
  const TrustedProxies trusted_ = *TrustedProxies::make({"10.0.0.0/8", "fd00::/8", "unix"});
};

TEST_F(ClientAddressTest, IsThePeersWithoutAProxy) {
  EXPECT_EQ(from("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(from("10.1.1.1"), "10.1.1.1");
  EXPECT_EQ(from("unix"), "unix");
}

TEST_F(ClientAddressTest, BelievesOnlyTrustedProxies) {
  EXPECT_EQ(from("203.0.113.9", {"198.51.100.1"}), "203.0.113.9");
  EXPECT_EQ(from("10.1.1.1", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(from("unix", {"198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(client_address("unix", {}, TrustedProxies{}), "unix");
}

TEST_F(ClientAddressTest, TakesTheRightMostThatIsNoProxyOfOurs) {
  EXPECT_EQ(from("10.1.1.1", {"192.0.2.1, 198.51.100.1, 10.2.2.2"}), "198.51.100.1");
  EXPECT_EQ(from("10.1.1.1", {"192.0.2.1", "198.51.100.1,10.2.2.2", "10.3.3.3"}), "198.51.100.1");
}

TEST_F(ClientAddressTest, AForgedStartOfTheListCountsForNothing) {
  EXPECT_EQ(from("10.1.1.1", {"rubbish, 198.51.100.1"}), "198.51.100.1");
  EXPECT_EQ(from("10.1.1.1", {"10.9.9.9, 198.51.100.1"}), "198.51.100.1");
}

TEST_F(ClientAddressTest, TakesTheLeftMostWhenAllAreOurs) {
  EXPECT_EQ(from("10.1.1.1", {"10.5.5.5, 10.2.2.2"}), "10.5.5.5");
}

TEST_F(ClientAddressTest, AMalformedListMeansThePeer) {
  for (const char* list : {"", "unknown", "198.51.100.1,", "198.51.100.1, ,10.2.2.2",
                           "for=198.51.100.1", "rubbish, 10.2.2.2"}) {
    EXPECT_EQ(from("10.1.1.1", {list}), "10.1.1.1") << list;
  }
}

TEST_F(ClientAddressTest, IsWhole) {
  EXPECT_EQ(from("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(from("fd00::1", {"2001:db8:1:3::1"}), "2001:db8:1:3::1");
}

TEST_F(ClientAddressTest, GroupsIpV6BySubscriber) {
  EXPECT_EQ(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(counted("2001:db8:1:2::7"), "2001:db8:1:2::/64");
  EXPECT_EQ(counted("::ffff:203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(counted("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(counted("unix"), "unix");
  net::Headers headers;
  headers.add("X-Forwarded-For", "2001:db8:1:3::1");
  EXPECT_EQ(client_subscriber("fd00::1", headers, trusted_), "2001:db8:1:3::/64");
}

TEST(TrustedProxiesTest, NamesTheEntryThatIsNone) {
  const auto made = TrustedProxies::make({"10.0.0.0/8", "10.0.0.1/8"});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().public_message.find("\"10.0.0.1/8\""), std::string::npos);
}

}  // namespace
}  // namespace millrace::gateway
