// SPDX-License-Identifier: Apache-2.0
#include "agent/cache_store.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/mount.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/agent/rig.h"

namespace millrace::agent {
namespace {

class CacheStoreTest : public testing::Test {
 protected:
  std::shared_ptr<CacheStore> open(std::uint64_t bytes_max = 1U << 20) {
    CacheConfig config;
    config.dir = folder_.path();
    config.bytes_max = base::Bytes{bytes_max};
    config.entries_max = 1000;
    return CacheStore::open(config).value();
  }
  static CacheKey key(const std::string& name) { return cache_key_of({name}); }
  static base::Result<CachePin> put(CacheStore& store, const std::string& name,
                                    const std::string& content, bool keep = true) {
    auto writer = store.begin(base::Bytes{content.size()});
    if (!writer) return base::fail(writer.error());
    if (auto written = writer->append(content); !written) return base::fail(written.error());
    return writer->commit({.key = key(name), .facts = nullptr, .keep = keep, .size_bytes = {}});
  }
  // As a worker does it: by the descriptor.
  static base::Result<CacheWriter> result(CacheStore& store, const std::string& content) {
    auto writer = store.begin_result(base::Bytes{content.size()});
    if (writer) {
      EXPECT_EQ(::pwrite(writer->fd(), content.data(), content.size(), 0),
                static_cast<ssize_t>(content.size()));
    }
    return writer;
  }
  [[nodiscard]] std::size_t files() const {
    std::size_t count = 0;
    for (const auto& unused : std::filesystem::directory_iterator(folder_.path())) {
      (void)unused;
      ++count;
    }
    return count;
  }
  TempFolder folder_;
};

TEST_F(CacheStoreTest, GivesBackWhatWasWritten) {
  const auto store = open();
  ASSERT_TRUE(put(*store, "a", "hello").has_value());
  const CachePin pin = store->find(key("a"));
  ASSERT_TRUE(pin);
  EXPECT_EQ(pin.file().bytes().value(), "hello");
  const auto fd = pin.file().descriptor();
  std::string read(5, ' ');
  ASSERT_EQ(::pread(*fd, read.data(), 5, 0), 5);
  EXPECT_EQ(read, "hello");
  EXPECT_FALSE(store->find(key("b")));
}

TEST_F(CacheStoreTest, AnEmptyFileIsEmpty) {
  const auto store = open();
  const auto pin = put(*store, "a", "");
  ASSERT_TRUE(pin.has_value());
  EXPECT_EQ(pin->file().bytes().value(), "");
}

TEST_F(CacheStoreTest, EvictedFilesLeaveTheFolder) {
  const auto store = open(10UL * 4096);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(put(*store, std::to_string(i), std::string(4096, 'x')).has_value()) << i;
  }
  EXPECT_EQ(store->entries(), 10U);
  EXPECT_EQ(files(), 10U);
  EXPECT_EQ(store->used().count, 10U * 4096);
}

TEST_F(CacheStoreTest, IsFullWhenEverythingIsInUseAndServesAgainAfterwards) {
  const auto store = open(4UL * 4096);
  std::vector<CachePin> pins;
  for (int i = 0; i < 4; ++i) {
    pins.push_back(put(*store, std::to_string(i), std::string(4096, 'x')).value());
  }
  const auto refused = put(*store, "more", "x");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, base::Reason::CacheFull);
  EXPECT_EQ(pins[0].file().bytes().value(), std::string(4096, 'x'));
  pins.pop_back();
  EXPECT_TRUE(put(*store, "more", "x").has_value());
}

TEST_F(CacheStoreTest, AWriterThatGivesUpLeavesNothing) {
  const auto store = open();
  {
    auto writer = store->begin(base::Bytes{10});
    ASSERT_TRUE(writer->append(std::string(100'000, 'x')).has_value());
    EXPECT_GT(store->used().count, 100'000U);
  }
  EXPECT_EQ(store->used().count, 0U);
  EXPECT_EQ(files(), 0U);
}

TEST_F(CacheStoreTest, GrowsPastWhatWasExpectedButNotPastTheBudget) {
  const auto store = open(1U << 20);
  auto writer = store->begin(base::Bytes{1});
  ASSERT_TRUE(writer->append(std::string(600'000, 'x')).has_value());
  const auto refused = writer->append(std::string(600'000, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().reason, base::Reason::CacheFull);
}

TEST_F(CacheStoreTest, WhatIsNotKeptLivesAsLongAsItsPins) {
  const auto store = open();
  {
    const auto pin = put(*store, "a", "hello", false);
    ASSERT_TRUE(pin.has_value());
    const CachePin copy = *pin;  // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_EQ(copy.file().bytes().value(), "hello");
    EXPECT_FALSE(store->find(key("a")));
    EXPECT_GT(store->used().count, 0U);
  }
  EXPECT_EQ(store->used().count, 0U);
  EXPECT_EQ(files(), 0U);
}

TEST_F(CacheStoreTest, SmallResultsAreHeldAndLargeOnesAreFiles) {
  const auto store = open();
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, CacheWriter::kHeldBytesMax,
                                   CacheWriter::kHeldBytesMax + 1, std::uint64_t{300'000}}) {
    const std::string content = std::string(size, 'a');
    auto writer = result(*store, content);
    ASSERT_TRUE(writer);
    const auto pin =
        writer->commit({.key = key(std::to_string(size)), .facts = nullptr, .size_bytes = size});
    ASSERT_TRUE(pin) << pin.error().detail;
    EXPECT_EQ(pin->file().size_bytes(), size);
    EXPECT_EQ(pin->file().bytes().value(), content);
    EXPECT_EQ(pin->file().is_file(), size > CacheWriter::kHeldBytesMax);
    EXPECT_TRUE(store->find(key(std::to_string(size))));
  }
  EXPECT_EQ(files(), 2U);
  EXPECT_EQ(store->used().count, (0U + 1U + 16U + 17U + 74U) * 4096U);
}

TEST_F(CacheStoreTest, AWorkerThatKeepsItsDescriptorChangesAndCutsNothing) {
  const auto store = open();
  for (const std::size_t size : {1'000U, 200'000U}) {
    const std::string content(size, 'a');
    auto writer = result(*store, content);
    ASSERT_TRUE(writer);
    const base::UniqueFd kept(::dup(writer->fd()));
    const auto pin =
        writer->commit({.key = key(std::to_string(size)), .facts = nullptr, .size_bytes = size});
    ASSERT_TRUE(pin);
    const std::string_view seen = pin->file().bytes().value();
    ASSERT_EQ(::pwrite(kept.get(), "evil", 4, 0), 4);
    EXPECT_EQ(seen, content);
    ASSERT_EQ(::ftruncate(kept.get(), 0), 0);
    EXPECT_EQ(seen, content);
  }
}

TEST_F(CacheStoreTest, AResultOfAnotherSizeThanItsWorkerSaysIsRefused) {
  const auto store = open();
  for (const std::uint64_t said : {4U, 6U, 100'000U}) {
    auto writer = result(*store, "hello");
    ASSERT_TRUE(writer);
    const auto pin = writer->commit({.key = key("a"), .facts = nullptr, .size_bytes = said});
    ASSERT_FALSE(pin);
    EXPECT_EQ(pin.error().reason, base::Reason::Internal);
  }
  EXPECT_EQ(store->used().count, 0U);
}

TEST_F(CacheStoreTest, AResultThatIsNotKeptLivesAsLongAsItsPins) {
  const auto store = open();
  for (const std::size_t size : {1'000U, 200'000U}) {
    const std::string content(size, 'a');
    auto writer = result(*store, content);
    ASSERT_TRUE(writer);
    {
      const auto pin = writer->commit({.key = key("a"), .facts = nullptr, .keep = false});
      ASSERT_TRUE(pin);
      EXPECT_EQ(pin->file().bytes().value(), content);
      EXPECT_GT(store->used().count, 0U);
    }
    EXPECT_EQ(store->used().count, 0U);
    EXPECT_EQ(files(), 0U);
  }
}

TEST_F(CacheStoreTest, DescriptorsOnlyReadAndAreOneWhileSomebodyPinsTheFile) {
  const auto store = open();
  auto pin = put(*store, "a", "hello");
  ASSERT_TRUE(pin);
  const int fd = pin->file().descriptor().value();
  EXPECT_EQ(::fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_EQ(::write(fd, "x", 1), -1);
  EXPECT_EQ(::ftruncate(fd, 0), -1);
  {
    const CachePin other = store->find(key("a"));
    EXPECT_EQ(other.file().descriptor().value(), fd);
  }
  EXPECT_NE(::fcntl(fd, F_GETFD), -1) << "somebody pins it still";
  *pin = CachePin();
  EXPECT_EQ(::fcntl(fd, F_GETFD), -1);
  EXPECT_TRUE(store->find(key("a")).file().descriptor());
}

TEST_F(CacheStoreTest, TheFirstOfTwoEqualsStays) {
  const auto store = open();
  const auto first = put(*store, "a", "first");
  const auto second = put(*store, "a", "second");
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->file().bytes().value(), "first");
  EXPECT_EQ(files(), 1U);
}

TEST_F(CacheStoreTest, EmptiesWhatAnEarlierProcessLeftAndNothingElse) {
  {
    std::ofstream(folder_.path() + "/entry-17") << "old";
  }
  {
    std::ofstream(folder_.path() + "/precious.txt") << "mine";
  }
  const auto store = open();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/entry-17"));
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/precious.txt"));
}

TEST_F(CacheStoreTest, TwoAgentsDoNotShareAFolder) {
  const auto store = open();
  CacheConfig config;
  config.dir = folder_.path();
  const auto second = CacheStore::open(config);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().public_message.find("another agent"), std::string::npos);
}

TEST_F(CacheStoreTest, AFileSystemThatIsFullIsCacheFullAndNothingWorse) {
  const std::string small = folder_.path() + "/small";
  std::filesystem::create_directory(small);
  if (::mount("none", small.c_str(), "tmpfs", 0, "size=64k") != 0) {
    GTEST_SKIP() << "a tmpfs cannot be mounted here: " << std::strerror(errno);
  }
  {
    CacheConfig config;
    config.dir = small;
    config.bytes_max = base::mebibytes(10);
    const auto store = CacheStore::open(config).value();
    const auto refused = put(*store, "big", std::string(200'000, 'x'));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().reason, base::Reason::CacheFull);
    {
      auto writer = result(*store, std::string(100'000, 'x'));
      ASSERT_TRUE(writer);
      const auto full = writer->commit({.key = key("result"), .facts = nullptr});
      ASSERT_FALSE(full.has_value());
      EXPECT_EQ(full.error().reason, base::Reason::CacheFull);
    }
    EXPECT_TRUE(put(*store, "fits", std::string(20'000, 'x')).has_value());
  }
  ::umount2(small.c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace millrace::agent
