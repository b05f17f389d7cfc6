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

  [[nodiscard]] base::Bytes used() const { return books_->policy.used(); }
  [[nodiscard]] base::Bytes pinned() const { return books_->policy.pinned(); }
  [[nodiscard]] std::size_t entries() const { return files_.size(); }
  [[nodiscard]] std::uint64_t evictions() const { return books_->policy.evictions(); }

 private:
  friend class CacheWriter;
  [[nodiscard]] base::Result<void> reserve(base::Bytes size);
  void forget(const std::vector<CacheKey>& evicted);

  std::shared_ptr<CacheBooks> books_;
  std::unordered_map<CacheKey, std::shared_ptr<CachedFile>, CacheKeyHash> files_;
  std::uint64_t next_name_ = 0;
};

// A file of the cache that is being written. Gone without a trace unless it is committed.
class CacheWriter {
 public:
  CacheWriter(CacheWriter&& other) noexcept;
  CacheWriter& operator=(CacheWriter&&) = delete;
  CacheWriter(const CacheWriter&) = delete;
  CacheWriter& operator=(const CacheWriter&) = delete;
  ~CacheWriter();

  // For a worker, which writes at the descriptor's offset.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // CacheFull when budget or file system have no room.
  [[nodiscard]] base::Result<void> append(std::string_view bytes);
  [[nodiscard]] std::uint64_t written() const { return written_; }

  struct Commit {
    CacheKey key;
    std::shared_ptr<const VariantFacts> facts;
    bool keep = true;                         // false: the file lives as long as its pins
    std::optional<std::uint64_t> size_bytes;  // what it must have come out as; Internal otherwise
  };
  // Ends the writing, whoever did it, and gives the file pinned. If the key is there already, that
  // file is given and this one dropped. CacheFull when it came out larger than the budget allows.
  // The writer is of no use afterwards.
  [[nodiscard]] base::Result<CachePin> commit(Commit commit);

 private:
  friend class CacheStore;
  CacheWriter(std::shared_ptr<CacheStore> store, base::UniqueFd fd, std::string name,
              base::Bytes reserved);
  [[nodiscard]] base::Result<void> resize_reservation(base::Bytes size);
  void discard();

  std::shared_ptr<CacheStore> store_;
  base::UniqueFd fd_;
  std::string name_;
  base::Bytes reserved_;
  std::uint64_t written_ = 0;
};

}  // namespace millrace::agent
