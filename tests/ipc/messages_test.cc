// SPDX-License-Identifier: Apache-2.0
#include "ipc/messages.h"

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace millrace::ipc {
namespace {

using base::Reason;

RunLimits odd_limits() {
  RunLimits limits;
  limits.source_max = {std::numeric_limits<std::uint64_t>::max()};
  limits.result_max = {2};
  limits.result_side_px_max = 3;
  limits.frames_max = 4;
  limits.result_bytes_max = {5};
  limits.memory_max = {6};
  limits.cpu_max = std::chrono::milliseconds(7);
  limits.webp_effort_max = 1;
  return limits;
}

void expect_equal(const RunLimits& a, const RunLimits& b) {
  EXPECT_EQ(a.source_max, b.source_max);
  EXPECT_EQ(a.result_max, b.result_max);
  EXPECT_EQ(a.result_side_px_max, b.result_side_px_max);
  EXPECT_EQ(a.frames_max, b.frames_max);
  EXPECT_EQ(a.result_bytes_max, b.result_bytes_max);
  EXPECT_EQ(a.memory_max, b.memory_max);
  EXPECT_EQ(a.cpu_max, b.cpu_max);
  EXPECT_EQ(a.webp_effort_max, b.webp_effort_max);
}

std::string with(std::string json, const std::string& from, const std::string& to) {
  const auto at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << json;
  return at == std::string::npos ? json : json.replace(at, from.size(), to);
}

template <class Message>
Message sent_by_worker(const Message& message) {
  auto back = from_worker_from_json(to_json(message));
  EXPECT_TRUE(back) << back.error().detail;
  return std::get<Message>(back.value());
}

TEST(MessagesTest, RequestsSurviveJson) {
  const auto probe = to_worker_from_json(to_json(ProbeRequest{7, odd_limits()}));
  ASSERT_TRUE(probe) << probe.error().detail;
  EXPECT_EQ(std::get<ProbeRequest>(*probe).id, 7U);
  expect_equal(std::get<ProbeRequest>(*probe).limits, odd_limits());

  const auto run = to_worker_from_json(to_json(RunRequest{std::numeric_limits<std::uint64_t>::max(),
                                                          "imageView2/1/w/200",
                                                          std::chrono::milliseconds(1'234),
                                                          odd_limits(),
                                                          9,
                                                          {"imageView2/2/w/300", "imageInfo"}}));
  ASSERT_TRUE(run) << run.error().detail;
  EXPECT_EQ(std::get<RunRequest>(*run).id, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(std::get<RunRequest>(*run).pipeline, "imageView2/1/w/200");
  EXPECT_EQ(std::get<RunRequest>(*run).time_left, std::chrono::milliseconds(1'234));
  expect_equal(std::get<RunRequest>(*run).limits, odd_limits());
  EXPECT_EQ(std::get<RunRequest>(*run).group, 9U);
  EXPECT_EQ(std::get<RunRequest>(*run).next,
            (std::vector<std::string>{"imageView2/2/w/300", "imageInfo"}));
  // As an agent of before says it.
  const auto alone = to_worker_from_json(to_json(RunRequest{}));
  ASSERT_TRUE(alone);
  EXPECT_EQ(std::get<RunRequest>(*alone).group, 0U);
  EXPECT_TRUE(std::get<RunRequest>(*alone).next.empty());
  RunRequest crowd;
  crowd.next.assign(kNextMax + 1, "imageInfo");
  EXPECT_FALSE(to_worker_from_json(to_json(crowd)));
}

TEST(MessagesTest, DescribeSurvivesJson) {
  Describe describe;
  describe.kind = "image";
  describe.build = "1.2.3+vips8.14";
  describe.notes = {"no face model"};
  pipeline::CommandSpec spec;
  spec.name = "imageInfo";
  spec.summary = "Says what a picture is.";
  describe.commands = {spec, spec};
  const Describe back = sent_by_worker(describe);
  EXPECT_EQ(back.kind, describe.kind);
  EXPECT_EQ(back.build, describe.build);
  EXPECT_EQ(back.notes, describe.notes);
  EXPECT_EQ(back.commands, describe.commands);
}

TEST(MessagesTest, ProgressSurvivesJson) {
  const Progress back = sent_by_worker(Progress{9, 0.25});
  EXPECT_EQ(back.id, 9U);
  EXPECT_DOUBLE_EQ(back.fraction, 0.25);
}

TEST(MessagesTest, RepliesSurviveJson) {
  Reply reply;
  reply.id = 3;
  reply.cpu_time = std::chrono::microseconds(12'345);
  reply.memory_peak = base::mebibytes(64);
  reply.body = Probe{"jpeg", "image/jpeg", 640, 427, 2, 40, 6};
  Reply back = sent_by_worker(reply);
  EXPECT_EQ(back.id, 3U);
  EXPECT_EQ(back.cpu_time, reply.cpu_time);
  EXPECT_EQ(back.memory_peak, reply.memory_peak);
  const auto& probe = std::get<Probe>(back.body);
  EXPECT_EQ(probe.format, "jpeg");
  EXPECT_EQ(probe.media_type, "image/jpeg");
  EXPECT_EQ(probe.width, 640);
  EXPECT_EQ(probe.height, 427);
  EXPECT_EQ(probe.frames, 2);
  EXPECT_EQ(probe.duration_ms, 40);
  EXPECT_EQ(probe.orientation, 6);

  RunOutcome outcome;
  outcome.media_type = "application/json";
  outcome.road = Road::Mixed;
  outcome.eased = true;
  outcome.shared = true;
  outcome.bytes = 99;
  outcome.cacheable_by_clients = false;
  outcome.headers = {{"X-Millrace-Crop", "faces"}};
  reply.body = outcome;
  back = sent_by_worker(reply);
  const auto& read = std::get<RunOutcome>(back.body);
  EXPECT_EQ(read.media_type, outcome.media_type);
  EXPECT_EQ(read.road, Road::Mixed);
  EXPECT_TRUE(read.eased);
  EXPECT_TRUE(read.shared);
  EXPECT_EQ(read.bytes, 99U);
  EXPECT_FALSE(read.cacheable_by_clients);
  EXPECT_EQ(read.headers, outcome.headers);

  reply.body = base::make_error(Reason::CorruptMedia, "The picture is broken.", "bad \xff marker");
  back = sent_by_worker(reply);
  const auto& error = std::get<base::Error>(back.body);
  EXPECT_EQ(error.reason, Reason::CorruptMedia);
  EXPECT_EQ(error.public_message, "The picture is broken.");
  EXPECT_EQ(error.detail, "bad \xEF\xBF\xBD marker");  // what is not UTF-8 is replaced
}

TEST(MessagesTest, SpawnsAndTheirAnswersSurviveJson) {
  const auto spawn = spawn_from_json(to_json(Spawn{7}));
  ASSERT_TRUE(spawn) << spawn.error().detail;
  EXPECT_EQ(spawn->id, 7U);
  const auto worker = spawned_from_json(to_json(Spawned{8, pid_t{4711}}));
  ASSERT_TRUE(worker) << worker.error().detail;
  EXPECT_EQ(worker->id, 8U);
  EXPECT_EQ(std::get<pid_t>(worker->body), 4711);
  const auto refusal = spawned_from_json(
      to_json(Spawned{9, base::make_error(Reason::Internal, "No worker.", "two threads")}));
  ASSERT_TRUE(refusal) << refusal.error().detail;
  EXPECT_EQ(std::get<base::Error>(refusal->body).detail, "two threads");
}

TEST(MessagesTest, RefusesBrokenSpawnsAndAnswersThatNameNoProcess) {
  const std::string spawn = to_json(Spawn{});
  for (const std::string& json : {std::string("[]"), with(spawn, "spawn", "run"),
                                  with(spawn, R"("version":1)", R"("version":2)"),
                                  with(spawn, R"(,"id":0)", ""), to_json(RunRequest{})}) {
    EXPECT_FALSE(spawn_from_json(json)) << json;
  }
  EXPECT_FALSE(to_worker_from_json(spawn)) << "a worker forks nothing";
  const std::string spawned = to_json(Spawned{8, pid_t{4711}});
  for (const std::string& json :
       {with(spawned, "4711", "0"), with(spawned, "4711", "-1"),
        with(spawned, "4711", "4294967297"), with(spawned, R"("pid":4711)", R"("p":4711)"),
        with(spawned, R"("pid":4711)",
             R"("pid":4711,"error":{"reason":"internal","public_message":"","detail":""})"),
        to_json(Progress{})}) {
    EXPECT_FALSE(spawned_from_json(json)) << json;
  }
}

TEST(MessagesTest, UnderstandsANewerPeerOfTheSameVersion) {
  Reply reply;
  reply.body = base::make_error(Reason::CorruptMedia, "Broken.");
  const std::string newer =
      with(with(to_json(reply), "corrupt_media", "moon_phase"), "{", R"({"x":{},)");
  const auto back = from_worker_from_json(newer);
  ASSERT_TRUE(back) << back.error().detail;
  const auto& error = std::get<base::Error>(std::get<Reply>(*back).body);
  EXPECT_EQ(error.reason, Reason::Internal);
  EXPECT_EQ(error.public_message, "Broken.");
}

TEST(MessagesTest, RefusesBrokenRequests) {
  const std::string good = to_json(RunRequest{});
  ASSERT_TRUE(to_worker_from_json(good));
  for (const std::string& json :
       {std::string(), std::string("null"), good.substr(0, good.size() - 1),
        with(good, R"("version":1)", R"("version":2)"), with(good, R"("run")", R"("walk")"),
        with(good, R"("id":0)", R"("id":-1)"), with(good, R"("id":0)", R"("id":"0")"),
        with(good, R"("cpu_ms_max":30000)", R"("cpu_ms_max":99999999999)"),
        with(good, R"("time_left_ms":30000)", R"("time_left_ms":1.5)"),
        with(good, R"("frames_max")", R"("frames")"), to_json(Progress{})}) {
    const auto message = to_worker_from_json(json);
    ASSERT_FALSE(message) << json;
    EXPECT_EQ(message.error().reason, Reason::Internal);
  }
}

TEST(MessagesTest, RefusesRepliesThatWouldHarmTheAgent) {
  Reply reply;
  RunOutcome outcome;
  outcome.media_type = "image/png";
  outcome.headers = {{"X-A", "b"}};
  reply.body = outcome;
  const std::string good = to_json(reply);
  ASSERT_TRUE(from_worker_from_json(good));
  for (const std::string& json :
       {with(good, R"("X-A":"b")", R"("X-A":"b\r\nSet-Cookie: c")"),
        with(good, R"("X-A":"b")", R"("X A":"b")"), with(good, R"("X-A":"b")", R"("":"b")"),
        with(good, R"("X-A":"b")", R"("X-A":1)"), with(good, R"("image/png")", R"("image/png\n")"),
        with(good, R"("width_px":0)", R"("width_px":-1)"),
        with(good, R"("bytes":0)", R"("bytes":18446744073709551616)"),
        with(good, R"("outcome":)", R"("nothing":)"),
        with(good, R"("outcome":)", R"("probe":{},"outcome":)"),
        with(to_json(Progress{}), R"("fraction":0.0)", R"("fraction":1.01)"),
        with(to_json(Progress{}), R"("fraction":0.0)", R"("fraction":1e999)"),
        to_json(RunRequest{})}) {
    const auto message = from_worker_from_json(json);
    ASSERT_FALSE(message) << json;
    EXPECT_EQ(message.error().reason, Reason::Internal);
  }
}

}  // namespace
}  // namespace millrace::ipc
