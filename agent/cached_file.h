// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/policy/cache_policy.h"
#include "agent/variant_facts.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace millrace::agent {

// What the store's entries share: the folder's descriptor and the books. Lives as long as any
// entry.
struct CacheBooks {
  base::UniqueFd dir;
  CachePolicy policy;
};

// One immutable file of the cache. Its name and its mapping go when the last owner lets go. One
// thread.
class CachedFile {
 public:
  CachedFile(std::shared_ptr<CacheBooks> books, std::string name, std::uint64_t size_bytes)
      : books_(std::move(books)), name_(std::move(name)), size_bytes_(size_bytes) {}
  ~CachedFile();
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;

  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  // The content, mapped at the first call and then for the file's life. CacheFull when the kernel
  // has no room for another mapping.
  [[nodiscard]] base::Result<std::string_view> bytes();
  // A descriptor of its own, at offset 0, for a worker.
  [[nodiscard]] base::Result<base::UniqueFd> open_for_reading() const;
  // Null for originals.
  [[nodiscard]] const std::shared_ptr<const VariantFacts>& facts() const { return facts_; }

 private:
  friend class CachePin;
  friend class CacheStore;
  friend class CacheWriter;

  std::shared_ptr<CacheBooks> books_;
  std::string name_;
  std::uint64_t size_bytes_ = 0;
  void* mapping_ = nullptr;
  std::shared_ptr<const VariantFacts> facts_;
  CachePolicy::Node* node_ =
      nullptr;  // null: not kept, the reservation below is its place in the budget
  base::Bytes reserved_;
};

// Keeps a cached file from being evicted. Copies count.
class CachePin {
 public:
  CachePin() = default;
  explicit CachePin(std::shared_ptr<CachedFile> file) : file_(std::move(file)) { pin(); }
  CachePin(const CachePin& other) : file_(other.file_) { pin(); }
  CachePin(CachePin&& other) noexcept : file_(std::move(other.file_)) {}
  CachePin& operator=(CachePin other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~CachePin() { unpin(); }

  [[nodiscard]] explicit operator bool() const { return file_ != nullptr; }
  [[nodiscard]] CachedFile& file() const { return *file_; }

 private:
  void pin() const {
    if (file_ && file_->node_ != nullptr) file_->books_->policy.pin(*file_->node_);
  }
  void unpin() const {
    if (file_ && file_->node_ != nullptr) file_->books_->policy.unpin(*file_->node_);
  }
  std::shared_ptr<CachedFile> file_;
};

}  // namespace millrace::agent
