// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/cached_file.h"
#include "agent/config.h"
#include "base/result.h"

namespace millrace::agent {

class CacheWriter;

// Files in memory: originals and results, on tmpfs or ramfs, within a budget that is kept here
// because ramfs has none. CachePolicy decides who stays. A file is written once, then only read;
// while it is pinned it stays. One thread.
class CacheStore : public std::enable_shared_from_this<CacheStore> {
 public:
  // Makes the folder, takes it for this process alone, and removes the entries that an earlier one
  // left. BadParameter when the folder cannot be used or another agent has it. A folder that is not
  // in memory is said in the log.
  static base::Result<std::shared_ptr<CacheStore>> open(const CacheConfig& config);
  explicit CacheStore(std::shared_ptr<CacheBooks> books) : books_(std::move(books)) {}

  // Empty when it is not there. Counts as a use of the entry.
  [[nodiscard]] CachePin find(const CacheKey& key);
  // Whether find() would give it; no use of it.
  [[nodiscard]] bool has(const CacheKey& key) const { return files_.contains(key); }
  // A new file with `expected` bytes set aside for it. CacheFull when what is in use leaves no
  // room.
  [[nodiscard]] base::Result<CacheWriter> begin(base::Bytes expected);
  // The same for what a worker writes.
  [[nodiscard]] base::Result<CacheWriter> begin_result(base::Bytes expected);

  [[nodiscard]] base::Bytes used() const { return books_->policy.used(); }
  [[nodiscard]] base::Bytes pinned() const { return books_->policy.pinned(); }
  [[nodiscard]] std::size_t entries() const { return files_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return books_->policy.evictions(); }

 private:
  friend class CacheWriter;
  struct NewFile {
    base::UniqueFd fd;
    std::string name;
  };
  [[nodiscard]] base::Result<NewFile> make_file();
  [[nodiscard]] base::Result<void> reserve(base::Bytes size);
  void forget(const std::vector<CacheKey>& evicted);

  std::shared_ptr<CacheBooks> books_;
  std::unordered_map<CacheKey, std::shared_ptr<CachedFile>, CacheKeyHash> files_;
  std::uint64_t next_name_ = 0;
};

// A content of the cache that is being written. Gone without a trace unless it is committed.
//
// What a worker writes it writes to a file of no name (memfd) that is none of the cache's. From
// there the commit takes it over: a small one into bytes that this process holds, which costs less
// than to make and remove a file, a larger one into a file of the cache. So a worker that keeps its
// descriptor changes nothing that others read, and cuts nothing that they have mapped.
class CacheWriter {
 public:
  // Results up to this are held; larger ones are files, whose descriptors may travel.
  static constexpr std::uint64_t kHeldBytesMax = 64U << 10;

  CacheWriter(CacheWriter&& other) noexcept;
  CacheWriter& operator=(CacheWriter&&) = delete;
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;
  ~CacheWriter();

  // For a worker, which writes from offset 0.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // CacheFull when budget or file system have no room. Not for a worker's.
  [[nodiscard]] base::Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t written() const { return written_; }

  struct Commit {
    CacheKey key;
    std::shared_ptr<const VariantFacts> facts;
    bool keep = true;                              // false: the content lives as long as its pins
    std::optional<std::uint64_t> size_bytes = {};  // that a worker says it has; Internal otherwise
  };
  // Ends the writing and gives the content pinned. If the key is there already, that one is given
  // and this one dropped. CacheFull when it came out larger than the budget allows. The writer is
  // of no use afterwards.
  [[nodiscard]] base::Result<CachePin> commit(Commit commit);

 private:
  friend class CacheStore;
  CacheWriter(std::shared_ptr<CacheStore> store, base::UniqueFd fd, std::string name,
              base::Bytes reserved);
  [[nodiscard]] bool is_of_worker() const { return name_.empty(); }
  [[nodiscard]] base::Result<std::uint64_t> size_written(const Commit& commit) const;
  [[nodiscard]] base::Result<std::shared_ptr<CachedFile>> take_over(std::uint64_t size_bytes);
  [[nodiscard]] base::Result<std::shared_ptr<CachedFile>> hold(std::uint64_t size_bytes) const;
  [[nodiscard]] base::Result<void> copy_to_file(std::uint64_t size_bytes);
  [[nodiscard]] base::Result<void> resize_reservation(base::Bytes size);
  void discard();

  std::shared_ptr<CacheStore> store_;
  base::UniqueFd fd_;
  std::string name_;  // empty: a worker's
  base::Bytes reserved_;
  std::uint64_t written_ = 0;
};

}  // namespace millrace::agent
