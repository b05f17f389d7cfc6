// SPDX-License-Identifier: Apache-2.0
#include "storage/local_bucket.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <unistd.h>

#include "storage/beneath.h"
#include "storage/conditional.h"
#include "storage/media_type.h"

namespace millrace::storage {
namespace {

using base::Reason;
using base::Result;

constexpr std::uint64_t kPieceBytes = 256 << 10;

Result<void> check_wanted(const base::Deadline& deadline, const net::CancelToken& cancel) {
  if (cancel.cancelled()) return base::fail(Reason::ClientGone, "Nobody waits for this any more");
  if (deadline.expired(base::Clock::now())) {
    return base::fail(Reason::Deadline, "The original could not be read in time");
  }
  return {};
}

base::Failure pool_is_full() {
  return base::fail(Reason::OriginFailed, "The bucket's folder is too busy",
                    "the pool of blocking calls is full");
}

EntryFacts facts_of(const FileStamp& stamp, std::string_view key) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EntryFacts facts;
  facts.size_bytes = stamp.size_bytes;
  facts.validator = stamp.entity_tag();
  facts.media_type = media_type_of_key(key);
  // Rounded down, also before 1970.
  facts.modified_unix_s = stamp.modified_ns / kSecond - (stamp.modified_ns % kSecond < 0 ? 1 : 0);
  return facts;
}

// The bytes of an entry of `size` that `range` names.
Result<ByteRange> clipped(const std::optional<ByteRange>& range, std::uint64_t size) {
  if (!range || (range->offset == 0 && !range->length)) return ByteRange{0, size};
  if (range->offset >= size || range->length == 0) {
    return base::fail(Reason::BadRange, "The range lies beyond the end of the entry");
  }
  const std::uint64_t left = size - range->offset;
  return ByteRange{range->offset, std::min(range->length.value_or(left), left)};
}

class LocalReader final : public EntryReader {
 public:
  LocalReader(net::BlockingPool& pool, BeneathFile file, EntryFacts facts, ByteRange range,
              const OpenOptions& options)
      : pool_(pool),
        file_(std::move(file)),
        facts_(std::move(facts)),
        begin_(range.offset),
        next_(range.offset),
        end_(range.offset + range.length.value_or(0)),
        deadline_(options.deadline),
        cancel_(options.cancel) {}

  [[nodiscard]] const EntryFacts& facts() const override { return facts_; }
  [[nodiscard]] std::optional<std::uint64_t> length() const override { return end_ - begin_; }
  [[nodiscard]] std::uint64_t offset() const override { return begin_; }

  net::Awaitable<Result<std::string_view>> read_some() override {
    if (next_ == end_) co_return std::string_view();
    if (const auto wanted = check_wanted(deadline_, cancel_); !wanted) {
      co_return base::fail(wanted.error());
    }
    if (!piece_) {
      piece_ = std::make_unique_for_overwrite<char[]>(std::min(kPieceBytes, end_ - begin_));
    }
    const std::uint64_t want = std::min(kPieceBytes, end_ - next_);
    std::uint64_t have = 0;
    if (file_.is_local) have = read_cached(file_.fd.get(), {piece_.get(), want}, next_);
    if (have == want) co_return taken(have);
    Result<std::string_view> piece;
    auto call = [this, &piece, want, have] { piece = read_piece(want, have); };
    const bool ran = co_await pool_.run(call);
    if (!ran) co_return pool_is_full();
    co_return piece;
  }

 private:
  // On the pool's thread, while this reader's owner waits: what is left of `want` after `have`.
  Result<std::string_view> read_piece(std::uint64_t want, std::uint64_t have) {
    while (have < want) {
      const ssize_t got = ::pread(file_.fd.get(), piece_.get() + have, want - have,
                                  static_cast<off_t>(next_ + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return base::fail(Reason::OriginFailed, "The bucket's folder cannot be read",
                          "pread: " + std::error_code(errno, std::generic_category()).message());
      }
      if (got == 0) return changed("it was cut while it was read");
      have += static_cast<std::uint64_t>(got);
    }
    return taken(have);
  }

  // The piece is read. After the last one it must be sure that it was one file all the time.
  Result<std::string_view> taken(std::uint64_t have) {
    next_ += have;
    if (next_ == end_) {
      const auto stamp = stamp_of(file_.fd.get());
      if (!stamp) return base::fail(stamp.error());
      if (stamp->content_differs(file_.stamp)) return changed("it was written while it was read");
    }
    return std::string_view(piece_.get(), have);
  }

  static base::Failure changed(std::string detail) {
    return base::fail(Reason::OriginFailed, "The original changed while it was read",
                      std::move(detail));
  }

  net::BlockingPool& pool_;
  BeneathFile file_;
  EntryFacts facts_;
  std::uint64_t begin_;
  std::uint64_t next_;
  std::uint64_t end_;
  base::Deadline deadline_;
  net::CancelToken cancel_;
  std::unique_ptr<char[]> piece_;
};

}  // namespace

LocalBucket::LocalBucket(net::BlockingPool& pool, std::string folder)
    : pool_(pool), folder_(std::move(folder)) {}

net::Awaitable<Result<OpenOutcome>> LocalBucket::open(std::string key, OpenOptions options) {
  if (const auto wanted = check_wanted(options.deadline, options.cancel); !wanted) {
    co_return base::fail(wanted.error());
  }
  Result<BeneathFile> file;
  std::optional<BeneathFile> at_hand;
  if (local_device_) at_hand = open_beneath_cached(folder_, key, *local_device_);
  if (at_hand) {
    file = *std::move(at_hand);
  } else {
    auto call = [this, &file, &key] { file = open_beneath(folder_, key); };
    const bool ran = co_await pool_.run(call);
    if (!ran) co_return pool_is_full();
    if (!file) co_return base::fail(file.error());
    if (file->is_local) local_device_ = file->stamp.device;
  }

  EntryFacts facts = facts_of(file->stamp, key);
  if (!options.known_validator.empty() &&
      same_entity_weakly(options.known_validator, facts.validator)) {
    co_return OpenOutcome(NotModified{});
  }
  const Result<ByteRange> range = clipped(options.range, file->stamp.size_bytes);
  if (!range) co_return base::fail(range.error());
  co_return OpenOutcome(
      std::make_unique<LocalReader>(pool_, std::move(*file), std::move(facts), *range, options));
}

net::Awaitable<Result<EntryFacts>> LocalBucket::stat(std::string key, base::Deadline deadline) {
  const Result<OpenOutcome> opened = co_await open(key, OpenOptions{.deadline = deadline});
  if (!opened) co_return base::fail(opened.error());
  co_return std::get<std::unique_ptr<EntryReader>>(*opened)->facts();
}

}  // namespace millrace::storage
