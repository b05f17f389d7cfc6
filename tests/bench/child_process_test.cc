// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/child_process.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace millrace::bench {
namespace {

TEST(ChildProcessTest, KeepsWhatAProgramSays) {
  const test::TempDir folder;
  const auto log = folder.path() / "log";
  const auto pid = start_child({"sh", "-c", "echo $GREETING; exit 3"},
                               {.environment = {{"GREETING", "hello"}}, .log_file = log});
  ASSERT_TRUE(pid);
  EXPECT_EQ(wait_for_child(*pid), 3);
  EXPECT_EQ(end_of_log(log), "hello\n");
}

TEST(ChildProcessTest, AProgramThatIsNotThereEndsWith127) {
  const test::TempDir folder;
  const auto pid = start_child({"no-such-program-anywhere"},
                               {.environment = {}, .log_file = folder.path() / "log"});
  ASSERT_TRUE(pid);
  EXPECT_EQ(wait_for_child(*pid), 127);
}

TEST(ChildProcessTest, IsStopped) {
  const test::TempDir folder;
  const auto pid =
      start_child({"sleep", "1000"}, {.environment = {}, .log_file = folder.path() / "log"});
  ASSERT_TRUE(pid);
  EXPECT_FALSE(has_ended(*pid));
  stop_child(*pid);
  EXPECT_EQ(::kill(*pid, 0), -1);
}

}  // namespace
}  // namespace millrace::bench
