// SPDX-License-Identifier: Apache-2.0
#include "storage/local_bucket.h"

#include <array>
#include <fcntl.h>
#include <future>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "storage/beneath.h"
#include "storage/bucket_set.h"
#include "storage/original.h"
#include "tests/storage/run.h"
#include "tests/storage/temp_folder.h"

namespace millrace::storage {
namespace {

using base::Reason;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

class LocalBucketTest : public testing::Test {
 protected:
  std::string get(const std::string& key, OpenOptions options = {}) {
    return run(io_, storage::get(bucket_, key, std::move(options)));
  }
  std::string part(const std::string& key, std::uint64_t offset,
                   std::optional<std::uint64_t> length) {
    return get(key, {.range = ByteRange{offset, length}});
  }
  std::unique_ptr<EntryReader> open(const std::string& key, OpenOptions options = {}) {
    auto opened = run(io_, bucket_.open(key, std::move(options)));
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::get<std::unique_ptr<EntryReader>>(std::move(*opened));
  }

  TempFolder folder_;
  net::asio::io_context io_;
  net::BlockingPool pool_{1, 4};
  LocalBucket bucket_{pool_, folder_.path()};
};

TEST_F(LocalBucketTest, ReadsAFileInPiecesOf256KiB) {
  const std::string content = pattern(600 << 10);
  folder_.write("big.bin", content);
  const auto reader = open("big.bin");
  EXPECT_EQ(reader->length(), content.size());
  std::string got;
  for (const std::size_t expected : {256U << 10, 256U << 10, 88U << 10, 0U}) {
    const auto piece = run(io_, reader->read_some());
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->size(), expected);
    got += *piece;
  }
  EXPECT_EQ(got, content);
}

TEST_F(LocalBucketTest, KnowsTheFacts) {
  folder_.write("a/photo.jpg", "content");
  const timespec times[2] = {{1'000, 5}, {784'111'777, 999}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "a/photo.jpg").c_str(), times, 0), 0);
  const auto facts = run(io_, bucket_.stat("a/photo.jpg", {}));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->size_bytes, 7U);
  EXPECT_EQ(facts->media_type, "image/jpeg");
  EXPECT_EQ(facts->modified_unix_s, 784'111'777);
  EXPECT_TRUE(is_entity_tag(facts->validator));
  EXPECT_FALSE(facts->validator.starts_with("W/"));
  EXPECT_EQ(open("a/photo.jpg")->facts().validator, facts->validator);
  EXPECT_EQ(bucket_.origin(), "");
}

TEST_F(LocalBucketTest, EmptyFileIsAnEntryOfNoBytes) {
  folder_.write("empty", "");
  EXPECT_EQ(get("empty"), "");
  EXPECT_EQ(open("empty")->length(), 0U);
  EXPECT_EQ(part("empty", 0, {}), "");
  EXPECT_EQ(part("empty", 0, 1), "bad_range");
  EXPECT_EQ(part("empty", 1, {}), "bad_range");
}

TEST_F(LocalBucketTest, ReadsRanges) {
  folder_.write("ten", "0123456789");
  EXPECT_EQ(part("ten", 0, 3), "012");
  EXPECT_EQ(part("ten", 4, 3), "456");
  EXPECT_EQ(part("ten", 7, {}), "789");
  EXPECT_EQ(part("ten", 7, 100), "789");
  EXPECT_EQ(part("ten", 9, UINT64_MAX), "9");
  EXPECT_EQ(part("ten", 0, UINT64_MAX), "0123456789");
  EXPECT_EQ(part("ten", 10, {}), "bad_range");
  EXPECT_EQ(part("ten", UINT64_MAX, UINT64_MAX), "bad_range");
  EXPECT_EQ(part("ten", 3, 0), "bad_range");
  const auto reader = open("ten", {.range = ByteRange{4, 3}});
  EXPECT_EQ(reader->offset(), 4U);
  EXPECT_EQ(reader->length(), 3U);
  EXPECT_EQ(reader->facts().size_bytes, 10U);
}

TEST_F(LocalBucketTest, RangeAcrossPieces) {
  const std::string content = pattern(700 << 10);
  folder_.write("big", content);
  EXPECT_EQ(part("big", 100'000, 500'000), content.substr(100'000, 500'000));
}

TEST_F(LocalBucketTest, SaysNotModifiedToTheValidatorItGave) {
  folder_.write("a", "content");
  const std::string validator = open("a")->facts().validator;
  EXPECT_EQ(get("a", {.known_validator = validator}), "not modified");
  EXPECT_EQ(get("a", {.known_validator = "\"other\""}), "content");
  folder_.write("a", "longer content");
  EXPECT_EQ(get("a", {.known_validator = validator}), "longer content");
}

TEST_F(LocalBucketTest, FileThatIsCutWhileItIsReadIsAFailure) {
  folder_.write("big", pattern(600 << 10));
  const auto reader = open("big");
  ASSERT_TRUE(run(io_, reader->read_some()));
  ASSERT_EQ(::truncate((folder_ / "big").c_str(), 300 << 10), 0);
  EXPECT_EQ(run(io_, drain(*reader)), "origin_failed");
}

TEST_F(LocalBucketTest, FileThatIsWrittenWhileItIsReadIsAFailureBeforeItsLastPiece) {
  folder_.write("big", pattern(600 << 10));
  const auto reader = open("big");
  ASSERT_TRUE(run(io_, reader->read_some()));
  ASSERT_TRUE(run(io_, reader->read_some()));
  folder_.write("big", std::string(600 << 10, 'x'));
  const timespec times[2] = {{1'000, 0}, {1'000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / "big").c_str(), times, 0), 0);
  EXPECT_EQ(run(io_, drain(*reader)), "origin_failed");
}

TEST_F(LocalBucketTest, FileThatIsReplacedIsReadToItsEnd) {
  const std::string content = pattern(600 << 10);
  folder_.write("big", content);
  const auto reader = open("big");
  folder_.write("new", "other");
  std::filesystem::rename(folder_ / "new", folder_ / "big");
  EXPECT_EQ(run(io_, drain(*reader)), content);
  EXPECT_EQ(get("big"), "other");
}

TEST_F(LocalBucketTest, AFifoIsNoKeyAndHangsNobody) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(get("fifo"), "no_key");
}

TEST_F(LocalBucketTest, LooksAtDeadlineAndCancellationBetweenPieces) {
  folder_.write("big", pattern(600 << 10));
  EXPECT_EQ(get("big", {.deadline = base::Deadline(base::Clock::now())}), "deadline");
  net::CancelSource source;
  const auto reader = open("big", {.cancel = source.token()});
  ASSERT_TRUE(run(io_, reader->read_some()));
  source.cancel();
  EXPECT_EQ(run(io_, drain(*reader)), "client_gone");
  EXPECT_EQ(get("big", {.cancel = source.token()}), "client_gone");
}

TEST_F(LocalBucketTest, FullPoolIsAFailureAndNotAWait) {
  folder_.write("a", "content");
  std::promise<void> started;
  std::promise<void> released;
  auto release = released.get_future();
  net::BlockingPool pool(1, 0);  // last: its thread is joined before what the call uses goes
  LocalBucket bucket(pool, folder_.path());
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    release.wait();
  }));
  started.get_future().wait();
  EXPECT_EQ(run(io_, storage::get(bucket, "a", {})), "origin_failed");
  released.set_value();
}

TEST_F(LocalBucketTest, WhatIsInTheKernelsCachesNeedsNoPool) {
  folder_.write("a", "content");
  const auto file = open_beneath(folder_.path(), "a");
  ASSERT_TRUE(file);
  std::array<char, 8> content{};
  if (!file->is_local || read_cached(file->fd.get(), content, 0) == 0) {
    GTEST_SKIP() << "this file system cannot be read without waiting";
  }
  std::promise<void> released;
  auto release = released.get_future();
  net::BlockingPool pool(1, 0);
  LocalBucket bucket(pool, folder_.path());
  EXPECT_EQ(run(io_, storage::get(bucket, "a", {})), "content");  // by the pool: the first
  std::promise<void> started;
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    release.wait();
  }));
  started.get_future().wait();
  EXPECT_EQ(run(io_, storage::get(bucket, "a", {})), "content");
  EXPECT_EQ(run(io_, storage::get(bucket, "absent", {})), "origin_failed");
  released.set_value();
}

TEST_F(LocalBucketTest, BucketsAreFoundByName) {
  folder_.write("a", "content");
  std::map<std::string, BucketConfig> config;
  config["photos"].folder = folder_.path();
  const BucketSet buckets(io_, pool_, config);
  const auto found = buckets.find("photos");
  ASSERT_TRUE(found);
  EXPECT_EQ(run(io_, storage::get(**found, "a", {})), "content");
  const auto missing = buckets.find("films");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason, Reason::NoBucket);
  EXPECT_EQ(missing.error().public_message.find("photos"), std::string::npos);
}

class OriginalTest : public LocalBucketTest {
 protected:
  OriginalTest() {
    folder_.write("ten", "0123456789");
    validator_ = open("ten")->facts().validator;
  }
  Original original(ConditionalFields fields, const std::string& key = "ten") {
    auto opened = run(io_, open_original(bucket_, key, std::move(fields), {}));
    EXPECT_TRUE(opened) << opened.error().public_message;
    return std::move(*opened);
  }
  std::string body(const Original& opened) {
    return opened.reader ? run(io_, drain(*opened.reader)) : "none";
  }
  std::string validator_;
};

TEST_F(OriginalTest, IsServedWhole) {
  const Original opened = original({});
  EXPECT_EQ(opened.decision.status(), 200);
  EXPECT_EQ(opened.facts.validator, validator_);
  EXPECT_EQ(body(opened), "0123456789");
}

TEST_F(OriginalTest, IsServedInPart) {
  const Original opened = original({.range = "bytes=-3"});
  EXPECT_EQ(opened.decision.status(), 206);
  EXPECT_EQ(opened.decision.content_range(10), "bytes 7-9/10");
  EXPECT_EQ(opened.reader->length(), 3U);
  EXPECT_EQ(body(opened), "789");
}

TEST_F(OriginalTest, IsNotServedWhenNothingChangedOrNothingIsThere) {
  Original opened = original({.if_none_match = validator_});
  EXPECT_EQ(opened.decision.status(), 304);
  EXPECT_EQ(opened.facts.validator, validator_);
  EXPECT_EQ(body(opened), "none");
  opened = original({.range = "bytes=10-"});
  EXPECT_EQ(opened.decision.status(), 416);
  EXPECT_EQ(opened.facts.size_bytes, 10U);
  EXPECT_EQ(body(opened), "none");
}

TEST_F(OriginalTest, ErrorsAreTheBuckets) {
  for (const ConditionalFields& fields :
       {ConditionalFields{}, ConditionalFields{.range = "bytes=0-1"}}) {
    const auto opened = run(io_, open_original(bucket_, "absent", fields, {}));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().reason, Reason::NoKey);
  }
}

// Changes the entry behind the back of whoever has just asked for its facts.
class ChangingBucket final : public Bucket {
 public:
  ChangingBucket(Bucket& inner, std::function<void()> change)
      : inner_(inner), change_(std::move(change)) {}
  net::Awaitable<base::Result<OpenOutcome>> open(std::string key, OpenOptions options) override {
    return inner_.open(std::move(key), std::move(options));
  }
  net::Awaitable<base::Result<EntryFacts>> stat(std::string key, base::Deadline deadline) override {
    auto facts = co_await inner_.stat(std::move(key), deadline);
    change_();
    co_return facts;
  }
  [[nodiscard]] std::string origin() const override { return {}; }

 private:
  Bucket& inner_;
  std::function<void()> change_;
};

TEST_F(OriginalTest, EntryThatChangesUnderARangeIsServedWhole) {
  for (const std::string& now : {std::string("abc"), std::string("abcdefghijklmnop")}) {
    folder_.write("ten", "0123456789");
    ChangingBucket changing(bucket_, [&] { folder_.write("ten", now); });
    auto opened = run(io_, open_original(changing, "ten", {.range = "bytes=5-6"}, {}));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->decision.status(), 200);
    EXPECT_EQ(opened->facts.size_bytes, now.size());
    EXPECT_EQ(body(*opened), now);
  }
}

TEST_F(OriginalTest, EntryThatVanishesIsNoKey) {
  ChangingBucket changing(bucket_, [&] { std::filesystem::remove(folder_ / "ten"); });
  const auto opened = run(io_, open_original(changing, "ten", {.range = "bytes=5-6"}, {}));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, Reason::NoKey);
}

}  // namespace
}  // namespace millrace::storage
