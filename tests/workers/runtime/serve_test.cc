// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "ipc/worker_exit.h"
#include "pipeline/picture.h"
#include "tests/workers/runtime/sample_worker.h"
#include "tests/workers/runtime/worker_process.h"
#include "workers/runtime/guards.h"

namespace millrace::workers {
namespace {

using base::Reason;
using ipc::WorkerExit;

Reason reason_of(const ipc::Reply& reply) {
  const auto* error = std::get_if<base::Error>(&reply.body);
  if (error == nullptr) {
    ADD_FAILURE() << "it succeeded";
    return Reason::Internal;
  }
  return error->reason;
}

void expect_exit(int status, WorkerExit expected) {
  ASSERT_TRUE(WIFEXITED(status)) << ipc::text_of_wait_status(status);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(expected)) << ipc::text_of_wait_status(status);
}

class ServeTest : public ::testing::Test {
 protected:
  void SetUp() override { describe_ = std::get<ipc::Describe>(worker_.next()); }
  void expect_still_serving() {
    const ipc::Reply reply = worker_.run("echo", "still here");
    ASSERT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body));
    EXPECT_EQ(worker_.output(), "still here");
  }

  WorkerProcess worker_;
  ipc::Describe describe_;
};

TEST_F(ServeTest, DescribesItselfFirst) {
  EXPECT_EQ(describe_.kind, "sample");
  EXPECT_EQ(describe_.build, "sample-1");
  EXPECT_EQ(describe_.commands, SampleWorker().commands());
  EXPECT_EQ(describe_.notes, std::vector<std::string>{"a note"});
}

TEST_F(ServeTest, RunsATaskFromDescriptorToDescriptor) {
  const std::string input(1'000'000, 'a');
  const ipc::Reply reply = worker_.run("echo", input);
  const auto* outcome = std::get_if<ipc::RunOutcome>(&reply.body);
  ASSERT_NE(outcome, nullptr);
  EXPECT_EQ(outcome->media_type, "text/plain");
  EXPECT_EQ(outcome->bytes, input.size());
  EXPECT_EQ(worker_.output(), input);
  EXPECT_GT(reply.memory_peak.count, 0U);
}

TEST_F(ServeTest, CountsWhatALibraryWroteByItself) {
  const ipc::Reply reply = worker_.run("echo-by-itself", "seven b");
  const auto* outcome = std::get_if<ipc::RunOutcome>(&reply.body);
  ASSERT_NE(outcome, nullptr);
  EXPECT_EQ(outcome->bytes, 7U);
}

TEST_F(ServeTest, ProbesAnInput) {
  const base::UniqueFd input = memory_file("12345");
  ipc::ProbeRequest request;
  request.id = 77;
  request.limits.result_side_px_max = 4'321;
  ASSERT_TRUE(ipc::send_frame(worker_.channel(), ipc::to_json(request), {input.get()}));
  const ipc::Reply reply = worker_.reply();
  EXPECT_EQ(reply.id, 77U);
  const auto* probe = std::get_if<ipc::Probe>(&reply.body);
  ASSERT_NE(probe, nullptr);
  EXPECT_EQ(probe->width, 5);
  EXPECT_EQ(probe->height, 4'321);

  const base::UniqueFd empty = memory_file("");
  ASSERT_TRUE(ipc::send_frame(worker_.channel(), ipc::to_json(request), {empty.get()}));
  EXPECT_EQ(reason_of(worker_.reply()), Reason::UnsupportedMedia);
}

TEST_F(ServeTest, GivesErrorsBackAndGoesOn) {
  const ipc::Reply reply = worker_.run("fail");
  const auto* error = std::get_if<base::Error>(&reply.body);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->reason, Reason::CorruptMedia);
  EXPECT_EQ(error->public_message, "It is broken.");
  EXPECT_EQ(error->detail, "why");
  expect_still_serving();
}

TEST_F(ServeTest, ExceptionsAreInternalErrors) {
  EXPECT_EQ(reason_of(worker_.run("throw")), Reason::Internal);
  EXPECT_EQ(reason_of(worker_.run("throw-number")), Reason::Internal);
  expect_still_serving();
}

TEST_F(ServeTest, ChecksThePipelineAgain) {
  EXPECT_EQ(reason_of(worker_.run("nonsense")), Reason::UnknownCommand);
  EXPECT_EQ(reason_of(worker_.run("echo/x")), Reason::BadParameter);
  expect_still_serving();
}

TEST_F(ServeTest, DoesNotBeginWhatIsTooLate) {
  const base::UniqueFd file = memory_file("x");
  const ipc::RunRequest late{5, "burn-for-ever", std::chrono::milliseconds(0), {}};
  ASSERT_TRUE(ipc::send_frame(worker_.channel(), ipc::to_json(late), {file.get(), file.get()}));
  EXPECT_EQ(reason_of(worker_.reply()), Reason::Deadline);
  worker_.run("tell-time");
  EXPECT_EQ(worker_.output(), "limited");
}

TEST_F(ServeTest, RefusesALargerResultThanAllowed) {
  ipc::RunLimits limits;
  limits.result_bytes_max = {3};
  EXPECT_EQ(reason_of(worker_.run("echo", "four", limits)), Reason::ResultTooLarge);
  EXPECT_EQ(reason_of(worker_.run("echo-by-itself", "four", limits)), Reason::ResultTooLarge);
  const ipc::Reply reply = worker_.run("echo", "yes", limits);
  EXPECT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body));
}

TEST_F(ServeTest, AnInputThatIsNoFileIsAnError) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const base::UniqueFd reading(ends[0]);
  const base::UniqueFd writing(ends[1]);
  const ipc::RunRequest request{1, "echo", std::chrono::minutes(5), {}};
  ASSERT_TRUE(
      ipc::send_frame(worker_.channel(), ipc::to_json(request), {reading.get(), writing.get()}));
  EXPECT_EQ(reason_of(worker_.reply()), Reason::Internal);
  expect_still_serving();
}

TEST_F(ServeTest, SendsFewFramesOfProgress) {
  worker_.run("report");
  EXPECT_GE(worker_.progress_frames(), 50);
  EXPECT_LE(worker_.progress_frames(), 101);
}

TEST_F(ServeTest, RestsBetweenTasks) {
  worker_.run("rests");
  EXPECT_EQ(worker_.output(), "0");
  worker_.run("rests");
  EXPECT_EQ(worker_.output(), "1");
}

TEST_F(ServeTest, EndsWellWhenTheAgentCloses) {
  worker_.run("echo");
  worker_.close_channel();
  expect_exit(worker_.wait(), WorkerExit::PeerClosed);
}

TEST_F(ServeTest, EndsBadlyWithAPeerItCannotUnderstand) {
  ASSERT_TRUE(ipc::send_frame(worker_.channel(), "{}", {}));
  expect_exit(worker_.wait(), WorkerExit::Protocol);
}

TEST_F(ServeTest, EndsBadlyWithoutTheDescriptorsItNeeds) {
  const base::UniqueFd file = memory_file("x");
  ASSERT_TRUE(ipc::send_frame(worker_.channel(),
                              ipc::to_json(ipc::RunRequest{1, "echo", std::chrono::minutes(5), {}}),
                              {file.get()}));
  expect_exit(worker_.wait(), WorkerExit::Protocol);
}

std::string picture(const std::string& key) { return "/key/" + pipeline::picture_value("b", key); }

// Runs "join" over an input and `contents`, as descriptors in that order.
ipc::Reply run_join(WorkerProcess& worker, const std::string& pipeline,
                    const std::vector<std::string>& contents) {
  const base::UniqueFd input = memory_file("in");
  worker.output_ = memory_file("");
  std::vector<base::UniqueFd> files;
  std::vector<int> descriptors = {input.get(), worker.output_.get()};
  for (const std::string& content : contents) {
    files.push_back(memory_file(content));
    descriptors.push_back(files.back().get());
  }
  const ipc::RunRequest request{9, pipeline, std::chrono::minutes(5), {}};
  EXPECT_TRUE(ipc::send_frame(worker.channel(), ipc::to_json(request), descriptors));
  return worker.reply();
}

TEST_F(ServeTest, GivesTheOtherPicturesInTheOrderOfThePipelineAndEachOnce) {
  const std::string pipeline = "join" + picture("a") + picture("b") + picture("a");
  const ipc::Reply reply = run_join(worker_, pipeline, {"first", "second"});
  EXPECT_TRUE(std::holds_alternative<ipc::RunOutcome>(reply.body));
  EXPECT_EQ(worker_.output(), "in+first+second");
  expect_still_serving();
}

TEST_F(ServeTest, CarriesAsManyOtherPicturesAsAPipelineMayName) {
  std::string pipeline = "join";
  std::vector<std::string> contents;
  std::string expected = "in";
  for (std::size_t i = 0; i < pipeline::PipelineLimits{}.pictures_max; ++i) {
    pipeline += picture(std::to_string(i));
    contents.push_back(std::string(100, static_cast<char>('a' + i)));
    expected += "+" + contents.back();
  }
  run_join(worker_, pipeline, contents);
  EXPECT_EQ(worker_.output(), expected);
}

TEST_F(ServeTest, AnEmptyOtherPictureIsThereAndEmpty) {
  run_join(worker_, "join" + picture("a") + picture("b"), {"", "b"});
  EXPECT_EQ(worker_.output(), "in++b");
}

TEST_F(ServeTest, RefusesARunWithFewerOrMorePicturesThanItNames) {
  EXPECT_EQ(reason_of(run_join(worker_, "join" + picture("a"), {})), Reason::Internal);
  EXPECT_EQ(reason_of(run_join(worker_, "join" + picture("a"), {"1", "2"})), Reason::Internal);
  EXPECT_EQ(reason_of(run_join(worker_, "echo", {"1"})), Reason::Internal);
  expect_still_serving();
}

TEST_F(ServeTest, InterruptsFromATerminalAreTheAgentsBusiness) {
  ASSERT_EQ(::kill(worker_.pid(), SIGINT), 0);
  expect_still_serving();
}

TEST(ServeLifeTest, DiesWithItsParent) {
  expect_nothing_outlives([] {
    auto worker = std::make_shared<WorkerProcess>();
    worker->next();
    worker->start_run("hang");
    worker->next();  // progress: it hangs from now on
    return std::vector{worker};
  });
}

TEST(ServeLifeTest, NoticesAParentThatDiedBeforeItWasReady) {
  std::array<int, 2> go{};
  std::array<int, 2> answer{};
  ASSERT_EQ(::pipe(go.data()), 0);
  ASSERT_EQ(::pipe(answer.data()), 0);
  const pid_t agent = ::fork();
  if (agent == 0) {
    auto channel = ipc::make_channel();
    if (::fork() == 0) {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) ::_exit(1);
      const char result = bind_to_parent(channel->second.get()) ? 'y' : 'n';
      ::_exit(::write(answer[1], &result, 1) == 1 ? 0 : 1);
    }
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(agent, nullptr, 0), agent);
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  char result = 0;
  ASSERT_EQ(::read(answer[0], &result, 1), 1);
  EXPECT_EQ(result, 'n');
  for (const int fd : {go[0], go[1], answer[0], answer[1]}) ::close(fd);
}

}  // namespace
}  // namespace millrace::workers
