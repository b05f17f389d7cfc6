// SPDX-License-Identifier: Apache-2.0
// The program millrace-agent as its operator starts and kills it.
#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <string>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "tests/agent/rig.h"
// after asio.h
#include <boost/asio/executor_work_guard.hpp>

namespace millrace::agent {
namespace {

using namespace std::chrono_literals;

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> found;
  const std::string process = "/proc/" + std::to_string(pid);
  std::ifstream children(process + "/task/" + std::to_string(pid) + "/children");
  for (pid_t child = 0; children >> child;) found.push_back(child);
  return found;
}

std::string name_of(pid_t pid) {
  std::ifstream comm("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(comm, name);
  return name;
}

// Gone, or ended and not reaped yet by whoever inherited it.
bool ended(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  return text.empty() || text.find(") Z ") != std::string::npos;
}

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    write(folder_.path() + "/key", std::string(40, 'k'));
    ::chmod((folder_.path() + "/key").c_str(), S_IRUSR | S_IWUSR);
    write(config_, "agent:\n  listen: unix:" + folder_.path() +
                       "/agent.sock\n  ops_listen: \"\"\n"
                       "  fleet_key_file: " +
                       folder_.path() +
                       "/key\n"
                       "  cache: {dir: " +
                       folder_.path() +
                       "/cache}\n"
                       "  registrar: {registries: [], withdraw_timeout_ms_max: 100}\n"
                       "  workers: {image: {count: 1, binary: " MILLRACE_BINARY_DIR
                       "/millrace-test-worker}}\n");
  }
  void TearDown() override {
    if (agent_ > 0) {
      ::kill(agent_, SIGKILL);
      ::waitpid(agent_, nullptr, 0);
    }
  }
  static void write(const std::string& file, const std::string& text) {
    std::ofstream(file) << text;
  }
  static bool until(const std::function<bool()>& done) {
    net::asio::io_context idle;
    const auto work = net::asio::make_work_guard(idle);
    return run_until(idle, done);
  }
  void start(std::vector<std::string> more = {}) {
    std::vector<std::string> words{program_, "--config", config_};
    words.insert(words.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ASSERT_EQ(::posix_spawn(&agent_, program_.c_str(), nullptr, nullptr, argv.data(), environ), 0);
  }
  // The template, and one worker, two for probes, one spare that came out of it: all of them
  // children of this agent, under their own names and in process groups of their own.
  bool workers_up() {
    return until([this] {
      workers_ = children_of(agent_);
      const auto named = [this](const std::string& name) {
        return std::ranges::count_if(
            workers_, [&name](pid_t pid) { return name_of(pid) == name && ::getpgid(pid) == pid; });
      };
      return workers_.size() == 5 && named("image-template") == 1 &&
             named(std::string("millrace-test-worker").substr(0, 15)) == 4;
    });
  }

  TempFolder folder_;
  std::string config_ = folder_.path() + "/millrace.yaml";
  std::string program_ = MILLRACE_BINARY_DIR "/millrace-agent";
  pid_t agent_ = -1;
  std::vector<pid_t> workers_;  // and the template
};

TEST_F(ProcessTest, EndsCleanlyWhenToldToAndLeavesNoProcessBehind) {
  start();
  ASSERT_TRUE(workers_up());
  ::kill(agent_, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(agent_, &status, 0), agent_);
  agent_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  for (const pid_t worker : workers_) EXPECT_TRUE(ended(worker));
}

TEST_F(ProcessTest, TakesItsWorkersAlongWhenItIsKilled) {
  start();
  ASSERT_TRUE(workers_up());
  ::kill(agent_, SIGKILL);
  ASSERT_EQ(::waitpid(agent_, nullptr, 0), agent_);
  agent_ = -1;
  EXPECT_TRUE(until([this] { return std::ranges::all_of(workers_, ended); }));
}

TEST_F(ProcessTest, RefusesAConfigurationItDoesNotUnderstand) {
  write(config_, "agent: {lisen: here}\n");
  start();
  int status = 0;
  ASSERT_EQ(::waitpid(agent_, &status, 0), agent_);
  agent_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 2) << status;
}

TEST_F(ProcessTest, DiesWithItsParentWhenAskedTo) {
  // A parent in between that starts the agent, tells its pid, and is killed.
  int pipe_fds[2];
  ASSERT_EQ(::pipe2(pipe_fds, O_CLOEXEC), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    start({"--die-with-parent"});
    (void)!::write(pipe_fds[1], &agent_, sizeof agent_);
    ::pause();
    ::_exit(0);
  }
  pid_t agent = -1;
  ASSERT_EQ(::read(pipe_fds[0], &agent, sizeof agent), static_cast<ssize_t>(sizeof agent));
  agent_ = agent;
  const bool up = workers_up();
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  EXPECT_TRUE(up);
  EXPECT_TRUE(until([agent] { return ended(agent); }));
  EXPECT_TRUE(until([this] { return std::ranges::all_of(workers_, ended); }));
  agent_ = -1;
  ::close(pipe_fds[0]);
  ::close(pipe_fds[1]);
}

}  // namespace
}  // namespace millrace::agent
