// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/arguments.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipc/channel.h"
#include "ipc/worker_exit.h"
#include "tests/workers/runtime/sample_worker.h"

namespace millrace::workers {
namespace {

using ::testing::HasSubstr;

class ArgumentsTest : public ::testing::Test {
 protected:
  void SetUp() override { channel_ = std::move(ipc::make_channel().value()); }
  [[nodiscard]] std::string fd() const { return std::to_string(channel_.second.get()); }
  static base::Result<WorkerArguments> parse(const std::vector<std::string>& words) {
    std::vector<const char*> argv{"worker"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return parse_worker_arguments(static_cast<int>(argv.size()), argv.data(), {"face-model"});
  }
  static std::string refusal(const std::vector<std::string>& words) {
    const auto arguments = parse(words);
    return arguments ? "accepted" : arguments.error().public_message;
  }

  std::pair<base::UniqueFd, base::UniqueFd> channel_;
};

TEST_F(ArgumentsTest, TakesTheChannelTheLevelAndTheWorkersOwn) {
  const auto arguments = parse({"--channel-fd", fd(), "--log-level", "warn", "--face-model", "m"});
  ASSERT_TRUE(arguments) << arguments.error().public_message;
  EXPECT_EQ(arguments->channel_fd, channel_.second.get());
  EXPECT_EQ(arguments->log_level, base::LogLevel::Warn);
  EXPECT_EQ(arguments->options.at("face-model"), "m");
  EXPECT_TRUE(parse({"--channel-fd", fd()})->options.empty());
}

TEST_F(ArgumentsTest, RefusesWhatMakesNoSense) {
  EXPECT_THAT(refusal({}), HasSubstr("--channel-fd is missing"));
  EXPECT_THAT(refusal({"--channel-fd"}), HasSubstr("needs a value"));
  EXPECT_THAT(refusal({"--channel-fd", "x"}), HasSubstr("SOCK_SEQPACKET"));
  EXPECT_THAT(refusal({"--channel-fd", "9999"}), HasSubstr("SOCK_SEQPACKET"));
  EXPECT_THAT(refusal({"--channel-fd", fd(), "--colour", "red"}), HasSubstr("no option --colour"));
  EXPECT_THAT(refusal({"--channel-fd", fd(), "--log-level", "loud"}), HasSubstr("--log-level"));
  EXPECT_THAT(refusal({"--channel-fd", fd(), "--face-model", "a", "--face-model", "b"}),
              HasSubstr("twice"));
}

TEST_F(ArgumentsTest, PrintsOnePageACommand) {
  std::string pattern = ::testing::TempDir() + "/pagesXXXXXX";
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path folder = std::filesystem::path(pattern) / "commands";
  const std::string text = folder.string();
  const std::array<const char*, 3> argv{"worker", "--print-docs", text.c_str()};
  const int status =
      worker_main(3, argv.data(), "sample-worker", {},
                  [](const WorkerArguments&) -> base::Result<std::unique_ptr<Worker>> {
                    return std::make_unique<SampleWorker>();
                  });
  EXPECT_EQ(status, 0);
  for (const auto& spec : SampleWorker().commands()) {
    std::ifstream page(folder / (spec.name + ".md"));
    std::string line;
    std::getline(page, line);
    EXPECT_EQ(line, "# " + spec.name);
  }
  std::filesystem::remove_all(pattern);
}

TEST_F(ArgumentsTest, AWorkerThatCannotStartSaysSoByItsStatus) {
  const std::string number = fd();
  const std::array<const char*, 3> argv{"worker", "--channel-fd", number.c_str()};
  const MakeWorker make = [](const WorkerArguments&) -> base::Result<std::unique_ptr<Worker>> {
    return base::fail(base::Reason::Internal, "The model is missing.");
  };
  const pid_t child = ::fork();
  if (child == 0) ::_exit(worker_main(3, argv.data(), "sample-worker", {}, make));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(ipc::WorkerExit::StartFailed));
}

}  // namespace
}  // namespace millrace::workers
