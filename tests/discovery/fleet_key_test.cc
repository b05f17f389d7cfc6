// SPDX-License-Identifier: Apache-2.0
#include "discovery/fleet_key.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::discovery {
namespace {

class FleetKeyTest : public testing::Test {
 protected:
  FleetKeyTest() {
    std::string pattern = testing::TempDir() + "fleet-key-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FleetKeyTest() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& text, mode_t mode = 0600) {
    std::string path = folder_ + "/key";
    std::filesystem::remove(path);
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  static std::string why(const std::string& path) {
    const auto key = load_fleet_key(path);
    if (key) return "accepted";
    EXPECT_EQ(key.error().reason, base::Reason::BadParameter);
    return key.error().public_message;
  }

  std::string folder_;
  const std::string key_ = "0123456789abcdef0123456789abcdef";
};

TEST_F(FleetKeyTest, IsTheTextWithoutBlanksAtItsEnds) {
  EXPECT_EQ(load_fleet_key(file(key_)).value(), key_);
  EXPECT_EQ(load_fleet_key(file("  " + key_ + "\r\n\n")).value(), key_);
  EXPECT_EQ(load_fleet_key(file(key_ + " x", 0640)).value(), key_ + " x");
}

TEST_F(FleetKeyTest, RefusesFilesThatOthersMayTouch) {
  for (const mode_t mode : {0644U, 0604U, 0602U, 0601U}) {
    EXPECT_THAT(why(file(key_, mode)), testing::HasSubstr("open to others"));
  }
}

TEST_F(FleetKeyTest, RefusesShortAndLongKeys) {
  EXPECT_THAT(why(file(key_.substr(1))), testing::HasSubstr("31 bytes"));
  EXPECT_THAT(why(file(std::string(60, ' '))), testing::HasSubstr("0 bytes"));
  EXPECT_THAT(why(file("")), testing::HasSubstr("0 bytes"));
  EXPECT_THAT(why(file(std::string(4'097, 'k'))), testing::HasSubstr("longer"));
  EXPECT_EQ(why(file(std::string(4'096, 'k'))), "accepted");
}

TEST_F(FleetKeyTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(why(folder_ + "/absent"), testing::HasSubstr("cannot be read"));
  EXPECT_THAT(why(folder_), testing::HasSubstr("no regular file"));
  const std::string fifo = folder_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(why(fifo), testing::HasSubstr("no regular file"));
}

}  // namespace
}  // namespace millrace::discovery
