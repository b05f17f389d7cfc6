// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

#include "pipeline/pipeline.h"

namespace millrace::ipc {
namespace {

using base::Reason;

class ChannelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto pair = make_channel();
    ASSERT_TRUE(pair) << pair.error().detail;
    agent_ = std::move(pair->first);
    worker_ = std::move(pair->second);
  }
  // Puts bytes on the wire without any framing.
  void send_raw(const std::string& bytes) const {
    ASSERT_EQ(::send(agent_.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  // The frame's descriptors as a raw message with `claimed` in the header.
  void send_descriptors(std::uint8_t claimed, const std::vector<int>& descriptors) const {
    std::string bytes("MR\x01\x00\x02\x00\x00\x00{}", 10);
    bytes[3] = static_cast<char>(claimed);
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 2 * kDescriptorsMax)> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    const std::size_t payload = sizeof(int) * descriptors.size();
    message.msg_controllen = CMSG_SPACE(payload);
    cmsghdr* item = CMSG_FIRSTHDR(&message);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(payload);
    std::memcpy(CMSG_DATA(item), descriptors.data(), payload);
    ASSERT_GT(::sendmsg(agent_.get(), &message, 0), 0);
  }
  void expect_broken() const {
    const auto frame = receive_frame(worker_.get());
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().reason, Reason::Internal);
  }

  base::UniqueFd agent_;
  base::UniqueFd worker_;
};

// The number of the next descriptor the process would get: shows leaks.
int next_descriptor() {
  const base::UniqueFd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return probe.get();
}

TEST_F(ChannelTest, CarriesJsonAndDescriptors) {
  const base::UniqueFd file(::memfd_create("input", MFD_CLOEXEC));
  ASSERT_EQ(::write(file.get(), "bytes", 5), 5);
  ASSERT_TRUE(send_frame(agent_.get(), R"({"a":1})", {file.get(), file.get()}));
  auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame) << frame.error().detail;
  ASSERT_TRUE(*frame);
  EXPECT_EQ((*frame)->json, R"({"a":1})");
  ASSERT_EQ((*frame)->descriptors.size(), 2U);
  std::array<char, 5> bytes{};
  EXPECT_EQ(::pread((*frame)->descriptors[1].get(), bytes.data(), bytes.size(), 0), 5);
  EXPECT_EQ(std::string(bytes.data(), 5), "bytes");
  EXPECT_NE(::fcntl((*frame)->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ChannelTest, KeepsTheBordersOfFrames) {
  ASSERT_TRUE(send_frame(agent_.get(), "one", {}));
  ASSERT_TRUE(send_frame(agent_.get(), "", {}));
  ASSERT_TRUE(send_frame(agent_.get(), "three", {}));
  for (const char* text : {"one", "", "three"}) {
    auto frame = receive_frame(worker_.get());
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->json, text);
  }
}

TEST_F(ChannelTest, CarriesTheLargestFrameAndRefusesALargerOne) {
  const std::string largest(kJsonBytesMax, 'x');
  ASSERT_TRUE(send_frame(agent_.get(), largest, {agent_.get()}));
  auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->json, largest);
  EXPECT_EQ((*frame)->descriptors.size(), 1U);
  EXPECT_FALSE(send_frame(agent_.get(), largest + "x", {}));
  EXPECT_FALSE(send_frame(agent_.get(), "", std::vector<int>(kDescriptorsMax + 1, agent_.get())));
}

TEST_F(ChannelTest, CarriesAsManyDescriptorsAsARunMayNeed) {
  // Input, output and the other pictures of a pipeline.
  static_assert(kDescriptorsMax >= 2 + pipeline::PipelineLimits{}.pictures_max);
  ASSERT_TRUE(send_frame(agent_.get(), "{}", std::vector<int>(kDescriptorsMax, agent_.get())));
  auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->descriptors.size(), kDescriptorsMax);
}

TEST_F(ChannelTest, TheEndOfThePeerIsNoError) {
  ASSERT_TRUE(send_frame(agent_.get(), "last", {}));
  agent_.reset();
  auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame && *frame);
  frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame) << frame.error().detail;
  EXPECT_FALSE(*frame);
  const auto sent = send_frame(worker_.get(), "into the void", {});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, Reason::WorkerDied);
}

TEST_F(ChannelTest, APeerThatLeavesFramesUnreadIsGoneToo) {
  ASSERT_TRUE(send_frame(worker_.get(), "unread", {}));
  agent_.reset();
  const auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame) << frame.error().detail;
  EXPECT_FALSE(*frame);
}

TEST_F(ChannelTest, ANonBlockingEndNeverWaits) {
  ASSERT_EQ(::fcntl(agent_.get(), F_SETFL, O_NONBLOCK), 0);
  const auto nothing = receive_frame(agent_.get());
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().reason, Reason::QueueFull);
  const std::string large(kJsonBytesMax, 'x');
  base::Result<void> sent;
  for (int i = 0; i < 1'000 && sent; ++i) sent = send_frame(agent_.get(), large, {});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().reason, Reason::QueueFull);
}

TEST_F(ChannelTest, RefusesBrokenFraming) {
  send_raw("MR");
  expect_broken();
  send_raw(std::string("XR\x01\x00\x00\x00\x00\x00", 8));
  expect_broken();
  send_raw(std::string("MR\x02\x00\x00\x00\x00\x00", 8));
  expect_broken();
  send_raw(std::string("MR\x01\x00\x03\x00\x00\x00{}", 10));
  expect_broken();
  send_raw(std::string("MR\x01\x01\x02\x00\x00\x00{}", 10));
  expect_broken();
  send_raw(std::string(kJsonBytesMax + 100, 'M'));
  expect_broken();
  // Still in step afterwards.
  ASSERT_TRUE(send_frame(agent_.get(), "good", {}));
  const auto frame = receive_frame(worker_.get());
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->json, "good");
}

TEST_F(ChannelTest, DescriptorsOfABrokenFrameAreClosed) {
  const int before = next_descriptor();
  send_descriptors(2, {agent_.get()});
  expect_broken();
  constexpr std::size_t kTooMany = kDescriptorsMax + 4;
  send_descriptors(kTooMany, std::vector<int>(kTooMany, agent_.get()));
  expect_broken();
  EXPECT_EQ(next_descriptor(), before);
}

TEST_F(ChannelTest, DescriptorsThatTheKernelDroppedAreNoticed) {
  const std::vector<int> four(4, agent_.get());
  ASSERT_TRUE(send_frame(agent_.get(), "{}", four));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit narrow = limit;
  narrow.rlim_cur = static_cast<rlim_t>(next_descriptor()) + 2;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &narrow), 0);
  const auto frame = receive_frame(worker_.get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().reason, Reason::Internal);
}

}  // namespace
}  // namespace millrace::ipc
