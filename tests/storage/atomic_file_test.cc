// SPDX-License-Identifier: Apache-2.0
#include "storage/atomic_file.h"

#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "tests/storage/temp_folder.h"

namespace millrace::storage {
namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const std::string& file) {
  struct stat facts{};
  return ::stat(file.c_str(), &facts) == 0 ? facts.st_mode & 0777U : 0;
}

TEST(AtomicFileTest, PutsTheNewFileInTheOldOnesPlace) {
  const TempFolder folder;
  const std::string file = folder / "f";
  ASSERT_TRUE(write_atomically(file, "one", 0644));
  EXPECT_EQ(mode_of(file), 0644U);
  ASSERT_TRUE(write_atomically(file, "two", 0600));
  EXPECT_EQ(content_of(file), "two");
  EXPECT_EQ(mode_of(file), 0600U);
}

TEST(AtomicFileTest, LeavesTheOldFileWhereItCannotWrite) {
  const TempFolder folder;
  const std::string file = folder / "f";
  ASSERT_TRUE(write_atomically(file, "one", 0644));
  std::filesystem::create_directories(folder / "f.part");
  const auto written = write_atomically(file, "two", 0644);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, base::Reason::BadParameter);
  EXPECT_NE(written.error().public_message.find(file), std::string::npos);
  EXPECT_EQ(content_of(file), "one");
  EXPECT_FALSE(write_atomically(folder / "none/f", "x", 0600));
}

}  // namespace
}  // namespace millrace::storage
