// SPDX-License-Identifier: Apache-2.0
#include "cli/state_dir.h"

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "storage/atomic_file.h"
#include "tests/cli/temp_folder.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

mode_t mode_of(const fs::path& file) {
  struct stat facts{};
  return ::stat(file.c_str(), &facts) == 0 ? facts.st_mode & 0777 : 0;
}

class StateDirTest : public testing::Test {
 protected:
  StateDir open(const fs::path& root) {
    auto state = StateDir::open(root);
    if (!state) throw std::runtime_error(state.error().public_message);
    return *std::move(state);
  }
  TempFolder temp_;
};

TEST_F(StateDirTest, IsMadeForThisUserAlone) {
  const StateDir state = open(temp_.path() / "a" / "b");
  EXPECT_EQ(mode_of(state.root()), 0700U);
  EXPECT_TRUE(fs::is_directory(state.config_file().parent_path()));
}

TEST_F(StateDirTest, RefusesASecondUp) {
  const StateDir first = open(temp_.path() / "s");
  const auto second = StateDir::open(temp_.path() / "s");
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().public_message.find("another millrace up"), std::string::npos);
}

TEST_F(StateDirTest, IsFreeAgainAfterwards) {
  {
    const StateDir first = open(temp_.path() / "s");
  }
  open(temp_.path() / "s");
}

TEST_F(StateDirTest, RefusesAPathThatIsNoFolder) {
  std::ofstream(temp_.path() / "file") << "x";
  EXPECT_FALSE(StateDir::open(temp_.path() / "file"));
  EXPECT_FALSE(StateDir::open(temp_.path() / "file" / "below"));
}

TEST_F(StateDirTest, MakesTheFleetsKeyOnce) {
  std::string key;
  {
    const StateDir state = open(temp_.path() / "s");
    const auto file = state.fleet_key_file();
    ASSERT_TRUE(file);
    EXPECT_EQ(mode_of(*file), 0600U);
    key = read(*file);
    EXPECT_GE(key.size(), 64U);
  }
  const StateDir again = open(temp_.path() / "s");
  EXPECT_EQ(read(*again.fleet_key_file()), key);
}

TEST_F(StateDirTest, HasOneTagByWhateverRoadItIsNamed) {
  fs::create_directory(temp_.path() / "real");
  fs::create_directory_symlink("real", temp_.path() / "link");
  const std::string tag = open(temp_.path() / "real").tag();
  EXPECT_EQ(open(temp_.path() / "link").tag(), tag);
  EXPECT_NE(open(temp_.path() / "other").tag(), tag);
}

TEST_F(StateDirTest, KeepsSocketPathsShortEnoughForTheKernel) {
  const StateDir near = open(temp_.path() / "s");
  EXPECT_TRUE(near.socket_file("agent.sock")->string().starts_with(near.root().string()));
  const StateDir far = open(temp_.path() / std::string(120, 'd'));
  const auto file = far.socket_file("agent.sock");
  ASSERT_TRUE(file);
  EXPECT_LE(file->string().size(), 107U);
  EXPECT_EQ(mode_of(file->parent_path()), 0700U);
  far.remove_run_files();
  EXPECT_FALSE(fs::exists(file->parent_path()));
}

TEST_F(StateDirTest, RemovesWhatOnlyARunningUpNeeds) {
  const StateDir state = open(temp_.path() / "s");
  ASSERT_TRUE(state.fleet_key_file());
  ASSERT_TRUE(storage::write_atomically(state.config_file(), "x", 0600));
  state.remove_run_files();
  EXPECT_FALSE(fs::exists(state.config_file()));
  EXPECT_TRUE(fs::exists(*state.fleet_key_file()));
}

}  // namespace
}  // namespace millrace::cli
