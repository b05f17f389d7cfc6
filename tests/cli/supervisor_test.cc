// SPDX-License-Identifier: Apache-2.0
#include "cli/supervisor.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <memory>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "cli/child.h"

namespace millrace::cli {
namespace {

using std::chrono::seconds;

// Both ends closed on exec, so that only whom they are passed to has them.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  base::UniqueFd read_end;
  base::UniqueFd write_end;
};

// A line, or "" at the end of the pipe; "(nothing)" when neither comes in half a minute.
std::string read_line(int fd) {
  std::string line;
  while (true) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&waiting, 1, 30'000) != 1) return "(nothing)";
    char c = 0;
    if (::read(fd, &c, 1) != 1 || c == '\n') return line;
    line += c;
  }
}

ChildCommand shell(const std::string& script, int pass_fd = -1) {
  return {.program = "/bin/sh", .arguments = {"-c", script}, .pass_fd = pass_fd};
}

TEST(StartChildTest, PassesArgumentsAndOneDescriptor) {
  Pipe pipe;
  const auto pid = start_child(shell("echo \"hello $0\" >&3", pipe.write_end.get()));
  ASSERT_TRUE(pid);
  pipe.write_end.reset();
  EXPECT_EQ(read_line(pipe.read_end.get()), "hello /bin/sh");
  EXPECT_EQ(::waitpid(*pid, nullptr, 0), *pid);
}

TEST(StartChildTest, KeepsOverridesAndCtrlCFromChildren) {
  ::setenv("MILLRACE_GATEWAY_LISTEN", "127.0.0.1:1", 1);
  ::setenv("MILLRACELIKE", "kept", 1);
  const Pipe pipe;
  const auto pid = start_child(
      shell("echo \"$MILLRACE_GATEWAY_LISTEN$MILLRACELIKE\" >&3; read line", pipe.write_end.get()));
  ::unsetenv("MILLRACE_GATEWAY_LISTEN");
  ::unsetenv("MILLRACELIKE");
  ASSERT_TRUE(pid);
  EXPECT_EQ(read_line(pipe.read_end.get()), "kept");
  EXPECT_EQ(::getpgid(*pid), *pid);
  ::kill(*pid, SIGKILL);
  EXPECT_EQ(::waitpid(*pid, nullptr, 0), *pid);
}

TEST(StartChildTest, ReportsAProgramThatIsNotThere) {
  const auto pid = start_child({.program = "/no/such/program", .arguments = {}});
  ASSERT_TRUE(pid);
  int status = 0;
  EXPECT_EQ(::waitpid(*pid, &status, 0), *pid);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 127);
}

TEST(StartChildTest, ChildrenDieWithTheirParentHoweverItDies) {
  Pipe pipe;
  const pid_t parent = ::fork();
  if (parent == 0) {
    const auto child = start_child(shell("echo up >&3; exec sleep 1000", pipe.write_end.get()));
    if (!child) ::_exit(1);
    pipe.write_end.reset();
    ::pause();
    ::_exit(0);
  }
  pipe.write_end.reset();
  EXPECT_EQ(read_line(pipe.read_end.get()), "up");
  ::kill(parent, SIGKILL);
  EXPECT_EQ(::waitpid(parent, nullptr, 0), parent);
  // The end of the pipe comes when the last process that holds it is gone.
  EXPECT_EQ(read_line(pipe.read_end.get()), "");
}

class SupervisorTest : public testing::Test {
 protected:
  // A child that writes its name when it starts, and lives until it is told to end.
  Supervisor::Role role(const std::string& name, const std::string& script = "exec sleep 1000") {
    return {
        .name = name,
        .start =
            [this, name, script] {
              return start_child(shell("echo " + name + " >&3; " + script, pipe_.write_end.get()));
            },
        .stop_patience = seconds(60)};
  }
  void run_until(const std::function<bool()>& condition) {
    const auto end = base::Clock::now() + seconds(60);
    while (!condition() && base::Clock::now() < end)
      io_.run_one_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(condition());
  }
  std::string next_line() { return read_line(pipe_.read_end.get()); }

  Pipe pipe_;
  net::asio::io_context io_;
  std::vector<std::string> gave_up_;
  std::vector<std::string> restarted_;
  Supervisor supervisor_{
      io_,
      {.gave_up = [this](const auto& name,
                         const auto& why) { gave_up_.push_back(name + " " + why); },
       .restarting = [this](const auto& name, const auto& how,
                            base::Duration) { restarted_.push_back(name + " " + how); }}};
};

TEST_F(SupervisorTest, StartsAChildThatDiesAnew) {
  supervisor_.start(role("a"));
  EXPECT_EQ(next_line(), "a");
  supervisor_.became_up("a");
  const pid_t first = supervisor_.pid_of("a");
  ::kill(first, SIGKILL);
  run_until([&] { return supervisor_.pid_of("a") != first && supervisor_.pid_of("a") != 0; });
  EXPECT_EQ(restarted_, std::vector<std::string>{"a signal 9"});
  EXPECT_EQ(next_line(), "a");
  EXPECT_TRUE(gave_up_.empty());
}

TEST_F(SupervisorTest, GivesUpOnAChildThatRefusesToStart) {
  supervisor_.start(role("a", "exit 78"));
  run_until([&] { return !gave_up_.empty(); });
  EXPECT_NE(gave_up_.front().find("exit status 78"), std::string::npos);
  EXPECT_EQ(supervisor_.pid_of("a"), 0);
}

TEST_F(SupervisorTest, StopsOneAfterTheOther) {
  // Each says when it ends; the first takes its time over it.
  const std::string slow =
      "trap 'echo first-ended >&3; exit' TERM; echo armed >&3; while :; do sleep 0.05; done";
  const std::string quick =
      "trap 'echo second-ended >&3; exit' TERM; echo armed >&3; while :; do sleep 0.05; done";
  for (const auto& [name, script] : {std::pair("first", slow), std::pair("second", quick)}) {
    supervisor_.start(role(name, script));
    EXPECT_EQ(next_line(), name);
    EXPECT_EQ(next_line(), "armed");
    supervisor_.became_up(name);
  }
  bool stopped = false;
  supervisor_.stop([&stopped] { stopped = true; });
  run_until([&] { return stopped; });
  EXPECT_EQ(next_line(), "first-ended");
  EXPECT_EQ(next_line(), "second-ended");
  EXPECT_TRUE(restarted_.empty());
}

TEST_F(SupervisorTest, KillsAChildThatDoesNotListen) {
  auto stubborn = role("a", "trap '' TERM; echo armed >&3; while :; do sleep 0.05; done");
  stubborn.stop_patience = std::chrono::milliseconds(10);
  supervisor_.start(std::move(stubborn));
  EXPECT_EQ(next_line(), "a");
  EXPECT_EQ(next_line(), "armed");
  bool stopped = false;
  supervisor_.stop([&stopped] { stopped = true; });
  run_until([&] { return stopped; });
  EXPECT_EQ(supervisor_.pid_of("a"), 0);
}

TEST_F(SupervisorTest, StopsAtOnceWhenNothingRuns) {
  bool stopped = false;
  supervisor_.stop([&stopped] { stopped = true; });
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace millrace::cli
