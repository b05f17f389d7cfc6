// SPDX-License-Identifier: Apache-2.0
#include "gateway/passed_body.h"

#include <array>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace millrace::gateway {
namespace {

base::UniqueFd file_of(std::string_view content, int mode = O_RDONLY) {
  const base::UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(fd.get(), content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  return base::UniqueFd(
      ::open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), mode | O_CLOEXEC));
}

template <class... Fds>
std::string outcome(std::string_view told, Fds... fds) {
  std::vector<base::UniqueFd> descriptors;
  (descriptors.push_back(std::move(fds)), ...);
  const auto body = passed_body(told, std::move(descriptors));
  return body ? std::to_string(body->size_bytes) : body.error().detail;
}

TEST(PassedBodyTest, OneFileOfTheSizeThatWasToldIsTaken) {
  EXPECT_EQ(outcome("5", file_of("hello")), "5");
  EXPECT_EQ(outcome("0", file_of("")), "0");
}

TEST(PassedBodyTest, WhatDidNotComeOrIsNotAskedForIsRefused) {
  EXPECT_EQ(outcome("5"), "a body as a descriptor: 0 descriptors came");
  EXPECT_EQ(outcome("5", file_of("hello"), file_of("hello")),
            "a body as a descriptor: 2 descriptors came");
}

TEST(PassedBodyTest, AnotherSizeIsRefused) {
  for (const char* told : {"4", "6", "18446744073709551615"}) {
    EXPECT_NE(outcome(told, file_of("hello")).find("has 5 bytes"), std::string::npos) << told;
  }
  for (const char* told : {"", "x", "5x", "-5", " 5", "99999999999999999999999"}) {
    EXPECT_NE(outcome(told, file_of("hello")).find("no number"), std::string::npos) << told;
  }
}

TEST(PassedBodyTest, WhatCanBeWrittenToIsRefused) {
  EXPECT_NE(outcome("5", file_of("hello", O_RDWR)).find("written"), std::string::npos);
  EXPECT_NE(outcome("5", file_of("hello", O_WRONLY)).find("written"), std::string::npos);
}

TEST(PassedBodyTest, WhatIsNoFileIsRefused) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const base::UniqueFd writing(pipe[1]);
  EXPECT_NE(outcome("0", base::UniqueFd(pipe[0])).find("no regular file"), std::string::npos);
  EXPECT_NE(outcome("0", base::UniqueFd(::open("/", O_RDONLY | O_CLOEXEC))).find("no regular"),
            std::string::npos);
}

TEST(PassedBodiesTest, PlacesComeBackAndAreFew) {
  PassedBodies bodies;
  std::vector<PassedBodies::Place> places;
  for (std::size_t i = 0; i < PassedBodies::kPlacesMax; ++i) {
    places.push_back(bodies.take());
    EXPECT_TRUE(places.back());
  }
  EXPECT_FALSE(bodies.take());
  places.front() = {};
  PassedBodies::Place again = bodies.take();
  EXPECT_TRUE(again);
  const PassedBodies::Place moved = std::move(again);
  EXPECT_EQ(bodies.held(), PassedBodies::kPlacesMax);
  places.clear();
  EXPECT_EQ(bodies.held(), 1U);
}

}  // namespace
}  // namespace millrace::gateway
