// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/process_watch.h"

#include <array>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace millrace::bench {
namespace {

TEST(ProcessWatchTest, TellsATemplateFromWorkersByItsName) {
  std::array<int, 2> named{};
  ASSERT_EQ(::pipe(named.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NAME, "image-template");
    (void)!::write(named[1], "x", 1);
    while (true) ::pause();
  }
  char byte = 0;
  EXPECT_EQ(::read(named[0], &byte, 1), 1);
  EXPECT_TRUE(is_template(child));
  EXPECT_FALSE(is_template(::getpid()));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  for (const int fd : named) ::close(fd);
}

}  // namespace
}  // namespace millrace::bench
