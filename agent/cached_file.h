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

// One immutable content of the cache: a file of its folder, or bytes that this process holds. Its
// name, its mapping and its bytes go when the last owner lets go. One thread.
class CachedFile {
 public:
  CachedFile(std::shared_ptr<CacheBooks> books, std::string name, std::uint64_t size_bytes)
      : books_(std::move(books)), name_(std::move(name)), size_bytes_(size_bytes) {}
  CachedFile(std::shared_ptr<CacheBooks> books, std::unique_ptr<char[]> held,
             std::uint64_t size_bytes)
      : books_(std::move(books)), held_(std::move(held)), size_bytes_(size_bytes) {}
  ~CachedFile();
  CachedFile(const CachedFile&) = delete;
  CachedFile& operator=(const CachedFile&) = delete;

  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  // The content. A file is mapped at the first call and then for its life. CacheFull when the
  // kernel has no room for another mapping.
  [[nodiscard]] base::Result<std::string_view> bytes();
  // Whether it is a file, which has a descriptor.
  [[nodiscard]] bool is_file() const { return !name_.empty(); }
  // Of a file: open for reading alone, for as long as somebody pins it, and the same one for all
  // who ask meanwhile (they read at offsets of their own). Who is given it may keep a copy: it
  // changes nothing and is of this content for ever.
  [[nodiscard]] base::Result<int> descriptor();
  // Null for originals.
  [[nodiscard]] const std::shared_ptr<const VariantFacts>& facts() const { return facts_; }

 private:
  friend class CachePin;
  friend class CacheStore;
  friend class CacheWriter;

  [[nodiscard]] base::Result<base::UniqueFd> open() const;

  std::shared_ptr<CacheBooks> books_;
  std::string name_;              // of a file …
  std::unique_ptr<char[]> held_;  // … or what is held
  std::uint64_t size_bytes_ = 0;
  base::UniqueFd descriptor_;  // while it is pinned, once it was asked for
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
    if (!file_ || file_->node_ == nullptr) return;
    file_->books_->policy.unpin(*file_->node_);
    if (file_->node_->pins == 0) file_->descriptor_.reset();
  }
  std::shared_ptr<CachedFile> file_;
};

}  // namespace millrace::agent
