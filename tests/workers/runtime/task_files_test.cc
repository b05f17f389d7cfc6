// SPDX-License-Identifier: Apache-2.0
#include "workers/runtime/task_files.h"

#include <fcntl.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/workers/runtime/worker_process.h"

namespace millrace::workers {
namespace {

using base::Reason;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(OutputFileTest, AppendsAndLeavesExactlyWhatWasWritten) {
  const base::UniqueFd file = memory_file("something longer that stood there before");
  OutputFile output(file.get());
  ASSERT_TRUE(output.write(bytes_of("one ")));
  ASSERT_TRUE(output.write(bytes_of("")));
  ASSERT_TRUE(output.write(bytes_of("two")));
  EXPECT_EQ(output.written(), 7U);
  EXPECT_EQ(finish_output(output, {100}).value(), 7U);
  EXPECT_EQ(contents(file), "one two");
}

TEST(OutputFileTest, RefusesToGrowAboveItsLimit) {
  const base::UniqueFd file = memory_file("");
  OutputFile output(file.get(), {5});
  ASSERT_TRUE(output.write(bytes_of("12345")));
  const auto refused = output.write(bytes_of("6"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::ResultTooLarge);
  EXPECT_EQ(contents(file), "12345");
}

TEST(OutputFileTest, AFullFileSystemIsAFullCache) {
  const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  OutputFile output(full.get());
  const auto refused = output.write(bytes_of("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::CacheFull);
}

TEST(MappedInputTest, ShowsTheBytesOfAFile) {
  auto input = MappedInput::map(memory_file("hello"), MappedInput::Reading::Whole);
  ASSERT_TRUE(input);
  const MappedInput moved = std::move(*input);
  const auto bytes = moved.bytes();
  ASSERT_EQ(bytes.size(), 5U);
  EXPECT_EQ(static_cast<char>(bytes[4]), 'o');
}

TEST(MappedInputTest, AnEmptyFileIsNoBytes) {
  const auto input = MappedInput::map(memory_file(""), MappedInput::Reading::Header);
  ASSERT_TRUE(input);
  EXPECT_TRUE(input->bytes().empty());
}

}  // namespace
}  // namespace millrace::workers
